"""Deployments by Piku (github.com/piku/piku), which is one script; ``PIKU_SCRIPT`` says where it lies."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

PROCFILE = {"Procfile": "static: .\n"}
"""What Piku wants in a repository of pages."""
_APP = "app"
_LOOK_SECONDS = 0.001


@dataclass(frozen=True)
class Push:
    """Seconds from ``git push`` until the new page lies where nginx serves it, and until the push has returned."""

    live: float
    done: float


class Piku:
    """Piku as its users run it, but for ssh and nginx: what they cost is left out."""

    def __init__(self, script: Path, home: Path) -> None:
        self._script = script.absolute()
        self._root = home / ".piku"
        programs = Path(sys.executable).parent  # where click is
        self._environ: Mapping[str, str] = os.environ | {
            "HOME": str(home),
            "USER": "piku",
            "PIKU_ROOT": str(self._root),
            "PATH": f"{programs}:{os.environ['PATH']}",
        }
        home.mkdir()
        subprocess.run(
            [sys.executable, self._script, "setup"], env=self._environ, check=True, capture_output=True, timeout=60
        )

    def push(self, repository: Path, shown: str) -> Push:
        """Push the repository's ``main``, whose page holds ``shown``."""
        page = self._root / "apps" / _APP / "index.html"
        receive = f"--receive-pack={sys.executable} {self._script} git-receive-pack"
        live, began = 0.0, perf_counter()
        with subprocess.Popen(
            ["git", "push", "--quiet", receive, _APP, "main"],
            cwd=repository,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as pushing:
            while pushing.poll() is None:
                if not live and _shows(page, shown):
                    live = perf_counter() - began
                sleep(_LOOK_SECONDS)
            done = perf_counter() - began
            said = pushing.stdout.read() if pushing.stdout else ""
        assert pushing.returncode == 0, said
        assert "Traceback" not in said, said
        assert _shows(page, shown), said
        return Push(live or done, done)


def _shows(page: Path, text: str) -> bool:
    try:
        return text in page.read_text()
    except FileNotFoundError:  # git takes it away before it writes it anew
        return False


def given() -> Path | None:
    """Piku's script, where ``PIKU_SCRIPT`` names it."""
    named = os.environ.get("PIKU_SCRIPT")
    return Path(named) if named else None
