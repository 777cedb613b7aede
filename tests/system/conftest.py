"""One plane for all system tests of a test process."""

from collections.abc import Iterator

import pytest

from tests.system.planes import Plane, running


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A plane that is shared: leave it as it was, and give projects names of their own."""
    with running(tmp_path_factory.mktemp("plane") / "data") as plane:
        yield plane
