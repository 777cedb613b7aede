"""A deployment: asked for, leased, reported on, and ended once."""

import pytest

from commands.deployment import (
    DECIDER,
    MOST_LOST,
    CancelDeployment,
    DeploymentCommand,
    FailDeployment,
    FinishStep,
    LeaseDeployment,
    QueueDeployment,
    Report,
    ResolveCommit,
    StartStep,
    SucceedDeployment,
)
from domain.deployment import (
    CommitResolved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentSucceeded,
    Outcome,
    Recipe,
    StepFinished,
    StepStarted,
)
from domain.fact import Fact
from domain.identifiers import ConnectionId, DeploymentId, EnvironmentId, ExecutorId, ProjectId, ReleaseId
from domain.project import BuildConfig, ProjectType, RuntimeConfig
from domain.rejection import Conflict, Invalid, NotFound, StaleLease
from domain.steps import StepKind
from tests.commands.specification import specification

given = specification(DECIDER)

ID = DeploymentId("deployment")
COMMIT = "c0ffee" + 34 * "0"
RECIPE = Recipe(
    type=ProjectType.STATIC,
    connection_id=ConnectionId("connection"),
    root_directory="",
    build=BuildConfig(),
    runtime=RuntimeConfig(),
)


def queue(branch: str = "main", commit: str | None = None, note: str | None = None) -> QueueDeployment:
    return QueueDeployment(
        deployment_id=ID,
        number=42,
        project_id=ProjectId("project"),
        environment_id=EnvironmentId("environment"),
        branch=branch,
        recipe=RECIPE,
        commit=commit,
        note=note,
    )


def queued(branch: str = "main", commit: str | None = None, note: str | None = None) -> DeploymentQueued:
    return DeploymentQueued(
        deployment_id=ID,
        number=42,
        project_id=ProjectId("project"),
        environment_id=EnvironmentId("environment"),
        branch=branch,
        recipe=RECIPE,
        commit=commit,
        note=note,
    )


def leased(token: int, executor: str = "first") -> DeploymentLeased:
    return DeploymentLeased(
        deployment_id=ID,
        executor_id=ExecutorId(executor),
        fencing_token=token,
        environment_id=EnvironmentId("environment"),
    )


def lease(executor: str) -> LeaseDeployment:
    return LeaseDeployment(deployment_id=ID, executor_id=ExecutorId(executor))


def reports(token: int) -> list[tuple[Report, Fact]]:
    """Every report that the holder of ``token`` may make, with what follows from it."""
    step, finished, release = StepKind.BUILD, Outcome.OK, ReleaseId("release")
    return [
        (
            ResolveCommit(
                deployment_id=ID, fencing_token=token, commit=COMMIT, message="Sell coffee", author="Insider"
            ),
            CommitResolved(deployment_id=ID, commit=COMMIT, message="Sell coffee", author="Insider"),
        ),
        (
            StartStep(deployment_id=ID, fencing_token=token, step=step),
            StepStarted(deployment_id=ID, step=step, fencing_token=token),
        ),
        (
            FinishStep(deployment_id=ID, fencing_token=token, step=step, outcome=finished, duration_ms=7, exit_code=0),
            StepFinished(
                deployment_id=ID, step=step, outcome=finished, duration_ms=7, fencing_token=token, exit_code=0
            ),
        ),
        (
            SucceedDeployment(deployment_id=ID, fencing_token=token, release_id=release),
            DeploymentSucceeded(deployment_id=ID, release_id=release),
        ),
        (
            FailDeployment(deployment_id=ID, fencing_token=token, error="The build failed.", step=step, exit_code=2),
            DeploymentFailed(deployment_id=ID, error="The build failed.", step=step, exit_code=2),
        ),
    ]


def kind(command: DeploymentCommand) -> str:
    return type(command).__name__


REPORTS = [pytest.param(report, fact, id=kind(report)) for report, fact in reports(token=1)]
ENDS = [
    pytest.param(DeploymentSucceeded(deployment_id=ID, release_id=ReleaseId("release")), id="succeeded"),
    pytest.param(DeploymentFailed(deployment_id=ID, error="The build failed."), id="failed"),
    pytest.param(DeploymentCancelled(deployment_id=ID), id="cancelled"),
]


class TestAskingForADeployment:
    def test_queues_it(self) -> None:
        given().when(queue("release/1.2", COMMIT, "Try")).then(queued("release/1.2", COMMIT, "Try"))

    def test_twice_queues_one(self) -> None:
        given(queued()).when(queue()).then_nothing()

    def test_needs_a_branch_name(self) -> None:
        given().when(queue("--upload-pack=evil")).then_refused(Invalid, field="branch")

    @pytest.mark.parametrize("commit", ["c0ffee", "--upload-pack=evil", 40 * "g", 41 * "0", ""])
    def test_takes_a_whole_commit_hash_only(self, commit: str) -> None:
        given().when(queue(commit=commit)).then_refused(Invalid, field="commit")

    @pytest.mark.parametrize("length", [40, 64])
    def test_takes_a_commit_of_either_hash(self, length: int) -> None:
        given().when(queue(commit="a" * length)).then(queued(commit="a" * length))

    def test_takes_a_note_of_at_most_500_characters(self) -> None:
        given().when(queue(note="x" * 500)).then(queued(note="x" * 500))
        given().when(queue(note="x" * 501)).then_refused(Invalid, field="note")


