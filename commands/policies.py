"""Whenever this happened, then that is to be done: pure functions from a recorded fact."""

from collections.abc import Sequence

from commands.account import RevokeTokensOf
from commands.command import Command
from commands.environment import CloseEnvironment, RestartEnvironment
from commands.secret import RemoveSecret
from commands.workspace import CreateWorkspace
from domain.account import AccountRegistered
from domain.database import DatabaseDetached
from domain.deployment import DeploymentApproved, DeploymentQueued
from domain.environment import EnvironmentRolledBack, RestartCause, RestartStarted
from domain.fact import Value
from domain.history import Recorded
from domain.identifiers import DeploymentId, EnvironmentId, TenantId
from domain.project import EnvironmentDeleted, RuntimeRolledOut
from domain.workspace import MemberLeft, MemberRemoved


class BuildWork(Value):
    """A deployment waits for an executor."""

    tenant_id: TenantId
    deployment_id: DeploymentId


class ActivationWork(Value):
    """A release that exists waits to be made live; ``activation`` is the environment's number of it."""

    tenant_id: TenantId
    environment_id: EnvironmentId
    activation: int


WorkItem = BuildWork | ActivationWork
"""Something for an executor to do. It names the thing only; what is to be done, the log tells."""


def work(recorded: Recorded) -> Sequence[WorkItem]:
    """What executors have to do because of this fact."""
    tenant = recorded.context.tenant_id
    match recorded.fact:
        case DeploymentQueued(approval=None) | DeploymentApproved() as fact:
            return [BuildWork(tenant_id=tenant, deployment_id=fact.deployment_id)]
        case EnvironmentRolledBack() | RestartStarted() as fact:
            return [ActivationWork(tenant_id=tenant, environment_id=fact.environment_id, activation=fact.activation)]
        case _:
            return []


def _restart(fact: RuntimeRolledOut, environment_id: EnvironmentId) -> RestartEnvironment:
    return RestartEnvironment(environment_id=environment_id, runtime=fact.runtime, cause=RestartCause.CONFIGURED)


def follow_up(recorded: Recorded) -> Sequence[Command]:
    """What Shipbook itself asks for because of this fact. Each command may be asked for again without effect."""
    match recorded.fact:
        case RuntimeRolledOut() as fact:
            return [_restart(fact, environment_id) for environment_id in fact.environments]
        case AccountRegistered() as fact:
            return [CreateWorkspace(tenant_id=fact.workspace_id, name=fact.workspace_name, owner=fact.account_id)]
        case MemberRemoved() | MemberLeft() as fact:
            return [RevokeTokensOf(account_id=fact.account_id, tenant_id=fact.tenant_id)]
        case DatabaseDetached() as fact:
            return [RemoveSecret(secret_id=fact.secret_id)]
        case EnvironmentDeleted() as fact:
            return [CloseEnvironment(environment_id=fact.environment_id)]
        case _:
            return []
