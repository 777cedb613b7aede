"""Secrets."""

from datetime import datetime
from typing import Annotated, Literal

from adapters.http.native.wire.shapes import In, Out, said
from domain.identifiers import (
    EnvironmentId,
    ProjectId,
    SecretId,
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
