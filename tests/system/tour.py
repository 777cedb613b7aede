"""The native API tried with curl, as somebody would who has only its document at hand.

``python -m tests.system.tour`` takes the tour on a plane of its own and writes ``docs/native-api-tour.md``.
"""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from tests.system.planes import Plane, running
from tests.system.repositories import repository
from tests.system.tour_steps import STEPS, Step, server

DOCUMENT = Path(__file__).parents[2] / "docs" / "native-api-tour.md"
LONGEST_ANSWER = 40
"""Lines of an answer that are shown."""
ANSWER_SECONDS = 60.0

HEAD = """# The native API, with curl

Every method and path of the API's reference, tried one after another on a fresh plane with nothing but the reference at
hand. Ids, times and digests are those of one run. `$API` is where the plane answers, `$JAR` a file for cookies; other
names in capitals were taken from earlier answers.
"""


@dataclass
class Transcript:
    """What was typed and what came back."""

    plane: Plane
    directory: Path
    names: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=lambda: [HEAD])

    def take(self, steps: Sequence[Step]) -> None:
        """Take the steps; raises ``AssertionError`` where an answer is not the one that the reference promises."""
        for step in steps:
            if step.chapter:
                self.written.append(f"## {step.chapter}\n")
            self._take(step)

    def _take(self, step: Step) -> None:
        deadline = monotonic() + step.until_seconds
        while True:
            status, body = self._asked(step)
            if step.holds is None or step.holds(self._known(body)) or monotonic() > deadline:
                break
            sleep(0.2)
        assert status == step.status, f"{step.title}: {status} {body[:2000]}"
        assert step.holds is None or step.holds(self._known(body)), f"{step.title}: {body[:2000]}"
        for name, path in step.keeps.items():
            self.names[name] = str(_at(json.loads(body), path))
        self.written.append(f"{step.title}\n\n```console\n$ {step.command}\nHTTP {status}\n{_shown(body)}```\n")

    def _known(self, body: str) -> Any:
        return json.loads(body) if body.startswith(("{", "[")) else body

    def _asked(self, step: Step) -> tuple[int, str]:
        """What curl is answered: the command is the very text that is shown, in a shell that knows the names."""
        names = " ".join(f"{name}={shlex.quote(value)}" for name, value in self.names.items())
        wrapped = re.sub(r"^curl ", "curl --silent --max-time 50 --write-out '\\n%{http_code}' ", step.command)
        done = subprocess.run(
            ["bash", "-c", f"{names}\n{wrapped}"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
        )
        body, _, status = done.stdout.rpartition("\n")
        assert status.isdecimal(), f"{step.command}: {done.stdout}{done.stderr}"
        return int(status), body

    def text(self) -> str:
        """The document."""
        return "\n".join(self.written)


def _at(body: Any, path: str) -> Any:
    for part in path.split("."):
        body = body[int(part)] if part.isdecimal() else body[part]
    return body


def _shown(body: str) -> str:
    if not body:
        return ""
    text = json.dumps(json.loads(body), indent=2, ensure_ascii=False) if body.startswith(("{", "[")) else body
    lines = re.sub(r"(shpat_|shbs_|whsec_)[\w.+/=-]+", r"\1…", text).splitlines()
    if len(lines) > LONGEST_ANSWER:
        lines = [*lines[:LONGEST_ANSWER], "…"]
    return "\n".join(lines) + "\n"


def told(document: str) -> list[str]:
    """The commands of a document and the statuses of their answers: what is the same each time."""
    return [line for line in document.splitlines() if line.startswith(("$ ", "HTTP "))]


def toured(plane: Plane, directory: Path) -> str:
    """Take the whole tour; the document."""
    transcript = Transcript(plane, directory)
    origin = repository(directory / "shop", server())
    transcript.names |= {
        "API": f"http://{plane.http}",
        "REPOSITORY": str(origin),
        "EMAIL": f"me-{token_hex(4)}@example.com",
        "PASSWORD": token_hex(16),
        "JAR": str(directory / "cookies"),
    }
    transcript.take(STEPS)
    return transcript.text()


def main() -> None:
    """Take it, and write it down."""
    with TemporaryDirectory() as directory, running(Path(directory) / "data") as plane:
        DOCUMENT.write_text(_anonymous(toured(plane, Path(directory)), Path(directory), plane))


def _anonymous(text: str, directory: Path, plane: Plane) -> str:
    places = {
        str(directory): "/srv/git",
        sys.base_prefix: "/usr",
        plane.http: "127.0.0.1:8080",
        plane.edge: "127.0.0.1:8000",
    }
    for place, shown in places.items():
        text = text.replace(place, shown)
    return text.replace(f":{plane.edge.split(':')[1]}", ":8000")


if __name__ == "__main__":
    main()
