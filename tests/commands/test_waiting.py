"""Deployments that wait: for approval, for their turn, and for nothing any more; what may be asked of them when."""

import pytest
from msgspec.structs import replace

from commands.deployment import (
    DECIDER,
    ApproveDeployment,
    CancelDeployment,
    Override,
    RejectDeployment,
    SupersedeDeployment,
)
from commands.triggering import retry
from domain.deployment import (
    Approval,
    DeploymentApproved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentQueued,
    DeploymentRejected,
    DeploymentSucceeded,
    DeploymentSuperseded,
    FreezeOverridden,
    Status,
)
from domain.fact import Fact
from domain.identifiers import AccountId, DeploymentId, EnvironmentId, ReleaseId
from domain.rejection import Conflict, Forbidden, Invalid, NotFound
from tests.commands.plane import Plane, tell
from tests.commands.specification import specification
from tests.commands.test_deployment import ID, lease, leased, queued

given = specification(DECIDER)
LATER = DeploymentId("later")
INSIDER, OTHER = AccountId("insider"), AccountId("other")


def waiting(not_by: AccountId | None = None) -> DeploymentQueued:
    return replace(queued(), approval=Approval(not_by=not_by))


def approve(by: AccountId | None = OTHER, override: Override | None = None) -> ApproveDeployment:
    return ApproveDeployment(deployment_id=ID, account_id=by, reason="Good.", override=override)


def supersede(by_number: int = 43, *, waits: bool = False, environment: str = "environment") -> SupersedeDeployment:
    return SupersedeDeployment(
        deployment_id=ID,
        environment_id=EnvironmentId(environment),
        by=LATER,
        by_number=by_number,
        by_waiting=waits,
    )


APPROVED = DeploymentApproved(deployment_id=ID, reason="Good.")
SUPERSEDED = DeploymentSuperseded(deployment_id=ID, by=LATER, by_number=43)
HISTORIES: dict[Status, tuple[Fact, ...]] = {
    Status.WAITING: (waiting(),),
    Status.QUEUED: (queued(),),
    Status.RUNNING: (queued(), leased(1)),
    Status.SUCCEEDED: (queued(), leased(1), DeploymentSucceeded(deployment_id=ID, release_id=ReleaseId("release"))),
    Status.FAILED: (queued(), leased(1), DeploymentFailed(deployment_id=ID, error="It failed.")),
    Status.CANCELLED: (queued(), DeploymentCancelled(deployment_id=ID)),
    Status.REJECTED: (waiting(), DeploymentRejected(deployment_id=ID)),
    Status.SUPERSEDED: (queued(), SUPERSEDED),
}
"""A history that leads to each status."""


def test_there_is_a_history_for_each_status() -> None:
    assert {status: DECIDER.fold(past).status for status, past in HISTORIES.items()} == {one: one for one in Status}


class TestCancellingAndRetrying:
    @pytest.mark.parametrize("status", Status)
    def test_one_can_be_cancelled_until_it_has_ended(self, status: Status) -> None:
        asked = given(*HISTORIES[status]).when(CancelDeployment(deployment_id=ID))
        if status is Status.CANCELLED:
            asked.then_nothing()
        elif status.ended:
            asked.then_refused(Conflict, "deployment_ended")
        else:
            asked.then(DeploymentCancelled(deployment_id=ID))

    @pytest.mark.parametrize("status", Status)
    def test_one_can_be_retried_once_it_has_ended(self, status: Status) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            former = await plane.trigger(project, environment)
            history = [replace(fact, deployment_id=former) for fact in HISTORIES[status]]  # type: ignore[type-var]
            first = replace(history[0], project_id=project, environment_id=environment)
            plane.log.recorded[-1] = replace(plane.log.recorded[-1], fact=first)
            for version, fact in enumerate(history[1:], start=2):
                before = plane.log.recorded[-1]
                plane.log.recorded.append(replace(before, position=before.position + 1, version=version, fact=fact))
            again = DeploymentId("again")
            asked = retry(
                type(plane.handler)(plane.log), plane.numbers, plane.next(), deployment_id=again, former=former
            )
            if not status.ended:
                with pytest.raises(Conflict, match="Cancel it first"):
                    await asked
                return
            caused = await asked
            assert isinstance(caused.facts[0].fact, DeploymentQueued)
            assert caused.facts[0].fact.retry_of == former

        tell(story())


class TestApproving:
    def test_lets_it_be_done(self) -> None:
        given(waiting()).when(approve()).then(APPROVED)
        given(waiting(), APPROVED).when(lease("first")).then(leased(1))

    def test_is_waited_for(self) -> None:
        given(waiting()).when(lease("first")).then_refused(Conflict, "waiting")

    @pytest.mark.parametrize("status", [one for one in Status if one is not Status.WAITING])
    def test_is_for_those_that_wait(self, status: Status) -> None:
        for command in (approve(), RejectDeployment(deployment_id=ID)):
            code = "deployment_ended" if status.ended else "not_waiting"
            given(*HISTORIES[status]).when(command).then_refused(Conflict, code)

    def test_is_anothers_where_that_is_asked_for(self) -> None:
        given(waiting(INSIDER)).when(approve(INSIDER)).then_refused(Forbidden, "own_deployment")
        given(waiting(INSIDER)).when(approve(OTHER)).then(APPROVED)

    def test_in_a_freeze_says_what_it_overrides(self) -> None:
        override = Override(freeze="Fair", reason="It burns.")
        overridden = FreezeOverridden(deployment_id=ID, freeze="Fair", reason="It burns.")
        given(waiting()).when(approve(override=override)).then(overridden, APPROVED)
        given(waiting()).when(approve(override=Override(freeze="Fair", reason=" "))).then_refused(
            Invalid, field="reason"
        )

    def test_of_what_never_was_is_refused(self) -> None:
        given().when(approve()).then_refused(NotFound)

    def test_or_rejecting_it_ends_it(self) -> None:
        reject = RejectDeployment(deployment_id=ID, reason="Not today.")
        given(waiting()).when(reject).then(DeploymentRejected(deployment_id=ID, reason="Not today."))


class TestSuperseding:
    @pytest.mark.parametrize("status", Status)
    def test_is_of_those_that_have_not_begun(self, status: Status) -> None:
        asked = given(*HISTORIES[status]).when(supersede())
        asked.then(SUPERSEDED) if status in {Status.WAITING, Status.QUEUED} else asked.then_nothing()

    def test_by_one_that_waits_is_of_those_that_wait(self) -> None:
        given(waiting()).when(supersede(waits=True)).then(SUPERSEDED)
        given(queued()).when(supersede(waits=True)).then_nothing()
        given(waiting(), APPROVED).when(supersede(waits=True)).then_nothing()

    def test_is_of_earlier_ones_of_the_same_environment(self) -> None:
        given(queued()).when(supersede(by_number=42)).then_nothing()
        given(queued()).when(supersede(environment="elsewhere")).then_nothing()
