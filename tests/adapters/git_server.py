"""Repositories to fetch from: on disk, and over http by git's own backend behind a small CGI bridge."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.http_server import Server

QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Insider",
    "GIT_AUTHOR_EMAIL": "insider@example.org",
    "GIT_COMMITTER_NAME": "Insider",
    "GIT_COMMITTER_EMAIL": "insider@example.org",
    "PATH": os.environ["PATH"],
}


def git(place: Path, *words: str) -> str:
    """What git says, with nobody's settings."""
    done = subprocess.run(["git", *words], cwd=place, env=QUIET | {"HOME": str(place)}, capture_output=True, check=True)
    return done.stdout.decode().strip()


def repository(place: Path, *commits: dict[str, str]) -> list[str]:
    """A repository whose branch ``main`` has these commits, each a change of files; answers their ids."""
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--initial-branch", "main")
    return [commit(place, files) for files in commits]


def commit(place: Path, files: dict[str, str]) -> str:
    """One more commit."""
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--allow-empty", "--message", f"Change {', '.join(files)}\n\nFor a reason.")
    return git(place, "rev-parse", "HEAD")


class _Handler(BaseHTTPRequestHandler):
    """A CGI bridge (RFC 3875) to git-http-backend(1)."""

    root: Path
    credential: str | None
    seen: list[str]

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        self.seen.append(self.path)
        if self.path.startswith("/moved"):
            return self._short(301, {"Location": self.path.replace("/moved", "")})
        expected = self.credential and f"Basic {base64.b64encode(self.credential.encode()).decode()}"
        if expected and self.headers.get("Authorization") != expected:
            return self._short(401, {"WWW-Authenticate": 'Basic realm="git"'})
        return self._backend(body)

    def _short(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = QUIET | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *words: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving(root: Path, credential: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve the repositories below ``root``; gives the address and the paths that were asked for."""
    seen: list[str] = []
    handler = type("Handler", (_Handler,), {"root": root, "credential": credential, "seen": seen})
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()
