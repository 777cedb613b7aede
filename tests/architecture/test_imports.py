"""Imports: data flows one way."""

import subprocess
import sys

from tests.architecture.repository import PACKAGES, ROOT, modules, named


def test_the_import_contracts_are_kept() -> None:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    checked = subprocess.run(
        [sys.executable, "-c", script, "--no-cache"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_package_is_under_contract() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in modules() if path.parent != ROOT}
    assert folders - {"tests", "bench", "infra"} == set(PACKAGES)


def test_no_module_of_ours_imports_the_tests() -> None:
    importing = [
        named(path)
        for path in modules(*PACKAGES)
        if any(line.startswith(("from tests", "import tests")) for line in path.read_text().splitlines())
    ]
    assert importing == []
