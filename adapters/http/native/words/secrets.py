"""Secrets, masked."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from adapters.http.native.wire.secrets import (
    EffectiveSecretOut,
    HiddenSecretOut,
    ImportedOut,
    SecretDetail,
    SecretOut,
    SecretsImported,
    SecretUseOut,
    SecretVersionOut,
)
from commands.importing import Outcome, Planned
from domain.secret import SecretScope
from projections.releases import ReleaseRow
from projections.secret_uses import SecretUseRow
from projections.secrets import Effective, SecretRow, SecretVersionRow

Openable = Collection[tuple[str, int]]
"""The versions, each with its secret's id, whose values can still be opened."""

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


def detail(row: SecretRow, versions: Sequence[SecretVersionRow], openable: Openable) -> SecretDetail:
    """A secret, masked, with its versions."""
    return SecretDetail(
        **msgspec.structs.asdict(secret(row)),
        versions=[
            SecretVersionOut(
                version=one.version,
                fingerprint=one.fingerprint,
                created_at=one.created_at,
                created_by=one.created_by,
                gone=(one.secret_id, one.version) not in openable,
            )
            for one in versions
        ],
    )


def imported(planned: Sequence[Planned], *, dry_run: bool) -> SecretsImported:
    """What an import has done, or would do."""
    counts = Counter(one.outcome for one in planned)
    return SecretsImported(
        dry_run=dry_run,
        created=counts[Outcome.CREATED],
        rotated=counts[Outcome.ROTATED],
        unchanged=counts[Outcome.UNCHANGED],
        refused=counts[Outcome.REFUSED],
        items=[
            ImportedOut(
                line=one.variable.line,
                name=one.variable.name,
                outcome=one.outcome,
                version=one.version,
                reason=one.reason,
            )
            for one in planned
        ],
    )


def effective(one: Effective, openable: Openable) -> EffectiveSecretOut:
    """A variable as a place sees it."""
    row = one.row
    return EffectiveSecretOut(
        name=row.name,
        id=row.id,
        scope=row.scope,
        version=row.version,
        fingerprint=row.fingerprint,
        value=MASK,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        gone=(row.id, row.version) not in openable,
        hides=[
            HiddenSecretOut(id=hid.id, scope=hid.scope, version=hid.version, fingerprint=hid.fingerprint)
            for hid in one.hides
        ],
    )


def use(row: SecretUseRow, release: ReleaseRow, newest: int, openable: Openable) -> SecretUseOut:
    """A release with its version of a secret."""
    return SecretUseOut(
        release_id=row.release_id,
        ref=release.ref,
        project_id=release.project_id,
        environment_id=release.environment_id,
        version=row.version,
        active=release.active,
        outdated=row.version < newest,
        gone=(row.secret_id, row.version) not in openable,
        created_at=release.created_at,
    )


def narrowest(project_id: str | None, environment_id: str | None) -> SecretScope:
    """The scope that the ids of a request say, where it names none."""
    if environment_id is not None:
        return SecretScope.ENVIRONMENT
    return SecretScope.WORKSPACE if project_id is None else SecretScope.PROJECT
