"""Secrets, masked."""

from typing import Literal

from adapters.http.native.wire.secrets import SecretOut
from domain.secret import SecretScope
from projections.secrets import SecretRow

MASK: Literal["••••••••"] = "••••••••"


def secret(row: SecretRow) -> SecretOut:
    """A secret, masked."""
    return SecretOut(
        id=row.id,
        name=row.name,
        scope=row.scope,
        project_id=row.project_id,
        environment_id=row.environment_id,
        value=MASK,
        version=row.version,
        fingerprint=row.fingerprint,
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def narrowest(project_id: str | None, environment_id: str | None) -> SecretScope:
    """The scope that the ids of a request say, where it names none."""
    if environment_id is not None:
        return SecretScope.ENVIRONMENT
    return SecretScope.WORKSPACE if project_id is None else SecretScope.PROJECT
