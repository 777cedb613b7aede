"""Log lines are not facts; that a log has ended is one."""

from domain.fact import Fact, Value
from domain.identifiers import LogId


class LogClosed(Fact, tag="log.closed"):
    """No line follows ``last_seq``. ``sha256`` is over the lines' texts, each ended by a line feed."""

    log_id: LogId
    last_seq: int
    sha256: str


Event = LogClosed


class Log(Value):
    """What later decisions need of a log."""

    closed: bool = False


def evolve(state: Log, fact: Event) -> Log:  # noqa: ARG001 - the shape of every evolve
    """The log after ``fact``."""
    return Log(closed=True)
