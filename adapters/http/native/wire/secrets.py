"""Secrets, and the audit trail."""

from datetime import datetime
from typing import Annotated, Literal

from adapters.http.native.wire.shapes import In, Out, said
from domain.identifiers import (
    AccountId,
    ApiTokenId,
    EnvironmentId,
    ProjectId,
    SecretId,
    StreamName,
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


class AuditOut(Out):
    """Something that happened, as an auditor reads it."""

    position: int
    at: datetime
    type: str
    subject: StreamName
    message: str
    reason: str | None
    actor: str
    actor_kind: Literal["account", "token", "system"]
    account_id: AccountId | None
    token_id: ApiTokenId | None
    address: str | None
    user_agent: str | None
    correlation_id: str
    causation_id: str
