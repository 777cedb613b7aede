"""Closing a log: what may be asked."""

from collections.abc import Sequence

from commands.command import Command
from commands.decider import Decider
from domain.identifiers import LogId
from domain.lines import Event, Log, LogClosed, evolve


class CloseLog(Command):
    """Seal a log: no line follows ``last_seq``."""

    log_id: LogId
    last_seq: int
    sha256: str


LogCommand = CloseLog


def decide(command: LogCommand, state: Log) -> Sequence[Event]:
    """The events that ``command`` causes now. A log is closed once."""
    if state.closed:
        return []
    return [LogClosed(log_id=command.log_id, last_seq=command.last_seq, sha256=command.sha256)]


DECIDER = Decider(category="log", initial=Log(), decide=decide, evolve=evolve)
