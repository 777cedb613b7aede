"""Which release has which version of a secret."""

from collections.abc import Sequence

from domain.history import Recorded
from domain.identifiers import ReleaseId, SecretId, TenantId
from domain.release import ReleaseCut
from projections.changes import Change, Put, ReadModel, Row, Table
from projections.reading import Page, Paging, Reader, Selection, every
from projections.releases import RELEASES, ReleaseRow


class SecretUseRow(Row):
    """A release was cut with this version; ``number`` is that of the deployment that cut it."""

    secret_id: SecretId
    release_id: ReleaseId
    tenant_id: TenantId
    version: int
    number: int


USES = Table("uses", SecretUseRow, key=("secret_id", "release_id"), indexes=(("tenant_id", "secret_id", "number"),))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of uses."""
    match recorded.fact:
        case ReleaseCut() as fact:
            return [
                Put(
                    USES,
                    SecretUseRow(
                        secret_id=pin.secret_id,
                        release_id=fact.release_id,
                        tenant_id=recorded.context.tenant_id,
                        version=pin.version,
                        number=fact.deployment_number,
                    ),
                )
                for pin in fact.secrets
            ]
        case _:
            return []


MODEL = ReadModel("secret_uses", [USES], project, ReleaseCut)


async def listing(reader: Reader, tenant: TenantId, secret_id: SecretId, paging: Paging) -> Page[SecretUseRow]:
    """The releases that have some version of the secret, the newest first."""
    equal = {"tenant_id": tenant, "secret_id": secret_id}
    return await reader.select(USES, Selection(equal=equal, order_by="number", descending=True), paging)


async def releases_of(reader: Reader, tenant: TenantId, uses: Sequence[SecretUseRow]) -> dict[ReleaseId, ReleaseRow]:
    """The releases that the uses speak of, by id."""
    if not uses:
        return {}
    equal = {"tenant_id": tenant, "id": tuple(use.release_id for use in uses)}
    return {row.id: row for row in await every(reader, RELEASES, Selection(equal=equal))}


async def pinned(reader: Reader, tenant: TenantId, secret_id: SecretId) -> frozenset[int]:
    """The versions of the secret that releases have which may be made live once more."""
    uses = await every(reader, USES, Selection(equal={"tenant_id": tenant, "secret_id": secret_id}, order_by="number"))
    releases = await releases_of(reader, tenant, uses)
    kept = {release.id for release in releases.values() if release.expired_at is None}
    return frozenset(use.version for use in uses if use.release_id in kept)
