"""Any fact at all: hypothesis builds it from the types of its fields."""

import types
from datetime import UTC
from typing import Any, TypeGuard, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from domain.fact import Fact

SMALL = st.text("ab-é\n", max_size=3)
"""Few different texts, so that ids meet."""


def any_of(kind: Any, texts: st.SearchStrategy[str] = SMALL) -> st.SearchStrategy[Any]:
    """Values of a type that a fact's field may have."""
    if _is_struct(kind):
        fields = msgspec.structs.fields(kind)
        return st.builds(kind, **{field.name: any_of(field.type, texts) for field in fields})
    if get_origin(kind) in {Union, types.UnionType}:
        return st.one_of([any_of(one, texts) for one in get_args(kind)])
    if get_origin(kind) is tuple:
        return st.lists(any_of(get_args(kind)[0], texts), max_size=2).map(tuple)
    return _scalar(getattr(kind, "__supertype__", kind), texts)


def _scalar(kind: Any, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(min_value=-(2**63), max_value=2**63 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False),
    }
    if kind.__name__ == "datetime":
        return st.datetimes(timezones=st.just(UTC))
    return known[kind] if kind in known else st.from_type(kind)


def _is_struct(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def facts_of(union: Any) -> st.SearchStrategy[Fact]:
    """Any fact of a union such as ``domain.deployment.Event``, or of one that is a fact alone."""
    return any_of(union)
