"""The base struct of a command: a request, in the imperative, that a rule may refuse."""

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody asks for."""
