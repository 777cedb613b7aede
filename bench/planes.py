"""A whole plane of its own for a bench, as the system's tests have it."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.system.planes import Plane, running

__all__ = ["Measured", "Plane", "measured"]


class Measured(Plane):
    """A plane whose readiness is asked for at little cost, so that asking slows nothing down."""

    def ready(self) -> bool:
        """Whether ``GET /ready`` answers 200."""
        asking = http.client.HTTPConnection(self.http, timeout=2)
        try:
            asking.request("GET", "/ready")
            return asking.getresponse().status == 200
        except OSError:
            return False
        finally:
            asking.close()


@contextmanager
def measured(**settings: str) -> Iterator[tuple[Plane, Path]]:
    """A running plane with these variables, and a directory for repositories; both are gone afterwards."""
    with (
        TemporaryDirectory(prefix="shipbook-bench-") as directory,
        running(Path(directory) / "data", **settings) as plane,
    ):
        try:
            yield plane, Path(directory)
        except BaseException:
            plane.stop()  # in order, so that nothing is written any more while the directory goes
            raise
