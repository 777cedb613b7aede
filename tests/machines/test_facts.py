"""Laws of every fact: it is stored and read without loss, and every state takes every fact."""

from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.decider import AnyDecider
from commands.routing import ROUTES
from domain.catalogue import FACTS, AnyFact
from domain.fact import Fact, Value, tag_of
from domain.history import Context
from tests.machines.facts import any_of

DECIDERS = [*{decider.category: decider for decider, _ in ROUTES.values()}.values()]
EVENTS: dict[str, Any] = {decider.category: [*get_type_hints(decider.evolve).values()][1] for decider in DECIDERS}
DECODER: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(AnyFact)


@pytest.mark.parametrize("tag", FACTS)
def test_a_fact_is_read_as_it_was_stored(tag: str) -> None:
    @given(any_of(FACTS[tag], st.text(max_size=20)))
    def law(fact: Fact) -> None:
        read = DECODER.decode(msgspec.json.encode(fact))
        assert read == fact
        assert tag_of(read) == tag

    law()


@pytest.mark.parametrize("tag", FACTS)
def test_a_stored_fact_says_everything_and_leans_on_no_default(tag: str) -> None:
    @given(any_of(FACTS[tag]))
    def law(fact: Fact) -> None:
        stored = msgspec.json.decode(msgspec.json.encode(fact))
        assert_whole(fact, stored)

    law()


def assert_whole(value: Value | Fact, stored: dict[str, Any]) -> None:
    """Every field is there, in depth: a default that changes later must not change what was meant."""
    assert set(stored) - {value.__struct_config__.tag_field} == set(value.__struct_fields__)
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if isinstance(inner, Value):
            assert_whole(inner, stored[name])


@given(any_of(Context, st.text(max_size=20)))
def test_the_circumstances_are_read_as_they_were_stored(context: Context) -> None:
    assert msgspec.json.decode(msgspec.json.encode(context), type=Context) == context


@pytest.mark.parametrize("decider", DECIDERS, ids=[decider.category for decider in DECIDERS])
def test_every_state_takes_every_fact(decider: AnyDecider) -> None:
    @given(st.lists(any_of(EVENTS[decider.category]), max_size=8))
    def law(facts: list[Fact]) -> None:
        assert isinstance(decider.fold(facts), type(decider.initial))

    law()


def test_every_fact_has_a_decider() -> None:
    assert {fact for event in EVENTS.values() for fact in get_args(event) or (event,)} == set(FACTS.values())
