"""What the demo is told on: a terminal, a directory, a plane's address, and a browser for the live page."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
from rich.console import Console as Terminal
from rich.text import Text

from adapters.settings import PREFIX
from services.cli.session import Session

EDGE = ("caddy", "edge")
"""The parts that serve the live page."""
AFTERWARDS = 50
"""Requests that the loading client still makes after what it watches."""


class DemoFailed(Exception):
    """A step of the tour did not do what it promises. ``logs`` are those of the plane's parts that can tell why."""

    def __init__(self, message: str, *logs: str) -> None:
        super().__init__(message)
        self.logs = logs


class Page(NamedTuple):
    """The live page as a browser would load it: its status and bytes, its title, and its script."""

    status: int
    length: int
    title: str
    asset: str
    script: str


class Tour:
    """The narrative, and everything that it is told on: a directory, a plane, a repository."""

    def __init__(self, room: Path, terminal: Terminal) -> None:
        self.room = room
        self.terminal = terminal
        self.data_dir = room / "plane"
        self.origin = room / "hello-vite.git"
        self.source = room / "hello-vite"
        self.log = room / "shipbook-up.log"
        self.http, self.edge = _free_addresses()
        self.environ = _environ(room)

    def chapter(self, title: str) -> None:
        """A heading."""
        self.terminal.print()
        self.terminal.print(Text(f"▌ {title}", "bold cyan"))

    def show(self, name: str, value: str) -> None:
        """A fact, with its name before it."""
        self.terminal.print(Text.assemble((f"  {name:<9} ", "dim"), value), soft_wrap=True)

    def command(
        self, *argv: str, cwd: Path | None = None, shown: str | None = None, logs: tuple[str, ...] = ()
    ) -> None:
        """Run a program whose output is part of the story. Raises DemoFailed."""
        self.terminal.print(Text(f"  $ {shown or shlex.join(argv)}", "bold"), soft_wrap=True)
        done = subprocess.run(argv, cwd=cwd or self.room, env=self.environ, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise DemoFailed(f"`{shown or shlex.join(argv)}` ended with status {done.returncode}.", *logs)

    def quietly(self, *argv: str, cwd: Path) -> None:
        """Run a program that is worth no word unless it fails. Raises DemoFailed."""
        done = subprocess.run(
            argv, cwd=cwd, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise DemoFailed(f"`{shlex.join(argv)}` failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")

    def shipbook(self, *arguments: str) -> None:
        """Run a command of ours against the tour's plane, as anybody would type it."""
        argv = [sys.executable, "-m", "services", *arguments, "--data-dir", str(self.data_dir)]
        self.command(*argv, shown=f"shipbook {shlex.join(arguments)}", logs=("executor", "worker"))

    def session(self) -> Session:
        """A client of the tour's plane."""
        return Session(data_dir=self.data_dir, environ=self.environ)

    def fetch(self, url: str) -> Page:
        """Load the page at ``url`` and its script. The name need not resolve: the edge goes by the Host header."""
        with self.browser(url) as browser:
            page = browser.get("/")
            title = _found(r"<title>(.*?)</title>", page.text, "title")
            asset = _found(r'<script[^>]+src="([^"]+\.js)"', page.text, "script")
            script = browser.get(asset)
            if script.status_code != 200:
                raise DemoFailed(f"{url}{asset} answers {script.status_code}.", *EDGE)
            return Page(page.status_code, len(page.content), title, asset, script.text)

    @contextmanager
    def loading(self, url: str) -> Iterator["Load"]:
        """A client loads the page at ``url`` without a pause during the block, and a little longer than it."""
        load = Load()
        with self.browser(url) as browser:
            thread = Thread(target=load.run, args=(browser,), name="load")
            thread.start()
            try:
                yield load
                enough = load.answered + AFTERWARDS
                while load.answered < enough and not load.failures:
                    time.sleep(0.01)
            finally:
                load.stop.set()
                thread.join()

    def browser(self, url: str) -> httpx.Client:
        """A client of the edge for the host in ``url``; close it."""
        return httpx.Client(
            base_url=f"http://{self.edge}", headers={"Host": urlsplit(url).netloc}, trust_env=False, timeout=10
        )


class Load:
    """What a client saw that loads a page without a pause."""

    def __init__(self) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self.stop = Event()

    def run(self, browser: httpx.Client) -> None:
        """Load until told to stop."""
        while not self.stop.is_set():
            try:
                status = browser.get("/").status_code
                self.answered += 1
                if status != 200:
                    self.failures.append(f"status {status}")
            except httpx.HTTPError as problem:
                self.failures.append(repr(problem))


def _free_addresses() -> tuple[str, str]:
    """Two loopback addresses with ports that are free."""
    with socket() as one, socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}", f"127.0.0.1:{other.getsockname()[1]}"


def _environ(room: Path) -> dict[str, str]:
    """Our environment without what would change the tour: settings, git's configuration, a stored login."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "GIT_"))}
    roles = {f"GIT_{role}_{part}": f"demo{at}" for role in ("AUTHOR", "COMMITTER") for part, at in _WHO.items()}
    return {
        **kept,
        **roles,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PAGER": "cat",
        "XDG_CONFIG_HOME": str(room / "config"),
        "npm_config_cache": str(room / "npm"),
        "npm_config_update_notifier": "false",
    }


_WHO = {"NAME": "", "EMAIL": "@shipbook.localhost"}


def _found(pattern: str, text: str, what: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    if found is None:
        raise DemoFailed(f"The live page has no {what}:\n{text[:500]}", *EDGE)
    return found[1]
