"""The peers that Shipbook is measured against, installed on first use from the locks in this folder's subfolders.

What npm brings lies in ``node/node_modules``, all else below ``.bench`` at the top of the repository.
"""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

_HERE = Path(__file__).parent
_PLACE = _HERE.parents[1] / ".bench"
_APT_LISTS = Path("/var/lib/apt/lists")


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

    Needs no rights. Where apt has no lists (``apt-get update`` was never run), it gets some for this alone. Raises
    ``CalledProcessError``, and ``FileNotFoundError`` where there is no apt.
    """
    place = _PLACE / "debian" / "+".join(packages)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=place.parent, prefix=".") as growing:
            root = Path(growing) / "root"
            root.mkdir()
            _run(["apt-get", *_apt_lists(), "download", *packages], root)
            for package in root.glob("*.deb"):
                _run(["dpkg-deb", "-x", str(package), str(root)], root)
            _settle(root, place)
    return place


def _settle(root: Path, place: Path) -> None:
    """Rename, unless somebody else was as fast: rename(2) replaces no directory that holds something."""
    try:
        root.rename(place)
    except OSError:
        if not place.exists():
            raise


def _apt_lists() -> list[str]:
    """Options for apt-get: its own lists of packages, else fresh ones in a place of ours."""
    if any(_APT_LISTS.glob("*_Packages*")):
        return []
    state = _PLACE / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::Cache={state}/cache"]
    _run(["apt-get", *options, "update", "-qq"], state)
    return options


def _once(lock: Path, place: Path, argv: list[str], folder: Path) -> None:
    """Run the installer, unless it was run with this very lock."""
    mark, wanted = place / ".installed", sha256(lock.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        _run(argv, folder)
        mark.write_text(wanted)


def _run(argv: list[str], folder: Path) -> None:
    subprocess.run(argv, cwd=folder, check=True, stdout=sys.stderr)
