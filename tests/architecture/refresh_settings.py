"""``python -m tests.architecture.refresh_settings`` writes the page of all settings again."""

from typing import get_type_hints

import msgspec

from adapters.settings import Settings, variable
from tests.architecture.repository import ROOT

PAGE = ROOT / "docs" / "settings.md"

HEAD = """# Settings

Each is a variable of the environment that every process of the plane reads when it starts; the commonest are also
options of `shipbook up`, `api`, `worker`, `executor` and `edge`. A wrong or unknown one is refused with a message that
says why.

| variable | default | what it says |
|---|---|---|
"""


def page() -> str:
    """The page, from the settings themselves."""
    hints = get_type_hints(Settings, include_extras=True)
    rows = [
        f"| `{variable(field.name)}` | {_default(field.default)} | {_said(hints[field.name])} |"
        for field in msgspec.structs.fields(Settings)
    ]
    return HEAD + "\n".join(rows) + "\n"


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value not in {None, ""} else ""


def _said(hint: object) -> str:
    notes = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, msgspec.Meta) and note.description]
    [said] = [note.description for note in notes]
    examples = [str(example) for note in notes for example in note.examples or []]
    return str(said) + (f", such as `{examples[0]}`" if examples else "")


def main() -> None:
    """Write it."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
