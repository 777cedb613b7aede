"""Sentences about freeze windows."""

from domain import freeze
from domain.freeze import FreezeKind, FreezeWindow, FreezeWindowAdded, FreezeWindowRemoved


def tell(fact: freeze.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case FreezeWindowAdded(window=window):
            does = "froze deployments" if window.kind is FreezeKind.DENY else "allowed deployments only"
            return f"{who} {does} {_when(window)} with '{window.name}'."
        case FreezeWindowRemoved():
            return f"{who} removed the freeze window '{fact.name}'."


def _when(window: FreezeWindow) -> str:
    if window.weekly:
        days = ", ".join(window.weekly.days)
        return f"each {days} from {window.weekly.begins} until {window.weekly.ends} in {window.weekly.time_zone}"
    times = [f"{time:%Y-%m-%d %H:%M} UTC" if time else "any time" for time in (window.begins, window.ends)]
    return f"from {times[0]} until {times[1]}"
