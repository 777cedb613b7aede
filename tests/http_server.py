"""A small HTTP server for tests, whose clients may leave whenever they like."""

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Serves each request in a thread of its own; ``block_on_close`` waits for those that are under way."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it is that the client has left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
