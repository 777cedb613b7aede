"""Repository connections."""

from adapters.http.native.wire.repositories import ConnectionOut
from projections.repositories import ConnectionRow


def connection(row: ConnectionRow) -> ConnectionOut:
    """A connection."""
    return ConnectionOut(
        id=row.id, name=row.name, url=row.url, has_credential=row.has_credential, created_at=row.created_at
    )
