"""Stored facts can be read for ever: one golden specimen a tag decodes, and encodes to the same again.

A specimen is never edited. A fact that gets a field with a default keeps its specimen; a fact that gets another
meaning gets another tag and a specimen of its own, and the old one is upcast (``adapters/upcasting.py``).
"""

from pathlib import Path

import msgspec
import pytest

from adapters.mapping import Mapper
from adapters.upcasting import UPCASTERS
from domain.catalogue import FACTS
from domain.fact import tag_of
from domain.history import Recorded
from domain.identifiers import StreamName

GOLDEN = Path(__file__).parents[1] / "golden" / "facts"
STREAM = StreamName("thing-1")


def decoded(tag: str) -> Recorded:
    return Mapper().recorded(1, STREAM, 1, tag, (GOLDEN / f"{tag}.json").read_bytes())


def test_every_tag_that_was_ever_stored_has_a_specimen() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*FACTS, *UPCASTERS}


@pytest.mark.parametrize("tag", sorted(FACTS))
def test_a_specimen_decodes_and_encodes_to_the_same_again(tag: str) -> None:
    recorded = decoded(tag)

    stored = Mapper().stored(STREAM, 0, [recorded.fact], recorded.context)

    assert (type(recorded.fact), stored.tags[0]) == (FACTS[tag], tag)
    specimen = msgspec.json.decode((GOLDEN / f"{tag}.json").read_bytes())
    assert _kept(specimen, msgspec.json.decode(stored.states[0])) == specimen
    assert Mapper().recorded(1, STREAM, 1, stored.tags[0], stored.states[0]) == recorded


def _kept(specimen: object, stored: object) -> object:
    """What is stored today, without the fields that facts have got since the specimen was made."""
    if isinstance(specimen, dict) and isinstance(stored, dict):
        return {name: _kept(value, stored.get(name)) for name, value in specimen.items()}
    return stored


def test_old_tags_are_read_as_facts_of_today() -> None:
    assert not UPCASTERS.keys() & FACTS.keys()
    assert {tag_of(decoded(tag).fact) for tag in UPCASTERS} <= FACTS.keys()
