"""Making a release of another environment's: its artifact, with this environment's configuration and secrets."""

import asyncio

from msgspec.structs import replace

from adapters.artifacts import Artifacts
from commands import release
from commands.release import CutRelease, require_release
from domain.identifiers import ReleaseId
from domain.project import RuntimeType
from domain.release import ReleaseCut
from domain.steps import StepKind
from services.ingredients import Ingredients
from services.journal import Journal
from services.leasing import Lease
from services.steps import StepFailed, step


async def promoted(
    lease: Lease,
    journal: Journal,
    source_id: ReleaseId,
    release_id: ReleaseId,
    ingredients: Ingredients,
    artifacts: Artifacts,
) -> ReleaseCut:
    """Cut the deployment's release from another one; nothing is built. Raises ``StepFailed``."""
    queued = lease.queued
    state = await lease.handler.state(release.DECIDER, source_id, lease.context.tenant_id)
    source = require_release(state)
    async with step(lease, journal, StepKind.PUBLISH):
        await journal.say(f"Artifact {source.artifact[:12]} of commit {source.commit[:12]}, as it was built before")
        runtime = queued.recipe.runtime
        serves = runtime.runtime_type is not RuntimeType.STATIC
        if serves != (source.start_command is not None):
            raise StepFailed("The release was built to be served another way than the project is now. Deploy it anew.")
        if not await asyncio.to_thread(artifacts.touch, source.artifact):
            raise StepFailed("The release's files are no longer on this machine. Deploy its commit again.")
        cut = replace(
            source,
            release_id=release_id,
            deployment_id=queued.deployment_id,
            deployment_number=queued.number,
            environment_id=queued.environment_id,
            runtime=runtime,
            start_command=(runtime.start_command or source.start_command) if serves else None,
            secrets=ingredients.pins,
        )
        await lease.handle(CutRelease(release_id=release_id, cut=cut), "cut")
    return cut
