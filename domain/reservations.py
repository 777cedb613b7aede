"""Which facts take a name that only one thing may hold, and which give it back.

A rule about one stream lives in its decider; a rule about all streams is a reservation, kept in the append's own
transaction (architecture, rule 5). The stream that holds a fact holds the names that the fact takes.
"""

from collections.abc import Sequence
from typing import cast, get_args

from domain.account import AccountRegistered
from domain.custom_domain import CustomDomainAdded, CustomDomainRemoved, VerificationAbandoned, VerificationResumed
from domain.database import DatabaseCreated, DatabaseDeleted, DatabasePlaced
from domain.deployment import (
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentSucceeded,
)
from domain.fact import Fact, Value
from domain.identifiers import TenantId
from domain.limits import Place
from domain.notification import ChannelAdded, ChannelRemoved, ChannelRenamed
from domain.project import EnvironmentAdded, EnvironmentDeleted, EnvironmentRelabelled, ProjectCreated, ProjectDeleted
from domain.repository import RepositoryConnected, RepositoryDisconnected
from domain.schedule import ScheduleCreated, ScheduleDeleted
from domain.secret import SecretRemoved, SecretScope, SecretSet
from domain.workspace import WorkspaceCreated

HOSTNAME = "host name"
EMAIL = "e-mail address"
CUSTOM_DOMAIN = "custom domain"
TURN = "turn"
"""An environment's, which one running deployment has at a time."""
BUILD_SLOT = "build slot"
"""A workspace has only so many, one for each deployment that builds."""
SCHEDULE_SLOT = "schedule slot"
"""An environment has only so many, one for each of its schedules."""
DATABASE_SLOT = "database slot"
"""A workspace has only so many databases, one for each of its slots."""
CHANNEL_SLOT = "channel slot"
"""A workspace has only so many, one for each of its channels."""
WORKSPACE_SLOT = "workspace slot"
"""An account founds only so many workspaces, one for each of its slots."""


class Take(Value):
    """The name belongs to the fact's stream, or the append fails with ``NameTaken``.

    ``lasting``: for as long as anybody asks, whatever becomes of the stream; it is not among those given back.
    """

    scope: str
    name: str
    lasting: bool = False


class GiveBack(Value):
    """Somebody else may take the name."""

    scope: str
    name: str


class GiveBackAll(Value):
    """Somebody else may take whatever the fact's stream holds."""


Reservation = Take | GiveBack | GiveBackAll


_Reserving = (
    AccountRegistered
    | WorkspaceCreated
    | DeploymentQueued
    | ProjectCreated
    | EnvironmentAdded
    | EnvironmentRelabelled
    | EnvironmentDeleted
    | ProjectDeleted
    | RepositoryConnected
    | RepositoryDisconnected
    | SecretSet
    | SecretRemoved
    | CustomDomainAdded
    | VerificationResumed
    | VerificationAbandoned
    | CustomDomainRemoved
    | DatabaseCreated
    | DatabasePlaced
    | DatabaseDeleted
    | ChannelAdded
    | ChannelRenamed
    | ChannelRemoved
    | DeploymentLeased
    | DeploymentSucceeded
    | DeploymentFailed
    | DeploymentCancelled
    | ScheduleCreated
    | ScheduleDeleted
)
_RESERVING: frozenset[type[Fact]] = frozenset(get_args(_Reserving))


def reservations(fact: Fact, tenant: TenantId) -> Sequence[Reservation]:
    """The names that ``fact`` takes and gives back, in that order of effect."""
    # Most facts take nothing, and each of them passes here: one look at the type instead of eight.
    return _changes(cast("_Reserving", fact), tenant) if type(fact) in _RESERVING else ()


