"""Secrets."""

from datetime import datetime
from typing import Annotated, Literal

from adapters.http.native.wire.shapes import In, Out, said
from commands.importing import Outcome
from domain.identifiers import (
    EnvironmentId,
    ProjectId,
    ReleaseId,
    SecretId,
    TenantId,
)
from domain.secret import SecretScope


class SecretCreation(In):
    """Keep a secret variable. Its value is never shown again."""

    name: Annotated[str, said("A variable's name.", "DATABASE_URL")]
    value: Annotated[str, said("1 byte to 64 KiB of UTF-8.")]
    scope: Annotated[SecretScope | None, said("Where it is seen; else as narrow as the ids say.")] = None
    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None


class SecretPatch(In):
    """Give a secret another value. Later deployments see it; earlier releases keep theirs."""

    value: Annotated[str, said("1 byte to 64 KiB of UTF-8.")]


class SecretImport(In):
    """Keep the variables of a `.env` file. Nothing in it is expanded: `${NAME}` stays as it is written."""

    content: Annotated[str, said("The file: at most 1 MiB, and 200 variables.", "STRIPE_KEY=sk_live_1\nDEBUG=0\n")]
    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None
    dry_run: Annotated[bool, said("Only say what would be done.")] = False


class SecretOut(Out):
    """A secret, masked. By ``fingerprint`` two values can be told apart, and nothing be guessed."""

    id: SecretId
    name: str
    scope: SecretScope
    project_id: ProjectId | None
    environment_id: EnvironmentId | None
    value: Literal["••••••••"]
    version: int
    fingerprint: str
    created_at: datetime
    updated_at: datetime
    updated_by: str


class ImportedOut(Out):
    """What became of a variable. ``name`` and ``version`` are null where its line cannot be used; then ``reason`` says
    why."""

    line: int
    name: str | None
    outcome: Outcome
    version: int | None
    reason: str | None


class SecretsImported(Out):
    """What an import has done, or would do. In the order of the file."""

    dry_run: bool
    created: int
    rotated: int
    unchanged: int
    refused: int
    items: list[ImportedOut]


class Shredding(In):
    """Destroy the workspace's keys. Nobody can open its secrets, credentials and passwords of databases afterwards."""

    confirm: Annotated[str, said("The workspace's name, to show that you mean it.", "Acme")]
    reason: Annotated[str, said("Why; kept in the audit trail. At most 500 characters.", "The contract ended.")]


class Shredded(Out):
    """The workspace's keys are destroyed."""

    workspace_id: TenantId
    at: datetime


class SecretVersionOut(Out):
    """One of a secret's values, masked. ``gone``: it was deleted or shredded, and nobody can open it any more."""

    version: int
    fingerprint: str
    created_at: datetime
    created_by: str
    gone: bool


class SecretDetail(SecretOut):
    """A secret, masked, with its versions: the newest 200, the newest first."""

    versions: list[SecretVersionOut]


class HiddenSecretOut(Out):
    """A secret of the same name and a wider scope, which is not seen because of the narrower one."""

    id: SecretId
    scope: SecretScope
    version: int
    fingerprint: str


class EffectiveSecretOut(Out):
    """A variable as a place sees it: which secret it comes from, and which it hides, the nearest scope first."""

    name: str
    id: SecretId
    scope: SecretScope
    version: int
    fingerprint: str
    value: Literal["••••••••"]
    updated_at: datetime
    updated_by: str
    gone: bool
    hides: list[HiddenSecretOut]


class EffectiveSecrets(Out):
    """What a build or a release of a place gets, by name."""

    project_id: ProjectId | None
    environment_id: EnvironmentId | None
    items: list[EffectiveSecretOut]


class SecretUseOut(Out):
    """A release, and which version it has. ``outdated``: there is a newer one; a deployment brings it."""

    release_id: ReleaseId
    ref: str
    project_id: ProjectId
    environment_id: EnvironmentId
    version: int
    active: bool
    outdated: bool
    gone: bool
    created_at: datetime
