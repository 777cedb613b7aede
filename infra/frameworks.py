"""Write ``adapters/detection/frameworks.json`` again: the rules of npm's ``@vercel/frameworks``, as far as we use them.

    .venv/bin/python infra/frameworks.py

It needs ``npm`` and ``node`` on the PATH. To follow a later version, change VERSION and INTEGRITY (``npm view
@vercel/frameworks@<version> dist.integrity``), run it, and read the difference.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# ruff: noqa: INP001 - a program, not a package

PACKAGE, VERSION = "@vercel/frameworks", "3.34.0"
INTEGRITY = "sha512-1my2ZGGHuj7YY+6xyLiJmA8kSJYs0Wqil5ScnVMqpF3+uiA2qAQjDnpl7bCUpQoTkM7UUxLK65rjko93ZuxS9g=="
HERE = Path(__file__).parent.parent / "adapters" / "detection"
NOT_OURS = {
    "container",
    "services",
    "tanstack-start-lovable",
    "ash",
    "eve",
    "factory-eve",
    "sveltekit",
    "sanity-v2",
    "xmcp",
}
"""What exists on one vendor's platform alone, or not any more."""
BUILDS = {"redwoodjs": "yarn rw build"}
"""What builds for any platform, where the rule's own command builds for one."""
DEPENDENCY = r'"(dev)?(d|D)ependencies":\s*{[^}]*"'
"""How a rule asks for a package where it writes no ``matchPackage``."""
PRINT = "process.stdout.write(JSON.stringify(require('@vercel/frameworks').frameworks))"
NOTICE = (
    f"The rules below are data of npm's {PACKAGE} {VERSION} (https://github.com/vercel/vercel, packages/frameworks), "
    "Copyright 2017 Vercel, Inc., under the Apache License 2.0: see frameworks.LICENSE. Changed: only detectors, "
    "supersedes, build command and output directory are kept, and paths with the same pattern stand together. Written "
    "by infra/frameworks.py."
)


def main() -> None:
    """Fetch, check, and write."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        [packed] = json.loads(_run(["npm", "pack", "--json", f"{PACKAGE}@{VERSION}"], place))
        if packed["integrity"] != INTEGRITY:
            sys.exit(f"{PACKAGE} {VERSION} is not what was pinned: {packed['integrity']}")
        _run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", f"./{packed['filename']}"], place)
        found = json.loads(_run(["node", "-e", PRINT], place))
        shutil.copyfile(place / "node_modules" / PACKAGE / "LICENSE", HERE / "frameworks.LICENSE")
    kept = [_lean(one) for one in found if one["slug"] and one.get("detectors") and one["slug"] not in NOT_OURS]
    rules = ",\n".join(json.dumps(one) for one in kept)
    (HERE / "frameworks.json").write_text(f'{{"notice": {json.dumps(NOTICE)},\n"frameworks": [\n{rules}\n]}}\n')
    print(f"{len(kept)} frameworks")


def _run(words: list[str], place: Path) -> str:
    return subprocess.run(words, cwd=place, check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout


def _lean(framework: dict[str, Any]) -> dict[str, Any]:
    detectors, settings = framework["detectors"], framework["settings"]
    output = settings["outputDirectory"].get("value")
    lean = {
        "slug": framework["slug"].removesuffix("-1").removesuffix("-2"),
        "name": framework["name"],
        "every": [_sign(item) for item in detectors.get("every", [])],
        "some": _together([_sign(item) for item in detectors.get("some", [])]),
        "supersedes": framework.get("supersedes", []),
        "build": BUILDS.get(framework["slug"], settings["buildCommand"].get("value")),
        "output": None if output == "N/A" else output,
    }
    return {key: value for key, value in lean.items() if value}


def _sign(item: dict[str, str]) -> dict[str, Any]:
    """A package that is depended on, or a file that exists and, perhaps, holds a pattern."""
    if "matchPackage" in item:
        return {"package": item["matchPackage"]}
    if item.get("matchContent", "").startswith(DEPENDENCY):
        return {"package": item["matchContent"].removeprefix(DEPENDENCY).partition('"')[0].replace("\\", "")}
    return {"paths": [item["path"]]} | ({"content": item["matchContent"]} if "matchContent" in item else {})


def _together(signs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same signs, of which one suffices, with the paths of equal patterns in one list."""
    merged: list[dict[str, Any]] = []
    for sign in signs:
        same = next((one for one in merged if one.keys() == sign.keys() and _pattern(one) == _pattern(sign)), None)
        if same and "paths" in sign:
            same["paths"] += sign["paths"]
        else:
            merged.append(sign)
    return merged


def _pattern(sign: dict[str, Any]) -> object:
    return sign.get("content"), sign.get("package")


if __name__ == "__main__":
    main()
