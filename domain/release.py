"""An immutable result: an artifact with the configuration and the secret versions that it runs with."""

from msgspec.structs import asdict, replace

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


class Changed(Value):
    """Something that two releases have differently."""

    name: str
    before: str | float | bool | None
    after: str | float | bool | None


class Differences(Value):
    """What changes when ``after`` takes the place of ``before`` (None: nothing was live)."""

    before: ReleaseCut | None
    after: ReleaseCut
    runtime: tuple[Changed, ...] = ()
    secrets_added: tuple[SecretPin, ...] = ()
    secrets_removed: tuple[SecretPin, ...] = ()
    secrets_changed: tuple[tuple[SecretPin, SecretPin], ...] = ()
    """The pins of before and after of each name that has another secret or version."""


def differences(before: ReleaseCut | None, after: ReleaseCut) -> Differences:
    """What changes when one release takes the place of another."""
    former = _settings(before) if before else {}
    had = {pin.name: pin for pin in before.secrets} if before else {}
    has = {pin.name: pin for pin in after.secrets}
    return Differences(
        before=before,
        after=after,
        runtime=tuple(
            Changed(name=name, before=former.get(name), after=value)
            for name, value in _settings(after).items()
            if former.get(name) != value
        ),
        secrets_added=tuple(pin for name, pin in has.items() if name not in had),
        secrets_removed=tuple(pin for name, pin in had.items() if name not in has),
        secrets_changed=tuple((had[name], pin) for name, pin in has.items() if name in had and had[name] != pin),
    )


def _settings(cut: ReleaseCut) -> dict[str, str | float | bool | None]:
    """How a release runs, setting by setting; the start command is the one that the build found."""
    runtime, limits = asdict(cut.runtime), asdict(cut.runtime.limits)
    del runtime["limits"]
    return {**runtime, "start_command": cut.start_command, **limits}


class Release(Value):
    """What later decisions need of a release."""

    cut: ReleaseCut | None = None


def evolve(state: Release, fact: Event) -> Release:
    """The release after ``fact``."""
    return replace(state, cut=fact)
