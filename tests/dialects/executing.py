"""What an executor reports, without building anything: the same commands and lines, in the same order."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from adapters.linewriting import LineWriter
from adapters.masking import Masks
from commands.deployment import (
    FailDeployment,
    FinishStep,
    LeaseDeployment,
    ResolveCommit,
    StartStep,
    SucceedDeployment,
)
from commands.environment import BeginActivation, CompleteActivation
from commands.lines import CloseLog
from commands.release import CutRelease
from domain.deployment import Outcome
from domain.environment import Upstream
from domain.identifiers import DeploymentId, EnvironmentId, ExecutorId, LogId, ProjectId, ReleaseId, build_log, uuid7
from domain.project import RuntimeConfig
from domain.release import ReleaseCut, Surroundings
from domain.steps import StepKind
from tests.dialects.plane import Caller, Plane

COMMIT = "c0ffee" + 34 * "0"


class Writing:
    """One log that is being written."""

    def __init__(self, plane: Plane, log_id: LogId) -> None:
        self._plane = plane
        self._log_id = log_id
        self._stack = AsyncExitStack()
        self._writer: LineWriter = plane.call(self._open())

    async def _open(self) -> LineWriter:
        return await self._stack.enter_async_context(self._plane.writers.open(self._log_id, Masks()))

    def lines(self, lines: Sequence[str], step: str | None = "build") -> None:
        """Store lines."""
        self._plane.call(self._write(lines, step))

    async def _write(self, lines: Sequence[str], step: str | None) -> None:
        await self._writer.write("".join(f"{line}\n" for line in lines).encode(), step=step)
        await self._writer.flush()

    def close(self, tenant: str) -> int:
        """Seal the log; its last seq."""
        last_seq, digest = self._plane.call(self._writer.finish())
        self._plane.call(self._stack.aclose())
        self._plane.do(tenant, CloseLog(log_id=self._log_id, last_seq=last_seq, sha256=digest))
        return last_seq


class Execution:
    """The work on one deployment, from its lease on."""

    def __init__(self, caller: Caller, deployment: Any) -> None:
        self.plane = caller.plane
        self.tenant = caller.tenant
        self.deployment = deployment
        self.id = DeploymentId(deployment["id"])
        self.environment = EnvironmentId(deployment["environmentId"])
        self.release = ReleaseId(uuid7())
        self.plane.do(self.tenant, LeaseDeployment(deployment_id=self.id, executor_id=ExecutorId("executor")))
        self.log = Writing(self.plane, build_log(self.id))

    def step(self, step: StepKind, lines: Sequence[str] = (), outcome: Outcome = Outcome.OK) -> None:
        """Run a step that prints lines."""
        self.plane.do(self.tenant, StartStep(deployment_id=self.id, fencing_token=1, step=step))
        if lines:
            self.log.lines(lines, step)
        finished = FinishStep(
            deployment_id=self.id,
            fencing_token=1,
            step=step,
            outcome=outcome,
            duration_ms=12,
            exit_code=0 if outcome is Outcome.OK else 2,
        )
        self.plane.do(self.tenant, finished)

    def resolve(self) -> None:
        """Find the commit."""
        self.plane.do(
            self.tenant,
            ResolveCommit(
                deployment_id=self.id, fencing_token=1, commit=COMMIT, message="Sell coffee", author="Insider <a@b.c>"
            ),
        )

    def publish(self, start_command: str | None = None, artifact: str = "a" * 64, tools: tuple[str, ...] = ()) -> None:
        """Cut the release, and make it live."""
        cut = ReleaseCut(
            release_id=self.release,
            deployment_id=self.id,
            deployment_number=self.deployment["number"],
            project_id=ProjectId(self.deployment["projectId"]),
            environment_id=self.environment,
            branch="main",
            commit=COMMIT,
            commit_message="Sell coffee",
            artifact=artifact,
            artifact_bytes=1234,
            runtime=RuntimeConfig(),
            start_command=start_command,
            surroundings=Surroundings(tools=tools),
        )
        begin = BeginActivation(
            environment_id=self.environment,
            release_id=self.release,
            deployment_id=self.id,
            deployment_number=self.deployment["number"],
            fencing_token=1,
        )
        begun = self.plane.do(self.tenant, CutRelease(release_id=self.release, cut=cut), begin)
        activate(
            self.plane, self.tenant, self.environment, begun.facts[-1].fact.activation, self.release, start_command
        )

    def succeed(self) -> int:
        """End well; the log's last seq."""
        done = SucceedDeployment(deployment_id=self.id, fencing_token=1, release_id=self.release)
        self.plane.do(self.tenant, done)
        return self.log.close(self.tenant)

    def fail(self, error: str) -> int:
        """End badly; the log's last seq."""
        failed = FailDeployment(deployment_id=self.id, fencing_token=1, error=error, step=StepKind.BUILD, exit_code=2)
        self.plane.do(self.tenant, failed)
        return self.log.close(self.tenant)


def activate(
    plane: Plane, tenant: str, environment: str, activation: int, release: str, start_command: str | None = None
) -> None:
    """Report that a release is live."""
    upstreams = (Upstream(host="127.0.0.1", port=4000),) if start_command else ()
    complete = CompleteActivation(
        environment_id=EnvironmentId(environment),
        activation=activation,
        release_id=ReleaseId(release),
        upstreams=upstreams,
    )
    plane.do(tenant, complete)


def deployed(caller: Caller, project: Any, lines: Sequence[str] = ("hello",), start_command: str | None = None) -> Any:
    """A deployment that went well, as its detail shows it."""
    execution = Execution(caller, caller.deployment(project))
    execution.step(StepKind.FETCH)
    execution.resolve()
    execution.step(StepKind.BUILD, lines)
    execution.publish(start_command)
    execution.succeed()
    return caller.get(f"/deployments/{execution.id}")
