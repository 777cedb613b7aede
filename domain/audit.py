"""Taking the audit trail elsewhere is itself something that happened."""

from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import ExportId


class ExportFormat(StrEnum):
    """How an export is written."""

    NDJSON = "ndjson"
    CSV = "csv"


class AuditTrailExported(Fact, tag="audit.exported"):
    """Somebody took facts up to ``until_position`` with them; ``sought`` says which, by the names of the filters."""

    export_id: ExportId
    format: ExportFormat
    until_position: int
    sought: dict[str, str] = {}


Event = AuditTrailExported


class Export(Value):
    """What later decisions need of an export."""

    exported: AuditTrailExported | None = None


def evolve(state: Export, fact: Event) -> Export:
    """The export after ``fact``."""
    return replace(state, exported=fact)
