"""No spelling of a secret leaves the masker, however the stream is cut; and nothing else is touched."""

import base64
import json
import time
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.masking import MASK, SHORTEST, Masks
from commands.ports import SecretValue

SECRET = "s3cr3t/+?&='\"<ü>"
"""It is written differently by every encoding."""

VALUES = st.text(
    st.characters(exclude_characters="*\r\n", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=4, max_size=24
).filter(lambda value: len(value.strip()) >= SHORTEST)
TEXTS = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), max_size=30)


def spellings(value: str, before: bytes = b"", after: bytes = b"") -> list[bytes]:
    """How tools write a value that stands between ``before`` and ``after`` (which only base64 cares about)."""
    data = value.encode()
    whole = before + data + after
    return [
        data,
        data.hex().encode(),
        data.hex().upper().encode(),
        base64.b64encode(whole),
        base64.urlsafe_b64encode(whole),
        base64.b64encode(whole).rstrip(b"="),
        quote(value, safe="").encode(),
        quote_plus(value).encode(),
        json.dumps(value).encode(),
        json.dumps(value, ensure_ascii=False).encode(),
    ]


def masked(masks: Masks, pieces: Sequence[bytes]) -> bytes:
    stream = masks.stream()
    return b"".join(map(stream.feed, pieces)) + stream.end()


def cut(text: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def forbidden(value: str) -> list[bytes]:
    """What base64 makes of the value wherever it starts, without the characters that share bits with others."""
    data = value.encode()
    exact = [spelling.strip(b'"') for spelling in spellings(value)]
    shifted = [base64.b64encode(bytes(n) + data)[-(-8 * n // 6) : 8 * (n + len(data)) // 6] for n in range(3)]
    return [spelling for spelling in (*exact, *shifted) if len(spelling) >= SHORTEST]


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(VALUES, min_size=1, max_size=3),
    parts=st.lists(
        st.tuples(TEXTS, st.integers(0, 2), st.integers(0, 9), st.binary(max_size=4), st.binary(max_size=4)),
        max_size=6,
    ),
    places=st.lists(st.integers(0, 5000), max_size=12),
)
def test_no_spelling_is_given_however_the_stream_is_cut(
    values: list[str], parts: list[tuple[str, int, int, bytes, bytes]], places: list[int]
) -> None:
    masks = Masks(map(SecretValue, values))
    text = b"".join(
        plain.encode() + spellings(values[which % len(values)], before, after)[form]
        for plain, which, form, before, after in parts
    )

    given_out = masked(masks, cut(text, places))

    assert given_out == masked(masks, [text])
    assert given_out == masked(masks, [text[at : at + 3] for at in range(0, len(text), 3)])
    assert not [spelling for value in values for spelling in forbidden(value) if spelling in given_out]


@pytest.mark.parametrize("form", range(10))
@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b"u:", b"\n"), (b"u", b"xx")])
def test_every_single_cut_of_every_spelling_is_masked(form: int, before: bytes, after: bytes) -> None:
    masks = Masks([SecretValue(SECRET)])
    text = b"token=" + spellings(SECRET, before, after)[form] + b" end"

    outputs = {masked(masks, [text[:place], text[place:]]) for place in range(len(text) + 1)}

    assert len(outputs) == 1
    assert MASK in outputs.pop()


@settings(deadline=None)
@given(text=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=5))
@example(text=b"\xff\r\n***", places=[2])
def test_text_without_secrets_passes_unchanged(text: bytes, places: list[int]) -> None:
    for masks in (Masks(), Masks([SecretValue("correct horse battery staple")])):
        assert masked(masks, cut(text, places)) == text


def test_secrets_that_overlap_are_masked_together() -> None:
    masks = Masks([SecretValue("abcdef"), SecretValue("defghi")])

    assert masks.masked("-abcdefghi-defghi-") == "-***-***-"


def test_each_line_of_a_secret_of_several_lines_is_masked_by_itself() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n  kqhkiG9w0BAQEF\n}\n-----END KEY-----\n"
    masks = Masks([SecretValue(key)])

    shown = masks.masked(f"{key}{{ }} kqhkiG9w0BAQEF {json.dumps(key)} {base64.b64encode(key.encode()).decode()}")

    assert "MII" not in shown
    assert "kqhk" not in shown
    assert shown.startswith("***\n***\n")
    assert "\n}\n" in shown  # too short to be masked
    assert "{ }" in shown
    assert shown.endswith(' "***" ***')


@pytest.mark.parametrize("value", ["", "1", "yes", "ab\ncd", "    "])
def test_values_of_fewer_than_four_characters_are_left_alone(value: str) -> None:
    assert Masks([SecretValue(value)]).masked("1, yes:     ab cd") == "1, yes:     ab cd"


def test_a_finished_line_is_given_at_once_and_an_unfinished_one_as_far_as_it_is_certain() -> None:
    stream = Masks([SecretValue("hunter2hunter2")]).stream()

    assert stream.feed(b"a line\n") == b"a line\n"
    assert len(stream.feed(b"x" * 1000)) == 1000 - stream.kept
    assert 0 < stream.kept < 50


def test_plain_text_passes_fast_enough() -> None:
    masks = Masks(SecretValue(f"secret-{number}-{number * 7919:x}-value") for number in range(10))
    text = b"2026-01-01 INFO compiling src/components/Button.tsx (421 modules) in 123 ms -> dist/index-AbC.js\n" * 700

    started = time.perf_counter()
    stream = masks.stream()
    size = sum(len(stream.feed(text)) for _ in range(50))
    rate = size / (time.perf_counter() - started) / 1e6

    print(f"masking: {rate:.0f} MB/s with 10 secrets")
    assert rate > 5  # far below what it does, for a machine that is busy
