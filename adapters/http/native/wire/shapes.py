"""The two kinds of structs, and the words that describe their fields."""

from typing import Annotated, dataclass_transform

import msgspec
from msgspec import Meta


@dataclass_transform(frozen_default=True, kw_only_default=True)
class In(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is sent to us."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Out(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What we answer. It becomes JSON, so it holds no cycle, and the collector of these does not look at it."""


def said(description: str, *examples: str) -> Meta:
    """A field's description and examples, for the API's documentation."""
    return Meta(description=description, examples=list(examples) or None)


Branch = Annotated[str, said("A git branch.", "main")]
Root = Annotated[str, said("A folder below the repository's root; empty is the root.", "apps/web")]
Name = Annotated[str, said("A name for people, at most 100 characters.", "My shop")]
Reason = Annotated[str, said("Why; kept in the audit trail. At most 500 characters.", "the prices were wrong")]