def _changes(fact: _Reserving, tenant: TenantId) -> Sequence[Reservation]:
    match fact:
        case AccountRegistered():
            return [Take(scope=EMAIL, name=fact.email.casefold())]
        case ProjectCreated():
            return [Take(scope=f"project slug/{tenant}", name=fact.slug), *_placed(fact.place, tenant)]
        case EnvironmentAdded() | EnvironmentRelabelled() | EnvironmentDeleted():
            return _of_label(fact)
        case RepositoryConnected() | RepositoryDisconnected():
            kind = Take if isinstance(fact, RepositoryConnected) else GiveBack
            return [kind(scope=f"connection name/{tenant}", name=fact.name)]
        case SecretSet():
            return [Take(scope=_secret_scope(fact, tenant), name=fact.name), *_placed(fact.place, tenant)]
        case CustomDomainAdded() | VerificationResumed():
            return [Take(scope=CUSTOM_DOMAIN, name=fact.hostname)]
        case DatabaseCreated() | DatabasePlaced():
            return _of_database(fact, tenant)
        case ChannelAdded() | ChannelRenamed():
            return _of_channel(fact, tenant)
        case WorkspaceCreated() | ScheduleCreated():
            return _of_slot(fact)
        case DeploymentQueued() | DeploymentLeased():
            return _of_deployment(fact, tenant)
        case (
            SecretRemoved()
            | VerificationAbandoned()
            | CustomDomainRemoved()
            | DatabaseDeleted()
            | ChannelRemoved()
            | DeploymentSucceeded()
            | DeploymentFailed()
            | DeploymentCancelled()
            | ProjectDeleted()
            | ScheduleDeleted()
        ):
            return [GiveBackAll()]


def _of_channel(fact: ChannelAdded | ChannelRenamed, tenant: TenantId) -> Sequence[Reservation]:
    name = Take(scope=f"channel/{tenant}", name=fact.name)
    if isinstance(fact, ChannelAdded):
        return [name, Take(scope=f"{CHANNEL_SLOT}/{tenant}", name=str(fact.slot))]
    return [GiveBack(scope=name.scope, name=fact.former), name]


def _placed(place: Place | None, tenant: TenantId, *, lasting: bool = False) -> list[Reservation]:
    """Nothing where there was no limit."""
    return [Take(scope=f"{place.scope}/{tenant}", name=str(place.number), lasting=lasting)] if place else []


def _of_label(fact: EnvironmentAdded | EnvironmentRelabelled | EnvironmentDeleted) -> list[Reservation]:
    match fact:
        case EnvironmentAdded():
            return [Take(scope=HOSTNAME, name=fact.environment.label)]
        case EnvironmentRelabelled():
            return [GiveBack(scope=HOSTNAME, name=fact.former), Take(scope=HOSTNAME, name=fact.label)]
        case EnvironmentDeleted():
            return [GiveBack(scope=HOSTNAME, name=fact.label)]


def _of_deployment(fact: DeploymentQueued | DeploymentLeased, tenant: TenantId) -> list[Reservation]:
    if isinstance(fact, DeploymentQueued):
        return _placed(fact.place, tenant, lasting=True)
    turn = [Take(scope=TURN, name=fact.environment_id)] if fact.environment_id else []
    return [*turn, *([Take(scope=f"{BUILD_SLOT}/{tenant}", name=str(fact.slot))] if fact.slot else [])]


def _of_slot(fact: WorkspaceCreated | ScheduleCreated) -> list[Reservation]:
    if isinstance(fact, ScheduleCreated):
        return [Take(scope=f"{SCHEDULE_SLOT}/{fact.environment_id}", name=str(fact.slot))]
    return [] if fact.slot is None else [Take(scope=f"{WORKSPACE_SLOT}/{fact.founder}", name=str(fact.slot))]


def _of_database(fact: DatabaseCreated | DatabasePlaced, tenant: TenantId) -> list[Reservation]:
    if isinstance(fact, DatabaseCreated):
        slot = Take(scope=f"{DATABASE_SLOT}/{tenant}", name=str(fact.slot))
        return [Take(scope=f"database name/{tenant}", name=fact.name), slot]
    return [Take(scope=f"database port/{fact.machine}", name=str(fact.port))] if fact.own_port else []


def _secret_scope(fact: SecretSet, tenant: TenantId) -> str:
    match fact.scope:
        case SecretScope.WORKSPACE:
            return f"secret/{tenant}"
        case SecretScope.PROJECT:
            return f"secret/{tenant}/{fact.project_id}"
        case SecretScope.ENVIRONMENT:
            return f"secret/{tenant}/{fact.environment_id}"
