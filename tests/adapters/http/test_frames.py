"""The frames of a run's lines, which are built together, are those that each line would have by itself."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.native.frames import LogFrame, event_lines, json_lines
from adapters.linestore import Numbered, Run

texts = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ['"', "\\", '","', '\\"', '"text":""', ":0,", "%d {seq} \\n", "\x1b[31mred\x1b[0m\t", "\r\u2028\x00", "zwölf 📦"]
)
runs = st.builds(
    lambda lines, at, stream, step, source: Run(
        at, stream, step, source, len(lines), "".join(f"{line}\n" for line in lines).encode()
    ),
    st.lists(texts, min_size=1, max_size=5),
    st.integers(0, 4_000_000_000_000_000),
    st.sampled_from(["stdout", "stderr", "system"]),
    st.none() | texts,
    st.none() | texts,
)


def numbered(stored: list[Run]) -> list[Numbered]:
    found: list[Numbered] = []
    for run in stored:
        found.append(Numbered(found[-1].last_seq + 1 if found else 4_711, run))
    return found


def alone(stored: list[Numbered]) -> list[bytes]:
    """Each line's frame."""
    frames = [
        LogFrame(seq=line.seq, at=line.at, stream=line.stream, step=line.step, text=line.text, source=line.source)
        for run in stored
        for line in run.lines()
    ]
    return [msgspec.json.encode(frame) for frame in frames]


@given(st.lists(runs, max_size=3))
def test_json_lines_hold_each_line_as_it_is(stored: list[Run]) -> None:
    placed = numbered(stored)

    assert json_lines(placed) == b"".join(frame + b"\n" for frame in alone(placed))


@given(st.lists(runs, max_size=3))
def test_events_hold_each_line_with_its_seq_as_id(stored: list[Run]) -> None:
    placed = numbered(stored)

    events = [b"id: %d\ndata: %b\n\n" % (seq, frame) for seq, frame in enumerate(alone(placed), 4_711)]
    assert event_lines(placed) == b"".join(events)


@given(runs, st.data())
def test_what_of_a_run_is_behind_a_line_has_its_numbers(run: Run, data: st.DataObject) -> None:
    whole = Numbered(10, run)
    seq = data.draw(st.integers(0, whole.last_seq - 1))

    rest = whole.behind(seq)

    assert list(rest.lines()) == [line for line in whole.lines() if line.seq > seq]
    assert (rest.last_seq, rest.run.count) == (whole.last_seq, rest.run.text.count(b"\n"))


def test_the_moment_of_a_run_is_in_utc() -> None:
    assert Run(0, "stdout", None, None, 1, b"\n").moment == datetime(1970, 1, 1, tzinfo=UTC)
