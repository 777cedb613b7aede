"""A stand-in for the plane: it speaks HTTP, answers what a test says, and cuts streams wherever a test wants."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class StandIn:
    """Answers by method and path; a callable answer writes to the connection itself."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, Any] | Callable[[BaseHTTPRequestHandler, Asked], None]] = field(
        default_factory=dict
    )
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A server on a free port, for the length of the block."""
    plane = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.partition("?")[0]
            asked = Asked(self.command, self.path, dict(self.headers), body)
            plane.asked.append(asked)
            answer = plane.answers.get((self.command, path), (404, {"statusCode": 404, "message": f"no {path}"}))
            if callable(answer):
                answer(self, asked)
            else:
                self.respond(*answer)

        def respond(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    plane.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield plane
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
