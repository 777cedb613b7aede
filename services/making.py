"""Making a release from a commit: fetch, install, build, publish. Everything happens in one directory of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters import git
from adapters.artifacts import Artifact, ArtifactRefused, Artifacts
from adapters.detection.tree import BuildRefused
from adapters.git import Checkout, Source
from adapters.manifest import FILE, manifest
from adapters.repository_url import RepositoryRefused
from adapters.runtime import building, running, toolchains
from adapters.runtime.building import BuildPlan
from adapters.runtime.caches import Caches
from adapters.runtime.limits import Limits
from adapters.runtime.running import Finished, Reason
from adapters.runtime.sandbox import Capabilities, Sandbox, SandboxUnavailable, Toolchain, hand_over, remove_tree
from adapters.runtime.steps import Command
from adapters.runtime.toolchains import ToolchainMissing, Toolchains
from adapters.settings import Settings
from adapters.sources import policy
from commands.deployment import ResolveCommit
from commands.release import CutRelease
from domain.deployment import DeploymentQueued, Recipe
from domain.identifiers import ReleaseId
from domain.project import ProjectType, RuntimeType
from domain.release import ReleaseCut, Surroundings
from domain.steps import StepKind
from services.ingredients import Ingredients
from services.journal import Journal
from services.leasing import Lease
from services.steps import StepFailed, step

REFUSALS = (ArtifactRefused, BuildRefused, RepositoryRefused, SandboxUnavailable, ToolchainMissing)
"""What the adapters raise when a commit cannot become a release; each message is for the customer."""


@dataclass(frozen=True)
class Maker:
    """Turns commits into releases on this machine."""

    settings: Settings
    workplace: Path
    artifacts: Artifacts
    toolchains: Toolchains
    able: Capabilities
    caches: Caches

    async def make(self, lease: Lease, journal: Journal, release_id: ReleaseId, ingredients: Ingredients) -> ReleaseCut:
        """Run the steps up to the release. Raises ``StepFailed``; nothing of the work is left on the disk."""
        async with self._place(lease) as place:
            work = _Work(self, lease, journal, ingredients, place, lease.queued.recipe)
            checkout = await work.fetch()
            work = await work.as_declared()
            plan, tools = await work.prepare()
            await work.command(StepKind.INSTALL, plan, tools, plan.install)
            await work.command(StepKind.BUILD, plan, tools, plan.build)
            return await work.publish(release_id, checkout, plan, tools)

    @asynccontextmanager
    async def _place(self, lease: Lease) -> AsyncIterator[Path]:
        """A directory of this lease's own, gone afterwards."""
        place = self.workplace / f"{lease.queued.deployment_id}-{lease.fencing_token}"
        place.mkdir(parents=True, exist_ok=True)
        try:
            yield place
        finally:
            await asyncio.shield(asyncio.to_thread(remove_tree, place))


