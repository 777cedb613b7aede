"""What a repository is stands in its own files."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest

from adapters.detection.detecting import detect
from adapters.detection.suggestion import Suggestion
from adapters.detection.tree import BuildRefused, Tree
from tests.detection import monorepos, pages_of_node, servers_of_node, servers_of_python
from tests.detection.cases import Case, package

CASES = [case for module in (pages_of_node, servers_of_node, servers_of_python, monorepos) for case in module.CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_repository_is_known_by_its_files(case: Case) -> None:
    found = detect(Tree.given(case.files))
    shown = told(found)
    assert {key: shown[key] for key in case.expected if key != "evidence"} == {
        key: value for key, value in case.expected.items() if key != "evidence"
    }
    evidence = case.expected.get("evidence", ...)
    assert evidence is ... or (evidence in found.evidence if evidence else not found.evidence)
    assert all(any(path.startswith(one.file) for path in case.files) for one in found.evidence)


def told(found: Suggestion) -> dict[str, Any]:
    return {
        "type": found.type,
        "runs_server": found.runs_server,
        "framework": found.framework,
        "install": found.install_command,
        "build": found.build_command,
        "start": found.start_command,
        "output": found.output_directory,
        "manager": found.package_manager,
        "version": found.node_version,
        "confidence": found.confidence,
        "root": found.root_directory,
        "candidates": [one.root_directory for one in found.candidates],
    }


@pytest.mark.parametrize(
    ("files", "asked"),
    [
        ({".nvmrc": "v22.1.0\n", ".node-version": "20"}, "v22.1.0"),
        ({".node-version": "20"}, "20"),
        ({".tool-versions": "python 3.12\nnodejs 20.11.1\n"}, "20.11.1"),
        ({"package.json": package("vite", volta={"node": "18.20.0"}, engines={"node": ">=18"})}, "18.20.0"),
        ({"package.json": package("vite", engines={"node": "^20 || >=22"})}, "^20 || >=22"),
        ({"package.json": package("vite", devEngines={"runtime": {"name": "node", "version": "24"}})}, "24"),
        ({}, None),
    ],
)
def test_the_version_of_node_is_that_which_the_repository_asks_for(files: dict[str, str], asked: str | None) -> None:
    assert detect(Tree.given({"package.json": package("vite")} | files)).node_version == asked


def test_a_workspaces_version_and_lock_hold_for_its_folders() -> None:
    files = {
        "package.json": package(workspaces={"packages": ["./apps/*/"]}),
        "yarn.lock": "__metadata:\n",
        ".nvmrc": "22",
        "apps/web/package.json": package("astro", scripts={"build": "astro build"}),
    }
    found = detect(Tree.given(files), "apps/web")
    assert (found.install_command, found.node_version, found.package_manager) == (
        "yarn install --immutable",
        "22",
        "yarn",
    )
    assert ("yarn.lock", "is yarn's lock file") in found.evidence
    assert ("apps/web/package.json", "depends on astro") in found.evidence


@pytest.mark.parametrize("text", ["{", "[]", '{"a": }', "[" * 5000])
def test_a_package_that_cannot_be_read_is_refused_with_its_path(text: str) -> None:
    with pytest.raises(BuildRefused, match=r"web/package\.json"):
        detect(Tree.given({"web/package.json": text}), "web")


@pytest.mark.parametrize(
    "text",
    ['{"scripts": 1, "dependencies": [], "workspaces": 7, "engines": "x", "main": []}', "{}", '{"packageManager": {}}'],
)
def test_nothing_is_taken_for_granted_of_a_package(text: str) -> None:
    assert detect(Tree.given({"package.json": text})).type is None


MUCH = 1 << 19
HOSTILE = {
    "lines without end": {"package.json": "{}", "pnpm-workspace.yaml": "packages:\n" + "\n" * MUCH},
    "a long line": {"package.json": "{}", "pnpm-workspace.yaml": "packages:\n - " + " " * MUCH + "x"},
    "stars": {"package.json": package(workspaces=["*a" * 90 + "/x", "**/" * 40]), f"{'a' * 250}/package.json": "{}"},
    "requirements": {"requirements.txt": "flask\n" + "\n" * MUCH, "app.py": "\n" * MUCH},
    "one name": {"requirements.txt": "flask", "app.py": "app = " + "make" * (MUCH // 4)},
    "settings": {"package.json": package("astro"), "astro.config.mjs": "\n" * MUCH + "outDir: '" * 9999},
    "a script": {"package.json": package("@11ty/eleventy", scripts={"start": "eleventy " * (MUCH // 9)})},
    "dependencies": {"package.json": '{"dependencies": {' * 5 + json.dumps("x" * MUCH)},
    "brackets": {"setup.py": "install_requires = [" + "'a[" * (MUCH // 3)},
    "many files": {f"{number}/{'d/' * 6}app.py": "" for number in range(20_000)} | {"requirements.txt": "flask"},
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE)
def test_no_repository_takes_for_ever(files: dict[str, str]) -> None:
    began = time.monotonic()
    with suppress(BuildRefused):
        detect(Tree.given(files))
    assert time.monotonic() - began < 5
