"""One plane for all system tests of a test process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.planes import Plane, running


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A plane that is shared: leave it as it was, and give projects names of their own."""
    with running(tmp_path_factory.mktemp("plane") / "data") as plane:
        yield plane


@pytest.fixture
def plane_of_its_own(tmp_path: Path) -> Iterator[Callable[..., Plane]]:
    """Starts a plane for one test, with settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(tmp_path / "plane", **settings))
