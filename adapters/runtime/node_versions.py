"""Which versions of Node.js a project asks for, in the words of npm and nvm.

A request is a range as npm reads it (``>=18 <21``, ``^20.1``, ``22.x``, ``18 || 20``) or one of nvm's names
(``lts/*``, ``lts/jod``, ``node``).
"""

import re
from typing import NamedTuple

Version = tuple[int, int, int]
LTS = {"hydrogen": 18, "iron": 20, "jod": 22, "krypton": 24}
ANY = ("", "*", "x", "node", "latest", "current", "stable", "lts", "lts/*")
END: Version = (1 << 30, 0, 0)
PART = r"v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][\w.+-]*)?"
COMPARATOR = re.compile(rf"(\^|~>?|>=|<=|>|<|=)?\s*{PART}")
HYPHEN = re.compile(rf"({PART})\s+-\s+({PART})")


class Interval(NamedTuple):
    """The versions from ``low`` up to, not including, ``high``."""

    low: Version
    high: Version

    def __contains__(self, version: object) -> bool:
        """Whether the version lies inside."""
        return isinstance(version, tuple) and self.low <= version < self.high

    def meet(self, other: "Interval") -> "Interval | None":
        """The versions in both; None when there are none."""
        both = Interval(max(self.low, other.low), min(self.high, other.high))
        return both if both.low < both.high else None

    def requirement(self) -> str:
        """The interval as Python's packaging writes it (PEP 440)."""
        above = f">={_text(self.low)}"
        return above if self.high == END else f"{above},<{_text(self.high)}"


EVERYTHING = Interval((0, 0, 0), END)


def intervals(request: str) -> list[Interval]:
    """What the request allows.

    Raises:
        ValueError: It is no such request.
    """
    text = request.strip().lower()
    if text in ANY:
        return [EVERYTHING]
    if text.startswith("lts/"):
        major = LTS.get(text.removeprefix("lts/"))
        if major is None:
            raise ValueError(f"{request!r} is no request for a version")
        return [Interval((major, 0, 0), (major + 1, 0, 0))]
    return [met for part in text.split("||") if (met := _alternative(part.strip(), request))]


def satisfies(version: Version, request: str) -> bool:
    """Whether the request allows the version."""
    return any(version in interval for interval in intervals(request))


def parse(version: str) -> Version:
    """``v22.3.0`` as numbers.

    Raises:
        ValueError: It is no whole version.
    """
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+.].*)?", version.strip())
    if not match:
        raise ValueError(f"{version!r} is no version")
    return int(match[1]), int(match[2]), int(match[3])


def _alternative(text: str, request: str) -> Interval | None:
    if text in ANY:
        return EVERYTHING
    hyphen = HYPHEN.fullmatch(text)
    if hyphen:
        text = f">={hyphen[1]} <={hyphen[5]}"
    result: Interval | None = EVERYTHING
    position = 0
    while position < len(text):
        match = COMPARATOR.match(text, position)
        if not match:
            raise ValueError(f"{request!r} is no request for a version")
        result = result and result.meet(_interval(match[1] or "=", match[2], match[3], match[4]))
        position = match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip(" ,"))
    return result


def _interval(operator: str, *parts: str | None) -> Interval:
    """One comparator: a part that is left out, or ``x``, stands for every value."""
    numbers = [int(part) for part in parts if part and part.isdigit()]
    if not numbers:
        return EVERYTHING
    low: Version = (numbers[0], numbers[1] if len(numbers) > 1 else 0, numbers[2] if len(numbers) > 2 else 0)
    after = _after(numbers)
    match operator:
        case ">=":
            return Interval(low, END)
        case ">":
            return Interval(after, END)
        case "<":
            return Interval((0, 0, 0), low)
        case "<=":
            return Interval((0, 0, 0), after)
        case "^":
            return Interval(low, (low[0] + 1, 0, 0))
        case "~" | "~>":
            return Interval(low, _after(numbers[:2]))
        case _:
            return Interval(low, after)


def _after(numbers: list[int]) -> Version:
    """The first version that does not begin with these numbers."""
    if len(numbers) == 1:
        return numbers[0] + 1, 0, 0
    if len(numbers) == 2:
        return numbers[0], numbers[1] + 1, 0
    return numbers[0], numbers[1], numbers[2] + 1


def _text(version: Version) -> str:
    return ".".join(map(str, version))