@dataclass(frozen=True)
class _Work:
    """One deployment's way from a commit to a release."""

    maker: Maker
    lease: Lease
    journal: Journal
    ingredients: Ingredients
    place: Path
    recipe: Recipe

    @property
    def queued(self) -> DeploymentQueued:
        return self.lease.queued

    @property
    def app(self) -> Path:
        return self.place / "app"

    @asynccontextmanager
    async def step(self, kind: StepKind) -> AsyncIterator[None]:
        """A step in which an adapter's refusal is the customer's to mend."""
        async with step(self.lease, self.journal, kind):
            try:
                yield
            except REFUSALS as refused:
                raise StepFailed(str(refused)) from refused

    async def fetch(self) -> Checkout:
        settings = self.maker.settings
        async with self.step(StepKind.FETCH):
            wanted = f"commit {self.queued.commit}" if self.queued.commit else f"branch {self.queued.branch}"
            await self.journal.say(f"Fetching {wanted} of {self.ingredients.url}")
            checkout = await git.fetch(
                Source(
                    url=self.ingredients.url,
                    branch=self.queued.branch,
                    commit=self.queued.commit,
                    credential=self.ingredients.credential,
                    submodules=self.recipe.build.submodules,
                ),
                self.app,
                git.FetchLimits(seconds=settings.clone_timeout_seconds, bytes=settings.clone_max_mb << 20),
                policy(settings),
                on_line=self.journal.line,
                known_hosts=settings.data_dir / "known_hosts",
            )
            subject = checkout.message.partition("\n")[0][:200]
            self.lease.note(
                ResolveCommit(
                    deployment_id=self.queued.deployment_id,
                    fencing_token=self.lease.fencing_token,
                    commit=checkout.commit,
                    message=subject,
                    author=checkout.author[:200],
                )
            )
            await self.journal.say(f"Commit {checkout.commit[:12]}: {subject}")
        return checkout

    @asynccontextmanager
    async def _preparing(self) -> AsyncIterator[None]:
        """A part of the installation as far as customers see."""
        try:
            yield
        except REFUSALS as refused:
            async with self.step(StepKind.INSTALL):
                raise StepFailed(str(refused)) from refused

    async def as_declared(self) -> "_Work":
        """The same work, as the repository's own ``shipbook.toml`` wants it."""
        async with self._preparing():
            said = manifest(self.app, self.recipe.root_directory)
            if said is None:
                return self
            await self.journal.say(f"{FILE} says how it is built and run, before the project's settings.")
            return replace(self, recipe=said.applied(self.recipe))

    async def prepare(self) -> tuple[BuildPlan, Sequence[Toolchain]]:
        """What to run, and the tools for it."""
        async with self._preparing():
            plan = await asyncio.to_thread(
                building.plan, served_as(self.recipe), self.recipe.build, self.app, self.recipe.root_directory
            )
            await self.journal.say(*plan.reasons)
            tools = await self.maker.toolchains.provide(plan.needs, self.journal.output)
            await asyncio.to_thread(hand_over, self.app, self.maker.able)
            return plan, tools

    async def command(
        self, kind: StepKind, plan: BuildPlan, tools: Sequence[Toolchain], command: Command | None
    ) -> None:
        """Run a command of the project's, if it has one of the kind."""
        if command is None:
            return
        async with self.step(kind):
            await self.journal.say(f"$ {command.script}")
            async with self.maker.caches.of(self.queued.project_id) as cache:
                words, sandbox = building.walled(command, plan, self._sandbox(tools, cache))
                finished = await running.run(words, sandbox, self._limits(), self.journal.output, able=self.maker.able)
            if not finished.succeeded:
                raise StepFailed(self._failure(kind, command, finished), finished.exit_code)

    async def publish(
        self, release_id: ReleaseId, checkout: Checkout, plan: BuildPlan, tools: Sequence[Toolchain]
    ) -> ReleaseCut:
        async with self.step(StepKind.PUBLISH):
            kind, runtime = served_as(self.recipe), self.recipe.runtime
            output = await asyncio.to_thread(building.find_output, kind, plan, self.app)
            serves = runtime.runtime_type is not RuntimeType.STATIC
            start = building.find_start(kind, plan, runtime, self.app) if serves else None
            artifact = await self.maker.artifacts.publish(output.directory, output.exclude, foreign_links=serves)
            await self.journal.say(
                f"Artifact {artifact.digest[:12]}: {artifact.files} files, {artifact.bytes / 1e6:.1f} MB"
            )
            cut = self._cut(release_id, checkout, artifact, start, plan, tools)
            await self.lease.handle(CutRelease(release_id=release_id, cut=cut), "cut")
        return cut

    def _cut(
        self,
        release_id: ReleaseId,
        checkout: Checkout,
        artifact: Artifact,
        start: str | None,
        plan: BuildPlan,
        tools: Sequence[Toolchain],
    ) -> ReleaseCut:
        surroundings = Surroundings(
            directory=plan.directory,
            programs=plan.programs,
            tools=tuple(toolchains.name(tool) for tool in tools),
        )
        return ReleaseCut(
            release_id=release_id,
            deployment_id=self.queued.deployment_id,
            deployment_number=self.queued.number,
            project_id=self.queued.project_id,
            environment_id=self.queued.environment_id,
            branch=self.queued.branch,
            commit=checkout.commit,
            commit_message=checkout.message.partition("\n")[0][:200],
            artifact=artifact.digest,
            artifact_bytes=artifact.bytes,
            runtime=self.recipe.runtime,
            start_command=start,
            surroundings=surroundings if start else Surroundings(),
            secrets=self.ingredients.pins,
        )

    def _sandbox(self, tools: Sequence[Toolchain], cache: Path) -> Sandbox:
        return Sandbox(
            workspace=self.app,
            scratch=self.place / "scratch",
            cache=cache,
            toolchains=tuple(tools),
            environment=self.ingredients.variables,
        )

    def _limits(self) -> Limits:
        settings = self.maker.settings
        return Limits(
            wall_seconds=settings.build_timeout_seconds,
            cpu_seconds=settings.build_cpu_seconds,
            memory_bytes=settings.build_memory_mb << 20,
            output_bytes=settings.build_output_mb << 20,
        )

    def _failure(self, kind: StepKind, command: Command, finished: Finished) -> str:
        settings = self.maker.settings
        shown = command.script.replace("\n", "; ")[:200]
        match finished.reason:
            case Reason.TIMED_OUT:
                why = f"took longer than {settings.build_timeout_seconds} s and was stopped"
            case Reason.OUT_OF_MEMORY:
                why = f"used more than {settings.build_memory_mb} MB of memory and was stopped"
            case Reason.CPU_LIMIT:
                why = f"used more than {settings.build_cpu_seconds} s of CPU time and was stopped"
            case Reason.OUTPUT_LIMIT:
                why = f"printed more than {settings.build_output_mb} MB and was stopped"
            case Reason.SIGNAL | Reason.CANCELLED | Reason.EXITED:
                why = f"failed with exit code {finished.exit_code}"
        return f"The {kind} command {why}: {shown}"


def served_as(recipe: Recipe) -> ProjectType:
    """The type as far as the artifact goes: a node project without a server is pages, a react one with one is node."""
    serves = recipe.runtime.runtime_type is not RuntimeType.STATIC
    if serves and recipe.type in {ProjectType.REACT, ProjectType.STATIC}:
        return ProjectType.PYTHON if recipe.runtime.runtime_type is RuntimeType.PYTHON else ProjectType.NODE
    if not serves and recipe.type is ProjectType.NODE:
        return ProjectType.REACT
    return recipe.type
