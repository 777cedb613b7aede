"""``shipbook.toml`` says how a repository is built and run; what makes no sense in it is told with its place."""

from pathlib import Path

import pytest

from adapters.detection.tree import BuildRefused
from adapters.manifest import FILE, decoded, manifest
from domain.deployment import Recipe
from domain.identifiers import ConnectionId
from domain.project import BuildConfig, ProjectType, ResourceLimits, RuntimeConfig, RuntimeType

RECIPE = Recipe(
    type=ProjectType.NODE,
    connection_id=ConnectionId("c"),
    root_directory="",
    build=BuildConfig(install_command="npm ci", build_command="npm run build"),
    runtime=RuntimeConfig(runtime_type=RuntimeType.NODE, start_command="node old.js", limits=ResourceLimits(cpus=2.0)),
)


def test_what_it_says_comes_before_the_projects_settings_and_the_rest_stays() -> None:
    said = decoded("""
        name = "shop"
        [build]
        command = "make"
        node_version = "22"
        [run]
        start = "node server.js"
        memory_mb = 256
    """)

    applied = said.applied(RECIPE)

    assert applied.build == BuildConfig(install_command="npm ci", build_command="make", node_version="22")
    assert applied.runtime.start_command == "node server.js"
    assert applied.runtime.limits == ResourceLimits(memory_mb=256, cpus=2.0)
    assert applied.type is RECIPE.type


def test_a_folder_without_it_says_nothing(tmp_path: Path) -> None:
    assert manifest(tmp_path, "apps/web") is None


def test_a_link_to_another_file_of_the_machine_says_nothing(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text('name = "of another"')
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / FILE).symlink_to(elsewhere)

    assert manifest(checkout, "") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[build", "no TOML"),
        ("[run]\nstrat = 'x'", "strat"),
        ("[run]\nport = 'x'", r"\$\.run\.port"),
        ("[run]\nport = 70000", "port"),
        ("[build]\noutput = '../secret'", "outputDirectory"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BuildRefused, match=told):
        decoded(text).applied(RECIPE)
