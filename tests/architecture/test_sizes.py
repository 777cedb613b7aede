"""Sizes: a module is read at one sitting."""

from tests.architecture.repository import modules, named

LONGEST = 400


def test_no_module_is_over_400_lines() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
