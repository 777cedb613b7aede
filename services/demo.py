"""A tour on a plane of its own: a real repository is deployed, changed, deployed again and rolled back.

``python -m services.demo`` stays up until Ctrl-C; with ``--once`` it ends by itself. Either leaves nothing behind.
"""

import asyncio
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx
import msgspec
from rich.console import Console as Terminal

from adapters.http.native.wire.deployments import ReleaseOut, Rollback
from adapters.runtime.toolchains import Needs, ToolchainMissing, Toolchains
from adapters.settings import Settings
from services.bootstrap import Credentials
from services.cli import finding
from services.console import duration, size
from services.exits import CommandFailed
from services.programs import CannotStart, Program, running, tail
from services.touring import EDGE, DemoFailed, Page, Tour

PROJECT = "hello-vite"
CREATOR = "create-vite@9"
"""The npm registry's official starter of Vite; its template for React."""
NODE = "^20.19 || >=22.12"
"""What it runs on."""
CHANGED = "Shipped by Shipbook"
START_SECONDS = 120.0
SWITCH_SECONDS = 30.0
GONE_SECONDS = 10.0
FAILURES = (DemoFailed, CommandFailed, httpx.HTTPError, OSError)


def main() -> int:
    """Tell the tour; returns the exit status."""
    once = sys.argv[1:] == ["--once"]
    if sys.argv[1:] and not once:
        print("usage: python -m services.demo [--once]", file=sys.stderr)
        return 2
    terminal = Terminal(highlight=False, force_terminal=sys.stdout.isatty())
    _stop_on_signals()
    room = Path(tempfile.mkdtemp(prefix="shipbook-demo-"))
    try:
        with ExitStack() as leaving:
            leaving.callback(_remove, room)
            tour = Tour(room, terminal)
            sockets = Settings(data_dir=tour.data_dir).sockets_dir  # not in the room where its path is too long
            leaving.callback(shutil.rmtree, sockets, ignore_errors=True)
            _tell(tour, once=once)
    except KeyboardInterrupt:
        terminal.print("\n  Stopped; nothing is left behind.")
        return 130 if once else 0
    except (CannotStart, *FAILURES) as problem:
        print(f"\nThe demo failed: {problem}", file=sys.stderr)
        return 1
    return 0


def _tell(tour: Tour, *, once: bool) -> None:
    tour.chapter("A plane of our own")
    started = time.monotonic()
    with running(_plane(tour), tour.log):
        try:
            tour.show("ready", f"http://{tour.http} after {duration(time.monotonic() - started)}")
            _deploy_change_and_roll_back(tour)
            if not once:
                _stay(tour)
        except FAILURES as problem:
            raise _told_why(tour, problem) from problem
    _require_gone(tour.room)
    if once:
        tour.chapter("Done: the plane is stopped and its directory removed")


def _plane(tour: Tour) -> Program:
    argv = (sys.executable, "-m", "services", "up", "--data-dir", str(tour.data_dir))
    return Program(
        name="shipbook up",
        argv=(*argv, "--http", tour.http, "--edge", tour.edge),
        environ=tour.environ | {"SHIPBOOK_ALLOW_LOCAL_REPOSITORIES": "true"},
        ready=lambda: _answers(f"http://{tour.http}/ready"),
        ready_seconds=START_SECONDS,
        grace_seconds=60,
        orphan_signal=signal.SIGTERM,  # it must stop its own children
    )


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


def _deploy_change_and_roll_back(tour: Tour) -> None:
    tour.chapter("A real repository: create-vite's React template from the npm registry")
    _bring_node(tour)
    _make_repository(tour)
    tour.chapter("The first deployment")
    tour.shipbook("deploy", "--repo", str(tour.origin), "--name", PROJECT)
    first = _shown(tour)
    tour.chapter("A change")
    _change(tour)
    tour.shipbook("deploy", "--repo", str(tour.origin), "--name", PROJECT, "--note", "Say who shipped it")
    second = _shown(tour)
    if second.asset == first.asset or CHANGED not in second.script:
        raise DemoFailed(f"The live script {second.asset} does not hold the change '{CHANGED}'.")
    tour.show("proof", f"the live script holds '{CHANGED}'")
    tour.chapter("A rollback, while a client asks as fast as it can")
    _roll_back(tour, first)


def _bring_node(tour: Tour) -> None:
    """Let the tour's programs find Node.js: the machine's own where it fits, else one of the plane's toolchains."""

    async def provide() -> None:
        async def forget(output: bytes) -> None:
            """What the fetching says is of no use here."""

        (node,) = await Toolchains(tour.data_dir / "toolchains").provide(Needs(node=NODE), forget)
        tour.show("node", node.version)
        tour.environ["PATH"] = f"{node.directory / node.programs}{os.pathsep}{tour.environ.get('PATH', os.defpath)}"

    try:
        asyncio.run(provide())
    except ToolchainMissing as missing:
        raise DemoFailed(str(missing)) from missing


def _make_repository(tour: Tour) -> None:
    create = ("npm", "exec", "--yes", f"--package={CREATOR}", "--", "create-vite", tour.source.name)
    tour.command(*create, "--template", "react", "--no-interactive")
    tour.quietly("git", "init", "--quiet", "--bare", "--initial-branch=main", str(tour.origin), cwd=tour.room)
    tour.quietly("git", "init", "--quiet", "--initial-branch=main", cwd=tour.source)
    tour.quietly("git", "remote", "add", "origin", str(tour.origin), cwd=tour.source)
    _commit(tour, "Start from create-vite")


