"""Sandboxes with and without namespaces, and directories that an ordinary user may enter."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.runtime.sandbox import Capabilities, Sandbox, capabilities, hand_over, remove_tree

UNWALLED = Capabilities(
    namespaces=False, overlay=False, user=capabilities().user, limits=capabilities().limits, problem="for a test"
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that other users may enter: pytest's own are closed to them."""
    path = Path(tempfile.mkdtemp(prefix="shipbook-test-"))
    path.chmod(0o755)
    yield path
    remove_tree(path)


@pytest.fixture(params=["walls", "supervisor"])
def able(request: pytest.FixtureRequest) -> Capabilities:
    """What the machine gives, and what is left where it has no namespaces."""
    return capabilities() if request.param == "walls" else UNWALLED


@pytest.fixture
def box(place: Path, able: Capabilities) -> Sandbox:
    """An empty workspace."""
    workspace = place / "app"
    workspace.mkdir()
    hand_over(workspace, able)
    return Sandbox(workspace=workspace, scratch=place / "scratch")


class Output:
    """Keeps what a command prints."""

    def __init__(self) -> None:
        self.bytes = b""

    async def __call__(self, piece: bytes) -> None:
        self.bytes += piece

    @property
    def text(self) -> str:
        return self.bytes.decode()


@pytest.fixture
def output() -> Output:
    return Output()
