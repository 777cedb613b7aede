"""Taking out of text what would steer a terminal."""

import re

CONTROL = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS, SOS, PM, APC and their text
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: the cursor, the screen, the keyboard
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]",
    re.DOTALL,
)
"""Control functions of ECMA-48, in their 7-bit and 8-bit forms; the tabulator is none of them."""

RESET = "\x1b[0m"


def cleaned(text: str, *, colours: bool = False) -> str:
    """``text`` as one line without anything that steers a terminal; ``colours`` keeps those."""

    def kept(found: re.Match[str]) -> str:
        return found[0] if colours and found["colour"] else " " if found[0] in {"\r", "\n"} else ""

    harmless = CONTROL.sub(kept, text.rstrip("\r\n"))
    return harmless + RESET if colours and "\x1b" in harmless else harmless
