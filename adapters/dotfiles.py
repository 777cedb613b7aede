"""Reading the variables of a ``.env`` file, as python-dotenv reads it; ``${NAME}`` is taken as it is written."""

import re
from collections.abc import Iterator
from io import StringIO

from dotenv.parser import Binding, parse_stream

from commands.checks import invalid
from commands.importing import MOST_NAMES, Variable
from commands.ports import SecretValue

LARGEST_FILE = 1 << 20
"""In bytes of UTF-8."""
MOST_LINES = 5_000
_BLANKS = re.compile(r"[^\S\r\n]{100}")
"""Behind each blank of a row the parser looks for a comment's '#': long rows of them would keep it for minutes."""
_LINE_END = re.compile(r"\r\n|\n|\r")


def variables(content: str) -> list[Variable]:
    """The file's variables in their order; what is no variable is among them, without a name. Raises ``Invalid``."""
    if len(content.encode(errors="replace")) > LARGEST_FILE:
        raise invalid("content", f"must be at most {LARGEST_FILE} bytes of UTF-8")
    if len(_LINE_END.findall(content)) > MOST_LINES:
        raise invalid("content", f"must have at most {MOST_LINES} lines")
    if blanks := _BLANKS.search(content):
        line = 1 + len(_LINE_END.findall(content[: blanks.start()]))
        raise invalid("content", f"line {line} has 100 blanks in a row; is this a .env file?")
    found = list(_read(content))
    if len(found) > MOST_NAMES:
        raise invalid("content", f"must have at most {MOST_NAMES} variables, not {len(found)}; import it in parts")
    return found


def _read(content: str) -> Iterator[Variable]:
    for binding in parse_stream(StringIO(content)):
        if binding.error or (binding.key is not None and binding.value is None):
            yield Variable(line=_line(binding))
        elif binding.key is not None and binding.value is not None:
            yield Variable(line=_line(binding), name=binding.key, value=SecretValue(binding.value))


def _line(binding: Binding) -> int:
    """The line in which it begins; the parser counts the empty ones before it to it."""
    text = binding.original.string
    before = text[: len(text) - len(text.lstrip())]
    return binding.original.line + len(_LINE_END.findall(before))
