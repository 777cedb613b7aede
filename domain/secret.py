"""A secret variable. Facts know its name, scope, version and fingerprint; the vault alone knows its value."""

from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import EnvironmentId, ProjectId, SecretId
from domain.limits import Place


class SecretScope(StrEnum):
    """Where a secret is seen; the narrower wins (document 002: project, environment, or whole workspace)."""

    WORKSPACE = "workspace"
    PROJECT = "project"
    ENVIRONMENT = "environment"


class SecretSet(Fact, tag="secret.set"):
    """A secret got its first value."""

    secret_id: SecretId
    name: str
    scope: SecretScope
    fingerprint: str
    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None
    version: int = 1
    place: Place | None = None


class SecretRotated(Fact, tag="secret.rotated"):
    """A secret got another value."""

    secret_id: SecretId
    name: str
    version: int
    fingerprint: str


class SecretRemoved(Fact, tag="secret.removed"):
    """Later releases do without the secret; earlier ones keep the version that they pinned."""

    secret_id: SecretId
    name: str


class SecretValuesDeleted(Fact, tag="secret.values-deleted"):
    """Values of a removed secret that no release has are gone; ``kept`` versions of it are left, which some have."""

    secret_id: SecretId
    name: str
    versions: tuple[int, ...]
    kept: int


Event = SecretSet | SecretRotated | SecretRemoved | SecretValuesDeleted


class Secret(Value):
    """What later decisions need of a secret."""

    set: SecretSet | None = None
    version: int = 0
    fingerprint: str = ""
    removed: bool = False
    deleted: frozenset[int] = frozenset()
    """The versions whose values were deleted."""


def evolve(state: Secret, fact: Event) -> Secret:
    """The secret after ``fact``."""
    match fact:
        case SecretSet():
            return Secret(set=fact, version=fact.version, fingerprint=fact.fingerprint)
        case SecretRotated():
            return replace(state, version=fact.version, fingerprint=fact.fingerprint)
        case SecretRemoved():
            return replace(state, removed=True)
        case SecretValuesDeleted():
            return replace(state, deleted=state.deleted | {*fact.versions})
