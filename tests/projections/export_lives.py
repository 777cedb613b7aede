"""What an export of the audit trail may live through."""

from collections.abc import Iterator

from domain.audit import AuditTrailExported, ExportFormat
from domain.fact import Fact
from domain.identifiers import ExportId


def life(export: ExportId) -> Iterator[Fact]:
    """An export, which happens once."""
    yield AuditTrailExported(
        export_id=export, format=ExportFormat.CSV, until_position=4711, sought={"action": "secret.*"}
    )
