"""What a dialect says in one format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.http.pages import Encode
from adapters.http.streams.framing import WEBSOCKET, as_it_is, chunk
from adapters.linestore import Numbered
from projections.deployments import DeploymentRow


@dataclass(frozen=True, eq=False)
class Script:
    """Lines, a status, and the end, in the format ``kind``: a media type, or ``WEBSOCKET``."""

    kind: str
    opening: bytes
    ping: bytes
    lines: Encode
    status: Callable[[DeploymentRow], bytes]
    done: Callable[[DeploymentRow | None, int], bytes]
    """The last frame: of a deployment, or of a log alone, with the last seq."""

    @property
    def upgrades(self) -> bool:
        """Whether the connection becomes a WebSocket."""
        return self.kind == WEBSOCKET

    @property
    def sent(self) -> Callable[[bytes], bytes]:
        """Wraps frames as they go over the connection."""
        return as_it_is if self.upgrades else chunk

    def page(self, runs: Sequence[Numbered]) -> bytes:
        """Lines as they go over the connection, to as many readers as want them."""
        return self.sent(self.lines(runs))
