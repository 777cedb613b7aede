"""How limits are shown."""

from adapters.http.native.wire.workspaces import LimitsOut
from services.console import Console


def show_limits(console: Console, found: LimitsOut) -> None:
    """A table of limits."""
    console.document(found)
    rows = []
    for name in found.__struct_fields__:
        one = getattr(found, name)
        rows.append(
            (
                name.replace("_", " "),
                "any" if one.limit is None else str(one.limit),
                "" if one.used is None else str(one.used),
                f"{one.resets_at:%Y-%m-%d %H:%M} UTC" if one.resets_at else "",
                "set here" if one.own else "as usual",
            )
        )
    console.table(("LIMIT", "MOST", "USED", "BEGINS AGAIN", "ORIGIN"), rows, empty="")
