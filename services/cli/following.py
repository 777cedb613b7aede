"""Watching a deployment: its lines as they come, its steps, and how it ended."""

from contextlib import ExitStack

import msgspec

from adapters.http.native.wire.deployments import DeploymentDetail, DeploymentOut, LineOut
from services.cli.session import Session
from services.client import Frame
from services.console import Console, duration
from services.exits import CommandFailed, Exit


class Told(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="deployment"):
    """What a followed deployment writes as JSON before and after its frames: the deployment."""

    deployment: DeploymentOut


class Reader:
    """Shows lines, with a heading wherever another step begins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step: str | None = None

    def show(self, line: LineOut | Frame) -> None:
        """Show a line."""
        if line.step is not None and line.step != self._step:
            self._step = line.step
            self._console.say(f"▸ {line.step}", "bold cyan")
        text = f"{line.source}: {line.text}" if line.source else line.text
        self._console.log(text, "dim" if line.stream == "system" else "")


def follow(session: Session, deployment: DeploymentOut) -> int:
    """Show the deployment until it ends; the exit status says how it did. Ctrl-C only stops watching."""
    console = session.console
    console.document(Told(deployment=deployment))
    doing = "waits for approval:" if deployment.status == "waiting" else "builds"
    console.say(f"{deployment.ref} {doing} {deployment.branch}.", "bold")
    try:
        _show_stream(session, deployment)
    except KeyboardInterrupt:
        console.note(
            f"\n{deployment.ref} goes on. Follow it: shipbook logs {deployment.ref} -f   "
            f"Cancel it: shipbook cancel {deployment.ref}"
        )
        return Exit.INTERRUPTED
    ended = session.get(DeploymentDetail, "deployments", deployment.id)
    console.document(Told(deployment=ended))
    return told_end(console, ended)


def _show_stream(session: Session, deployment: DeploymentOut) -> None:
    reader = Reader(session.console)
    with ExitStack() as silence:
        silence.enter_context(session.console.waiting(f"{deployment.ref} waits for an executor…"))
        for event in session.client.follow(session.path("deployments", deployment.id, "stream"), 0):
            session.console.document(msgspec.Raw(event.data))
            if event.frame.type == "log":
                silence.close()
                reader.show(event.frame)
            elif event.frame.type == "done":
                return


def told_end(console: Console, ended: DeploymentDetail) -> int:
    """Say how a deployment ended, and what each step took; the exit status of it."""
    steps = [f"{one.step} {duration(one.duration_ms / 1000)}" for one in ended.steps if one.duration_ms is not None]
    if steps:
        console.say(" · ".join(steps), "dim")
    match ended.status:
        case "succeeded":
            console.say(f"✓ {ended.ref} is live{_after(ended)}: {ended.url}", "bold green")
            return Exit.OK
        case "failed":
            where = f" in {ended.step}" if ended.step else ""
            status = f" (exit status {ended.exit_code})" if ended.exit_code is not None else ""
            console.note(f"✗ {ended.ref} failed{where}{status}: {ended.error}", "bold red")
            return Exit.FAILED
        case "cancelled" | "rejected":
            console.note(f"✗ {ended.ref} was {ended.status}.", "bold yellow")
            return Exit.FAILED
        case "superseded":
            console.note(f"✗ {ended.ref} was superseded by a later deployment before it began.", "bold yellow")
            return Exit.FAILED
        case _:
            raise CommandFailed(
                f"The log stopped, but {ended.ref} is still {ended.status}: shipbook logs {ended.ref} -f"
            )


def _after(ended: DeploymentOut) -> str:
    if ended.finished_at is None:
        return ""
    return f" after {duration((ended.finished_at - ended.created_at).total_seconds())}"