class TestALease:
    def test_of_a_queued_deployment_has_token_one(self) -> None:
        given(queued()).when(lease("first")).then(leased(1, "first"))

    def test_that_is_taken_over_has_a_higher_token(self) -> None:
        given(queued(), leased(1)).when(lease("second")).then(leased(2, "second"))

    def test_taken_again_by_the_same_executor_has_a_higher_token_too(self) -> None:
        given(queued(), leased(1)).when(lease("first")).then(leased(2, "first"))

    def test_after_too_many_lost_executors_gives_the_deployment_up(self) -> None:
        past = [queued(), *(leased(token, f"executor {token}") for token in range(1, MOST_LOST + 1))]
        given(*past).when(lease("last")).then(
            DeploymentFailed(
                deployment_id=ID,
                error="The deployment was given up: 5 executors were lost while they worked on it.",
            )
        )

    def test_taken_again_by_an_executor_that_lived_counts_against_nobody(self) -> None:
        past = [queued(), *(leased(token) for token in range(1, 3 * MOST_LOST))]
        given(*past).when(lease("first")).then(leased(3 * MOST_LOST, "first"))
        given(*past).when(lease("second")).then(leased(3 * MOST_LOST, "second"))

    def test_given_up_names_the_step_that_was_under_way(self) -> None:
        building = StepStarted(deployment_id=ID, step=StepKind.BUILD, fencing_token=MOST_LOST)
        past = [queued(), *(leased(token, f"executor {token}") for token in range(1, MOST_LOST + 1)), building]
        [failed] = DECIDER.decide(lease("last"), DECIDER.fold(past))
        assert failed.step is StepKind.BUILD

    def test_of_a_deployment_that_never_was_is_refused(self) -> None:
        given().when(lease("first")).then_refused(NotFound)


class TestAReport:
    @pytest.mark.parametrize(("report", "fact"), REPORTS)
    def test_of_the_leases_holder_is_recorded(self, report: Report, fact: Fact) -> None:
        given(queued(), leased(1)).when(report).then(fact)

    @pytest.mark.parametrize("report", [report for report, _ in reports(1)], ids=kind)
    def test_of_an_outranked_lease_is_refused(self, report: Report) -> None:
        given(queued(), leased(1), leased(2, "second")).when(report).then_refused(StaleLease)

    @pytest.mark.parametrize("report", [report for report, _ in reports(0)], ids=kind)
    def test_without_any_lease_is_refused(self, report: Report) -> None:
        given(queued()).when(report).then_refused(StaleLease)

    @pytest.mark.parametrize("report", [report for report, _ in reports(1)], ids=kind)
    def test_about_a_deployment_that_never_was_is_refused(self, report: Report) -> None:
        given().when(report).then_refused(NotFound)

    def test_is_cut_where_a_repository_or_a_program_wrote_too_much(self) -> None:
        hostile = ResolveCommit(
            deployment_id=ID, fencing_token=1, commit=COMMIT, message="x" * 9999, author="Insider\x00" + "a" * 999
        )
        [resolved] = DECIDER.decide(hostile, DECIDER.fold([queued(), leased(1)]))
        assert (len(resolved.message), len(resolved.author)) == (2000, 200)
        assert resolved.author.startswith("Insider\N{REPLACEMENT CHARACTER}a")

    def test_of_a_failure_keeps_an_error_that_can_be_shown(self) -> None:
        report = FailDeployment(deployment_id=ID, fencing_token=1, error="npm\x1b[31m ERR!\x00" + "!" * 9999)
        [failed] = DECIDER.decide(report, DECIDER.fold([queued(), leased(1)]))
        assert len(failed.error) == 2000
        assert failed.error.startswith("npm\N{REPLACEMENT CHARACTER}[31m ERR!\N{REPLACEMENT CHARACTER}!")


class TestCancelling:
    @pytest.mark.parametrize("past", [(queued(),), (queued(), leased(1))], ids=["queued", "running"])
    def test_stops_a_deployment_that_has_not_ended(self, past: tuple[Fact, ...]) -> None:
        cancel = CancelDeployment(deployment_id=ID, reason="Wrong branch.")
        given(*past).when(cancel).then(DeploymentCancelled(deployment_id=ID, reason="Wrong branch."))

    def test_twice_cancels_once(self) -> None:
        given(queued(), DeploymentCancelled(deployment_id=ID)).when(CancelDeployment(deployment_id=ID)).then_nothing()

    def test_a_deployment_that_never_was_is_refused(self) -> None:
        given().when(CancelDeployment(deployment_id=ID)).then_refused(NotFound)

    def test_takes_a_reason_of_at_most_500_characters(self) -> None:
        given(queued()).when(CancelDeployment(deployment_id=ID, reason="x" * 500)).then(
            DeploymentCancelled(deployment_id=ID, reason="x" * 500)
        )
        too_long = CancelDeployment(deployment_id=ID, reason="x" * 501)
        given(queued()).when(too_long).then_refused(Invalid, field="reason")


class TestAfterTheEnd:
    @pytest.mark.parametrize("end", ENDS)
    @pytest.mark.parametrize("command", [lease("late"), *(report for report, _ in reports(1))], ids=kind)
    def test_nothing_happens(self, end: Fact, command: DeploymentCommand) -> None:
        given(queued(), leased(1), end).when(command).then_refused(Conflict, "deployment_ended")

    @pytest.mark.parametrize("end", ENDS[:2])
    def test_it_is_too_late_to_cancel(self, end: Fact) -> None:
        cancel = CancelDeployment(deployment_id=ID)
        given(queued(), leased(1), end).when(cancel).then_refused(Conflict, "deployment_ended")

    @pytest.mark.parametrize("end", ENDS)
    def test_asking_for_it_again_changes_nothing(self, end: Fact) -> None:
        given(queued(), leased(1), end).when(queue()).then_nothing()
