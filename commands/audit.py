"""Exporting the audit trail: what may be asked."""

from collections.abc import Sequence

from commands.command import Command
from commands.decider import Decider
from domain.audit import AuditTrailExported, Event, Export, ExportFormat, evolve
from domain.identifiers import ExportId


class ExportAuditTrail(Command):
    """Take the facts up to a position, or some of them, elsewhere."""

    export_id: ExportId
    format: ExportFormat
    until_position: int
    sought: dict[str, str] = {}


AuditCommand = ExportAuditTrail


def decide(command: AuditCommand, state: Export) -> Sequence[Event]:
    """The events that ``command`` causes now. An export happens once."""
    if state.exported:
        return []
    return [
        AuditTrailExported(
            export_id=command.export_id,
            format=command.format,
            until_position=command.until_position,
            sought=command.sought,
        )
    ]


DECIDER = Decider(category="audit", initial=Export(), decide=decide, evolve=evolve)
