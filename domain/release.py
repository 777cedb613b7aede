"""An immutable result: an artifact with the configuration and the secret versions that it runs with."""

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId, SecretId
from domain.project import RuntimeConfig


class SecretPin(Value):
    """The very version of a secret that a release runs with. Never its value."""

    secret_id: SecretId
    name: str
    version: int


class Surroundings(Value):
    """What a start command needs around it: a folder of the artifact, programs of its own, and tools."""

    directory: str = ""
    programs: tuple[str, ...] = ()
    """Folders of the artifact whose programs are found first."""
    tools: tuple[str, ...] = ()
    """Tools with their versions, such as ``node@22.20.0``."""


class ReleaseCut(Fact, tag="release.cut"):
    """A build left this.

    ``artifact`` is the SHA-256 of a deterministic tar; without a ``start_command`` it is a static site.
    """

    release_id: ReleaseId
    deployment_id: DeploymentId
    deployment_number: int
    project_id: ProjectId
    environment_id: EnvironmentId
    branch: str
    commit: str
    commit_message: str
    artifact: str
    artifact_bytes: int
    runtime: RuntimeConfig
    start_command: str | None = None
    surroundings: Surroundings = Surroundings()
    secrets: tuple[SecretPin, ...] = ()


Event = ReleaseCut


class Release(Value):
    """What later decisions need of a release."""

    cut: ReleaseCut | None = None


def evolve(state: Release, fact: Event) -> Release:
    """The release after ``fact``."""
    return replace(state, cut=fact)
