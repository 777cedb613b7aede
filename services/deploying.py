"""One deployment under one lease: make the release, make it live, and report how it ended.

What a step leaves is known by its content, so a later lease begins again without harm; where the release was already
cut, it goes straight on to making it live.
"""

from dataclasses import dataclass
from time import monotonic

import structlog
from msgspec.structs import replace

from commands import deployment, environment, release
from commands.deployment import FailDeployment, SucceedDeployment
from commands.environment import BeginActivation, CompleteActivation, FailActivation
from domain.deployment import DeploymentQueued
from domain.environment import ActivationStarted
from domain.history import Context
from domain.identifiers import CausationId, ReleaseId, derived
from domain.rejection import Conflict
from domain.release import ReleaseCut
from domain.steps import StepKind
from services.activating import Activator, Unhealthy
from services.build_metrics import count_activation
from services.ingredients import Ingredients
from services.journal import Journal
from services.leasing import Lease
from services.making import Maker
from services.patience import patiently
from services.promoting import promoted
from services.steps import StepFailed, step

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Deployer:
    """Carries deployments to their end."""

    maker: Maker
    activator: Activator

    async def deploy(self, lease: Lease, journal: Journal, ingredients: Ingredients) -> None:
        """Do whatever is left of the deployment. Raises ``StaleLease`` or ``Conflict`` where it is no longer ours."""
        queued = lease.queued
        try:
            cut = await self._cut_already(lease) or await self._made(lease, journal, ingredients)
            await self._make_live(lease, journal, cut)
        except StepFailed as failed:
            await journal.say(f"Failed: {failed.error}")
            await journal.settle()
            await lease.report(
                FailDeployment(
                    deployment_id=queued.deployment_id,
                    fencing_token=lease.fencing_token,
                    error=failed.error,
                    step=failed.step,
                    exit_code=failed.exit_code,
                )
            )
        else:
            await journal.settle()
            await lease.report(
                SucceedDeployment(
                    deployment_id=queued.deployment_id,
                    fencing_token=lease.fencing_token,
                    release_id=cut.release_id,
                )
            )
        finally:
            await lease.forget()

    async def abandon(self, queued: DeploymentQueued, context: Context) -> None:
        """Once the deployment has ended: see that it makes nothing live any more."""
        handler, release_id = self.activator.hosting.handler, release_of(queued)

        async def once() -> None:
            ended = await handler.state(deployment.DECIDER, queued.deployment_id, context.tenant_id)
            place = await handler.state(environment.DECIDER, queued.environment_id, context.tenant_id)
            if not ended.status.ended or place.activating != release_id or place.unattended:
                return
            failed = FailActivation(
                environment_id=queued.environment_id,
                activation=place.activation,
                release_id=release_id,
                error=f"The deployment was {ended.status}.",
            )
            causation = derived(CausationId(queued.deployment_id), f"abandon/{place.activation}")
            try:
                await handler.handle(failed, replace(context, causation_id=CausationId(causation)))
            except Conflict:
                log.info("an activation that was abandoned had been outranked", release=release_id)

        await patiently(once)

    async def _made(self, lease: Lease, journal: Journal, ingredients: Ingredients) -> ReleaseCut:
        if lease.queued.promotes:
            release_id = release_of(lease.queued)
            return await promoted(lease, journal, lease.queued.promotes, release_id, ingredients, self.maker.artifacts)
        return await self.maker.make(lease, journal, release_of(lease.queued), ingredients)

    async def _cut_already(self, lease: Lease) -> ReleaseCut | None:
        if lease.fencing_token == 1:
            return None
        state = await lease.handler.state(release.DECIDER, release_of(lease.queued), lease.context.tenant_id)
        return state.cut

    async def _make_live(self, lease: Lease, journal: Journal, cut: ReleaseCut) -> None:
        async with step(lease, journal, StepKind.ACTIVATE), self.activator.hosting.holding(cut.release_id):
            began = monotonic()
            activation = await self._begin(lease, cut)
            if activation is None:
                return
            try:
                upstreams = await self.activator.upstreams(lease.context.tenant_id, cut)
            except Unhealthy as unhealthy:
                await journal.quote(unhealthy.printed)
                await self._give_up(lease, cut, activation, str(unhealthy))
                count_activation("deploy", "failed", began)
                raise StepFailed(str(unhealthy)) from unhealthy
            complete = CompleteActivation(
                environment_id=cut.environment_id,
                activation=activation,
                release_id=cut.release_id,
                upstreams=upstreams,
            )
            try:
                await lease.handle(complete, "complete")
            except Conflict as outranked:
                raise StepFailed(OVERTAKEN) from outranked
            count_activation("deploy", "succeeded", began)
            await journal.say("The release is live.")

    async def _begin(self, lease: Lease, cut: ReleaseCut) -> int | None:
        """The number of the activation; None where the release is live already."""
        begin = BeginActivation(
            environment_id=cut.environment_id,
            release_id=cut.release_id,
            deployment_id=cut.deployment_id,
            deployment_number=cut.deployment_number,
            fencing_token=lease.fencing_token,
        )
        try:
            caused = await lease.handle(begin, "begin")
        except Conflict as outranked:
            raise StepFailed(OVERTAKEN) from outranked
        started = [recorded.fact for recorded in caused.facts if isinstance(recorded.fact, ActivationStarted)]
        return started[0].activation if started else None

    async def _give_up(self, lease: Lease, cut: ReleaseCut, activation: int, error: str) -> None:
        failed = FailActivation(
            environment_id=cut.environment_id, activation=activation, release_id=cut.release_id, error=error
        )
        try:
            await lease.handle(failed, "give-up")
        except Conflict:
            log.info("an activation that failed had been outranked", release=cut.release_id)


OVERTAKEN = "A later deployment, a rollback or a stop overtook this one, so its release was not made live."


def release_of(queued: DeploymentQueued) -> ReleaseId:
    """The release that a deployment cuts, whichever lease cuts it."""
    return ReleaseId(derived(CausationId(queued.deployment_id), "release"))
