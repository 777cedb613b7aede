"""From bytes to lines: valid, bounded, masked, and the same however the bytes came."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.linecutting import LONGEST_LINE, LineCutter
from adapters.masking import Masks
from commands.ports import SecretValue

SECRET = "correct-horse"
BYTES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"bc", "\u2028ü€😀".encode(), b"\xff", b"\x1b[31m", SECRET.encode()]),
    max_size=40,
).map(b"".join)


def cut(*pieces: bytes, secrets: tuple[str, ...] = ()) -> bytes:
    cutter = LineCutter(Masks(map(SecretValue, secrets)))
    return b"".join(map(cutter.cut, pieces)) + cutter.end()


@pytest.mark.parametrize(
    ("given_bytes", "lines"),
    [
        (b"one\ntwo\n", b"one\ntwo\n"),
        (b"windows\r\n\r\n", b"windows\n\n"),
        (b" 10%\r 50%\r100%\nnext\n", b"100%\nnext\n"),
        (b" 10%\r 50%\r\n", b" 50%\n"),
        (b"not ended", b"not ended\n"),
        (b"", b""),
        (b"\n", b"\n"),
        (b"\xff\xfe\n", "\ufffd\ufffd\n".encode()),
        (b"\x1b[31mred\x1b[0m\n", b"\x1b[31mred\x1b[0m\n"),
        (
            "tab\t, NUL\0, separator\u2028, form feed\f\n".encode(),
            "tab\t, NUL\0, separator\u2028, form feed\f\n".encode(),
        ),
    ],
)
def test_lines_are_what_a_terminal_would_leave_standing(given_bytes: bytes, lines: bytes) -> None:
    assert cut(given_bytes) == lines


@settings(max_examples=300, deadline=None)
@given(data=BYTES, places=st.lists(st.integers(0, 300), max_size=8))
def test_lines_do_not_depend_on_how_the_bytes_came(data: bytes, places: list[int]) -> None:
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    pieces = [data[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]  # noqa: RUF007 - may be empty

    assert cut(*pieces, secrets=(SECRET,)) == cut(data, secrets=(SECRET,))
    assert SECRET.encode() not in cut(data, secrets=(SECRET,))


@settings(max_examples=300, deadline=None)
@given(data=BYTES, places=st.lists(st.integers(0, 300), min_size=1, max_size=4))
def test_whoever_goes_on_at_the_bytes_that_are_in_no_line_yet_cuts_the_same_lines(
    data: bytes, places: list[int]
) -> None:
    place = places[0] % (len(data) + 1)
    masks = Masks([SecretValue(SECRET)])
    first, second = LineCutter(masks), LineCutter(masks)

    before = first.cut(data[:place])
    after = second.cut(data[place - first.uncut :]) + second.end()

    assert before + after == cut(data, secrets=(SECRET,))


@pytest.mark.parametrize("size", [LONGEST_LINE, LONGEST_LINE + 1, 3 * LONGEST_LINE + 7])
@pytest.mark.parametrize("character", ["x", "ü", "€", "😀"])
@pytest.mark.parametrize("piece", [1 << 10, 1 << 20])
def test_a_line_that_is_too_long_becomes_several_without_tearing_a_character(
    size: int, character: str, piece: int
) -> None:
    line = (character * size).encode()
    data = b"before\n" + line + b"\nafter\n"

    block = cut(*(data[at : at + piece] for at in range(0, len(data), piece)))

    lines = block.split(b"\n")
    assert max(map(len, lines)) <= LONGEST_LINE
    assert b"".join(lines[1:-2]) == line
    assert (lines[0], lines[-2], lines[-1]) == (b"before", b"after", b"")
    assert all(text.decode() is not None for text in lines)


@pytest.mark.parametrize("at", [0, 1, 100, LONGEST_LINE - 5, LONGEST_LINE, LONGEST_LINE + 9])
@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_a_secret_in_a_line_that_never_ends_is_masked_wherever_a_reader_goes_on(at: int, piece: int) -> None:
    data = b"x" * at + SECRET.encode() + b"y" * (2 * LONGEST_LINE)
    masks = Masks([SecretValue(SECRET)])
    cutter, block, read = LineCutter(masks), b"", 0
    while read < len(data):
        if cut_now := cutter.cut(data[read : read + piece]):
            block += cut_now
            read = min(read + piece, len(data)) - cutter.uncut
            cutter = LineCutter(masks)  # as after a crash
        else:
            read += piece
    block += cutter.end()

    assert block.replace(b"\n", b"") == b"x" * at + b"***" + b"y" * (2 * LONGEST_LINE)


def test_a_progress_bar_that_never_ends_its_line_takes_no_room() -> None:
    cutter = LineCutter(Masks())

    for number in range(100_000):
        assert cutter.cut(f"\r{number} of many".encode()) == b""

    assert cutter.end() == b"99999 of many\n"
