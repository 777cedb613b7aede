"""Deployments with their events, as the list, the detail and the sweeper see them."""

import pytest
from msgspec.structs import replace

from domain.deployment import (
    CommitResolved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentSucceeded,
    Event,
    Outcome,
    Recipe,
    Status,
    StepFinished,
    StepStarted,
)
from domain.environment import ActivationStarted
from domain.identifiers import (
    ConnectionId,
    DeploymentId,
    EnvironmentId,
    ExecutorId,
    LogId,
    ProjectId,
    ReleaseId,
    build_log,
)
from domain.lines import LogClosed
from domain.project import BuildConfig, ProjectType, RuntimeConfig
from domain.steps import StepKind
from projections import deployments
from projections.deployments import DeploymentRow
from projections.reading import Paging
from tests.projections.given import ACME, OTHER, asked, given
from tests.projections.memory import listing

ONE = DeploymentId("one")
SHOP, PRODUCTION, RELEASE = ProjectId("shop"), EnvironmentId("production"), ReleaseId("release")
QUEUED = DeploymentQueued(
    deployment_id=ONE,
    number=42,
    project_id=SHOP,
    environment_id=PRODUCTION,
    branch="main",
    recipe=Recipe(
        type=ProjectType.STATIC,
        connection_id=ConnectionId("connection"),
        root_directory="",
        build=BuildConfig(),
        runtime=RuntimeConfig(),
    ),
    note="try",
)
LEASED = DeploymentLeased(deployment_id=ONE, executor_id=ExecutorId("executor"), fencing_token=1)
STARTED = StepStarted(deployment_id=ONE, step=StepKind.BUILD, fencing_token=1)
FINISHED = StepFinished(
    deployment_id=ONE, step=StepKind.BUILD, outcome=Outcome.FAILED, duration_ms=10, fencing_token=1, exit_code=2
)
SUCCEEDED = DeploymentSucceeded(deployment_id=ONE, release_id=RELEASE)
FAILED = DeploymentFailed(deployment_id=ONE, error="npm says no", step=StepKind.BUILD, exit_code=2)
CANCELLED = DeploymentCancelled(deployment_id=ONE, reason="enough")


def row_after(*facts: Event | LogClosed) -> DeploymentRow:
    row = asked(deployments.find(given(*facts), ACME, ONE))
    assert row
    return row


def test_a_queued_deployment_has_its_reference_and_says_who_asked_for_it() -> None:
    row = row_after(QUEUED)
    assert (row.ref, row.status, row.triggered_by, row.note) == (
        "DEP-0042",
        Status.QUEUED,
        "insider@example.com",
        "try",
    )
    assert (row.commit, row.started_at, row.finished_at, row.ended) == (None, None, None, False)


def test_a_later_lease_keeps_the_time_of_the_first() -> None:
    row = row_after(QUEUED, LEASED, STARTED, replace(LEASED, fencing_token=2))
    first = row_after(QUEUED, LEASED)
    assert (row.status, row.fencing_token, row.step) == (Status.RUNNING, 2, None)
    assert row.started_at == first.started_at


def test_the_step_under_way_and_the_commit_are_shown() -> None:
    resolved = CommitResolved(deployment_id=ONE, commit="c0ffee", message="Sell coffee", author="Insider")
    row = row_after(QUEUED, LEASED, resolved, STARTED)
    assert (row.commit, row.commit_message, row.author, row.step) == (
        "c0ffee",
        "Sell coffee",
        "Insider",
        StepKind.BUILD,
    )
    assert row_after(QUEUED, LEASED, STARTED, FINISHED).step is None


@pytest.mark.parametrize(
    ("end", "status", "error", "step", "exit_code"),
    [
        (SUCCEEDED, Status.SUCCEEDED, None, None, None),
        (FAILED, Status.FAILED, "npm says no", StepKind.BUILD, 2),
        (CANCELLED, Status.CANCELLED, None, None, None),
    ],
)
def test_an_ended_deployment_says_how_it_ended(
    end: Event, status: Status, error: str | None, step: StepKind | None, exit_code: int | None
) -> None:
    row = row_after(QUEUED, LEASED, STARTED, end)
    assert (row.status, row.ended, row.error, row.step, row.exit_code) == (status, True, error, step, exit_code)
    assert row.finished_at == row.updated_at
    assert row.version == 4


def test_the_sweeper_sees_open_deployments_alone() -> None:
    other = replace(QUEUED, deployment_id=DeploymentId("two"), number=43)
    models = given(QUEUED, other, LEASED, SUCCEEDED)
    assert [row.id for row in asked(deployments.open_deployments(models))] == ["two"]
    assert asked(deployments.count_by_status(models, Status.QUEUED)) == 1


def test_a_closed_log_is_known_of_its_deployment_and_of_no_release() -> None:
    other = LogClosed(log_id=LogId("release-one"), last_seq=1, sha256="")
    assert not row_after(QUEUED, CANCELLED, other).log_closed
    models = given(QUEUED, CANCELLED)
    assert [row.id for row in asked(deployments.with_open_log(models))] == [ONE]
    models = given(QUEUED, CANCELLED, LogClosed(log_id=build_log(ONE), last_seq=1, sha256=""))
    assert asked(deployments.with_open_log(models)) == []


def test_what_happened_to_a_deployment_is_told_in_order() -> None:
    began = ActivationStarted(
        environment_id=PRODUCTION,
        activation=1,
        release_id=RELEASE,
        deployment_id=ONE,
        deployment_number=42,
        fencing_token=1,
    )
    models = given(QUEUED, LEASED, began, SUCCEEDED)
    events = asked(deployments.events(models, ACME, ONE))
    assert [event.type for event in events] == [
        "deployment.queued",
        "deployment.leased",
        "environment.activation-started",
        "deployment.succeeded",
    ]
    assert events[0].sentence == "insider@example.com queued DEP-0042 of the branch 'main': try."
    assert asked(deployments.events(models, OTHER, ONE)) == []


def test_the_steps_are_those_of_the_newest_lease() -> None:
    again = replace(LEASED, fencing_token=2)
    models = given(QUEUED, LEASED, STARTED, FINISHED, again, replace(STARTED, fencing_token=2))
    row = asked(deployments.find(models, ACME, ONE))
    assert row
    [step] = asked(deployments.steps(models, ACME, row))
    assert (step.fencing_token, step.outcome) == (2, None)


def test_deployments_are_listed_newest_first_by_environment_and_status() -> None:
    staging = replace(QUEUED, deployment_id=DeploymentId("two"), number=43, environment_id=EnvironmentId("staging"))
    models = given(QUEUED, staging, SUCCEEDED)
    assert [row.number for row in asked(listing(models, ACME, SHOP, Paging())).rows] == [43, 42]
    production = asked(listing(models, ACME, SHOP, Paging(), environment_id=PRODUCTION))
    assert [row.number for row in production.rows] == [42]
    waiting = asked(listing(models, ACME, SHOP, Paging(), statuses=(Status.QUEUED, Status.RUNNING)))
    assert [row.number for row in waiting.rows] == [43]
