"""The two base structs: a value, and a fact."""

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Value(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable value that facts, commands and states are made of."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact"):
    """Something that happened.

    A subclass names its ``tag`` (``"deployment.queued"``), which is its stored name for ever. A field may be
    added with a default; a field is never renamed, re-typed or given another meaning (architecture, part 3).
    It is stored whole: were defaults left out, a default that changes would change what had happened.
    """


def tag_of(fact: type[Fact] | Fact) -> str:
    """The stored name of a fact, such as ``"deployment.queued"``."""
    return str(fact.__struct_config__.tag)
