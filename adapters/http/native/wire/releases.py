"""What changes when one release takes the place of another."""

from typing import Annotated

from adapters.http.native.wire.running import RuntimeOut
from adapters.http.native.wire.shapes import In, Out, Reason, said
from domain.identifiers import ReleaseId


class Pinning(In):
    """Pin a release."""

    reason: Reason | None = None


class ReleaseVersion(Out):
    """What a release is made of, in short."""

    id: ReleaseId
    ref: str
    commit: str
    artifact: Annotated[str, said("The SHA-256 of its content.")]


class ChangeOut(Out):
    """A setting that two releases have differently."""

    name: Annotated[str, said("The setting.", "startCommand")]
    before: str | float | bool | None
    after: str | float | bool | None


class SecretChange(Out):
    """A secret of which two releases have different versions, or that only one of them has."""

    name: str
    before: Annotated[int | None, said("The version before; null where it was not there.")]
    after: Annotated[int | None, said("The version after; null where it is gone.")]


class SecretChanges(Out):
    """How the secrets of two releases differ."""

    added: list[SecretChange]
    removed: list[SecretChange]
    changed: list[SecretChange]


class DifferencesOut(Out):
    """What changes when one release takes the place of another."""

    before: Annotated[ReleaseVersion | None, said("What was live; null where nothing was.")]
    after: ReleaseVersion
    artifact_changed: bool
    commit_changed: bool
    runtime_config: list[ChangeOut]
    secrets: SecretChanges


class RolledBack(RuntimeOut):
    """An environment's runtime while an earlier release is made live, and what that changes."""

    diff: DifferencesOut
