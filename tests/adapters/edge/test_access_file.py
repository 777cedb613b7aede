"""Whatever Caddy does to its files and whenever the reader dies, each line is read in order, or a gap is told."""

import json
from contextlib import ExitStack, closing
from itertools import count

import pytest

from adapters.edge.access_file import AccessFile


class Caddy:
    """Writes, rolls and deletes files as Caddy does."""

    def __init__(self, directory):
        self.log = directory / "access.log"
        self._directory = directory
        self._numbers, self._rolls = count(1), count(1)

    def write(self, lines=1):
        with self.log.open("a") as file:
            for _ in range(lines):
                file.write(
                    json.dumps({"level": "info", "ts": 1_800_000_000 + next(self._numbers) / 1e6, "x": "y" * 40}) + "\n"
                )

    def roll(self):
        self.log.rename(self._directory / f"access-2026-01-01T00-00-{next(self._rolls):02}.000.log")

    def delete_oldest(self):
        min(self._directory.glob("access-*.log")).unlink()


@pytest.fixture
def opened(tmp_path):
    """Opens the files, each time as another process would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(AccessFile(tmp_path)))


def numbers(block):
    return [round((json.loads(line)["ts"] - 1_800_000_000) * 1e6) for line in block.data.splitlines()]


def read(file, most=1 << 20):
    """Everything that is there: numbers of lines, and the offsets of the blocks."""
    found, offsets = [], []
    while block := file.read(most):
        found += numbers(block)
        offsets.append(block.offset)
    return found, offsets


def test_lines_are_read_through_files_that_are_rolled(tmp_path, opened):
    caddy, file = Caddy(tmp_path), opened()
    assert file.read(100) is None
    caddy.write(3)
    assert read(file)[0] == [1, 2, 3]
    caddy.write(2)
    caddy.roll()
    caddy.write()
    caddy.roll()
    caddy.write()
    found, offsets = read(file, 200)
    assert found == [4, 5, 6, 7]
    assert offsets == sorted(set(offsets))


def test_half_a_line_is_left_until_it_is_whole(tmp_path, opened):
    caddy, file = Caddy(tmp_path), opened()
    caddy.write()
    whole = caddy.log.read_bytes()
    caddy.log.write_bytes(whole + whole[:30])
    assert read(file)[0] == [1]
    with caddy.log.open("ab") as log:
        log.write(whole[30:])
    assert read(file)[0] == [1]


def test_who_dies_goes_on_behind_what_was_kept_though_the_files_were_rolled_meanwhile(tmp_path, opened):
    caddy, file = Caddy(tmp_path), opened()
    caddy.write(2)
    read(file)
    file.keep()
    caddy.write()
    _, [offset] = read(file)  # dealt with or not: nobody knows
    caddy.roll()
    caddy.write()
    again = opened()
    found, offsets = read(again)
    assert found == [3, 4]
    assert (offsets[0], again.source) == (offset, file.source)


def test_what_was_deleted_before_it_was_read_is_told_as_a_gap(tmp_path, opened):
    caddy, file = Caddy(tmp_path), opened()
    caddy.write()
    _, [before] = read(file)
    file.keep()
    file.close()
    for _ in range(2):
        caddy.roll()
        caddy.write()
    caddy.delete_oldest()
    block = opened().read(1 << 20)
    assert (block.gap, numbers(block)) == (True, [2])
    assert block.offset > before


def test_a_file_that_is_deleted_while_it_is_read_is_a_gap_as_others_may_be_gone_too(tmp_path, opened):
    caddy, file = Caddy(tmp_path), opened()
    caddy.write(2)
    assert numbers(file.read(100)) == [1]
    caddy.roll()
    caddy.write()
    caddy.delete_oldest()
    assert [(numbers(block), block.gap) for block in iter(lambda: file.read(1 << 20), None)] == [
        ([2], False),
        ([3], True),
    ]


def test_a_block_says_how_many_files_wait(tmp_path, opened):
    caddy, file = Caddy(tmp_path), opened()
    for _ in range(3):
        caddy.write()
        caddy.roll()
    assert [block.behind for block in iter(lambda: file.read(1 << 20), None)] == [2, 1, 0]