def _change(tour: Tour) -> None:
    """Another heading on the page."""
    file = tour.source / "src" / "App.jsx"
    changed, count = re.subn(r"<h1>.*?</h1>", f"<h1>{CHANGED}</h1>", file.read_text(), count=1, flags=re.DOTALL)
    if not count:
        raise DemoFailed(f"{CREATOR}'s src/App.jsx has no heading to change.")
    file.write_text(changed)
    _commit(tour, "Say who shipped it")
    tour.command("git", "show", "--unified=0", "--format=%h %s", "HEAD", cwd=tour.source)


def _commit(tour: Tour, message: str) -> None:
    tour.quietly("git", "add", "--all", cwd=tour.source)
    tour.quietly("git", "commit", "--quiet", f"--message={message}", cwd=tour.source)
    tour.quietly("git", "push", "--quiet", "origin", "main", cwd=tour.source)


def _shown(tour: Tour) -> Page:
    """The live page, shown as proof."""
    url = _url(tour)
    page = tour.fetch(url)
    tour.show("live", url)
    tour.show("page", f"{page.status}, {size(page.length)}, “{page.title}”")
    tour.show("script", f"{page.asset}, {size(len(page.script.encode()))}")
    return page


def _url(tour: Tour) -> str:
    """Where the project's production environment answers."""
    with tour.session() as session:
        return finding.environment(finding.project(session, PROJECT), "production").url


def _roll_back(tour: Tour, first: Page) -> None:
    """Back to the first release through the API, while a client loads the page without a pause."""
    url = _url(tour)
    with tour.session() as session, tour.browser(url) as browser:
        project = finding.project(session, PROJECT)
        earlier = session.listed(ReleaseOut, "projects", project.id, "releases")[-1]
        path = session.path("rollback")
        tour.show("request", f"POST {path} (the same as: shipbook rollback -p {PROJECT})")
        with tour.loading(url) as load:
            started = time.monotonic()
            session.client.send("POST", path, Rollback(release_id=earlier.id, reason="the demo"))
            while first.asset not in browser.get("/").text:
                if time.monotonic() - started > SWITCH_SECONDS:
                    raise DemoFailed(
                        f"{url} does not show the first release {SWITCH_SECONDS:.0f} s after the rollback."
                    )
            seconds = time.monotonic() - started
    page = _shown(tour)
    if CHANGED in page.script:
        raise DemoFailed(f"The live script {page.asset} still holds the change.", *EDGE)
    tour.show("proof", f"{first.asset} is back after {seconds * 1000:.0f} ms")
    tour.show("meanwhile", f"{load.answered} requests, {len(load.failures)} failed")
    if load.failures:
        raise DemoFailed(f"Requests failed during the rollback: {load.failures[0]}.", *EDGE)


def _stay(tour: Tour) -> None:
    """Say what to try, and wait for Ctrl-C."""
    credentials = msgspec.json.decode((tour.data_dir / "credentials.json").read_bytes(), type=Credentials)
    tour.chapter("Now it is yours")
    tour.show("page", _url(tour))
    tour.show("API", f"{credentials.api_url}/docs")
    tour.show("e-mail", credentials.email)
    tour.show("password", credentials.password)
    tour.show("token", credentials.token)
    tour.show("source", f"{tour.source} (change it, commit, git push)")
    shipbook = Path(sys.executable).with_name("shipbook")
    for arguments in ("status", f"deploy --repo {tour.origin}", f"releases -p {PROJECT}", "logs DEP-0001"):
        tour.show("try", f"{shipbook} {arguments} --data-dir {tour.data_dir}")
    tour.show("end", "Ctrl-C stops the plane and removes everything")
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # our only child is the plane
    raise DemoFailed(f"The plane has ended by itself:\n{tail(tour.log)}")


def _require_gone(room: Path) -> None:
    """Refuse to say that nothing is left behind where something is."""
    deadline = time.monotonic() + GONE_SECONDS
    while left := _processes(room):
        if time.monotonic() > deadline:
            raise DemoFailed(f"The plane has stopped, but these processes of it have not: {', '.join(left)}.")
        time.sleep(0.1)


def _processes(room: Path) -> list[str]:
    """The processes whose command line names the directory (proc(5)); a zombie has none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(room) in command:
                found.append(f"{process.name} {command[:200]}")
    return found


def _told_why(tour: Tour, problem: Exception) -> DemoFailed:
    """The problem with the ends of the logs that can tell why."""
    names = problem.logs if isinstance(problem, DemoFailed) else ("api", *EDGE)
    logs = [tour.data_dir / "logs" / f"{name}.log" for name in names]
    ends = [f"The end of {log.name}:\n{tail(log)}" for log in logs if log.exists()]
    return DemoFailed("\n".join([str(problem) or repr(problem), *ends]))


def _remove(room: Path) -> None:
    """Remove the directory, also what was made read-only in it."""

    def insist(remove: Callable[[str], object], path: str, _: object) -> None:
        for place in (Path(path).parent, Path(path)):
            place.chmod(stat.S_IRWXU)
        remove(path)

    shutil.rmtree(room, onerror=insist)


def _stop_on_signals() -> None:
    """The first signal stops the tour; the ones that follow do not disturb the cleaning up."""
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(*_: int | FrameType | None) -> NoReturn:
        for one in ending:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in ending:
        signal.signal(one, stop)


if __name__ == "__main__":
    sys.exit(main())
