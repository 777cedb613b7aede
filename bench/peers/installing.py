"""The peers that Shipbook is measured against, installed on first use from the locks in this folder's subfolders.

What npm brings lies in ``node/node_modules``, all else below ``.bench`` at the top of the repository.
"""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

_HERE = Path(__file__).parent
_PLACE = _HERE.parents[1] / ".bench"


def node() -> Path:
    """The folder in which Node finds Emmett, message-db and ``pg``. Raises ``CalledProcessError``."""
    folder = _HERE / "node"
    _once(folder / "package-lock.json", folder / "node_modules", ["npm", "ci", "--no-audit", "--no-fund"], folder)
    return folder


def python() -> Path:
    """The ``bin`` of a virtual environment with Buildbot. Raises ``CalledProcessError``."""
    place, lock = _PLACE / "python", _HERE / "python" / "requirements.lock"
    pip = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if not (place / "bin" / "pip").exists():
        _run([sys.executable, "-m", "venv", "--clear", str(place)], _HERE)
    _once(lock, place, [*pip, "--requirement", str(lock)], _HERE)
    return place / "bin"


def debian(*packages: str) -> Path:
    """A root directory into which Debian's ``packages`` were unpacked, without installing them on this machine.

    apt's lists must be there (``apt-get update``). Raises ``CalledProcessError``.
    """
    place = _PLACE / "debian" / "+".join(packages)
    if not place.exists():
        growing = place.with_suffix(".new")
        growing.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", *packages], growing)
        for package in growing.glob("*.deb"):
            _run(["dpkg-deb", "-x", str(package), str(growing)], growing)
        growing.rename(place)
    return place


def _once(lock: Path, place: Path, argv: list[str], folder: Path) -> None:
    """Run the installer, unless it was run with this very lock."""
    mark, wanted = place / ".installed", sha256(lock.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        _run(argv, folder)
        mark.write_text(wanted)


def _run(argv: list[str], folder: Path) -> None:
    subprocess.run(argv, cwd=folder, check=True, stdout=sys.stderr)
