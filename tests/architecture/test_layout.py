"""Layout: a clone stands on its own, on any machine."""

import re

import pytest

from tests.architecture.repository import ROOT, modules, named, tracked

LOCK = ROOT / "requirements.lock"
HOMES = re.compile(rb"(?<![\w.:/$}-])/(root|Users)/[\w.-]+|/work/(main|shared)\b")
"""Folders of one machine."""
REGISTRIES = re.compile(rb"https?://[\w.:@-]*(pypi|npmjs|pythonhosted|artifactory|nexus|devpi)[\w.:-]*", re.IGNORECASE)
"""Hosts that packages come from: a user's own settings choose them."""


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "ADRs/README.md"]
)
def test_a_visitor_finds_where_to_begin(name: str) -> None:
    assert (ROOT / name).read_text().strip()


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert found(HOMES) == []


def test_no_file_names_a_package_registry() -> None:
    assert found(REGISTRIES) == []


def found(pattern: re.Pattern[bytes]) -> list[str]:
    """Every tracked file and text that matches, this one apart."""
    return [
        f"{named(path)}: {match.group().decode()}"
        for path in tracked()
        if path.name != "test_layout.py"
        for match in pattern.finditer(path.read_bytes())
    ]


def test_every_dependency_is_pinned_with_hashes_and_without_addresses() -> None:
    text = LOCK.read_text()
    assert "://" not in text
    requirements = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    assert len(requirements) > 20
    assert [line for line in requirements if not re.match(r"\S+==\S+.* --hash=sha256:[0-9a-f]{64}", line)] == []


def test_every_decision_is_written_down_in_one_form() -> None:
    decisions = sorted((ROOT / "ADRs").glob("[0-9]*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. "), path
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Status", "Context", "Decision", "Consequences"], path
        assert path.name in (ROOT / "ADRs/README.md").read_text(), path


def test_nothing_is_left_to_be_done_in_a_comment() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [named(path) for path in modules() if path.name != "test_layout.py" and marks.search(path.read_text())] == []
