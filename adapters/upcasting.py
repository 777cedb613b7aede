"""Old shapes made new, by tag, while decoding.

A fact's tag is its stored name for ever. When a fact gets another meaning it gets another tag, and the old tag gets an
upcaster here: a function from the old JSON object to the one of the newer tag.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[str, Upcaster] = {}
"""By old tag. The result's ``fact`` field names the newer tag, which may itself have an upcaster."""


def upcast(fact: dict[str, Any], upcasters: Mapping[str, Upcaster]) -> dict[str, Any]:
    """The fact in today's shape."""
    while upcaster := upcasters.get(fact["fact"]):
        fact = upcaster(fact)
    return fact
