"""Projects, as the list and the detail show them."""

from typing import Any

import pytest
from msgspec.structs import replace

from domain.fact import Fact
from domain.identifiers import ConnectionId, EnvironmentId, ProjectId
from domain.project import (
    BuildConfig,
    BuildConfigured,
    EnvironmentRelabelled,
    ProjectArchived,
    ProjectCreated,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    ProjectType,
    RuntimeConfig,
    RuntimeConfigured,
    RuntimeType,
)
from projections import projects
from projections.projects import ProjectStatus
from projections.reading import Paging
from tests.projections.given import ACME, OTHER, asked, given

SHOP = ProjectId("shop")
CREATED = ProjectCreated(
    project_id=SHOP,
    name="Shop",
    slug="shop",
    type=ProjectType.NODE,
    connection_id=ConnectionId("connection"),
    root_directory="apps/shop",
    production_branch="main",
    build=BuildConfig(build_command="npm run build"),
    runtime=RuntimeConfig(runtime_type=RuntimeType.NODE),
    description="It sells coffee.",
)


def test_a_created_project_is_found_whole() -> None:
    row = asked(projects.find(given(CREATED), ACME, SHOP))
    assert row
    assert (row.name, row.slug, row.type, row.status) == ("Shop", "shop", ProjectType.NODE, ProjectStatus.ACTIVE)
    assert (row.root_directory, row.production_branch, row.runs_server) == ("apps/shop", "main", True)
    assert row.build.build_command == "npm run build"
    assert row.created_at == row.updated_at
    assert row.version == 1


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        (ProjectRenamed(project_id=SHOP, name="Store"), "name", "Store"),
        (ProjectDescribed(project_id=SHOP, description="Tea."), "description", "Tea."),
        (ProjectRootMoved(project_id=SHOP, root_directory=""), "root_directory", ""),
        (ProjectArchived(project_id=SHOP), "status", ProjectStatus.ARCHIVED),
        (ProjectRestored(project_id=SHOP), "status", ProjectStatus.ACTIVE),
        (BuildConfigured(project_id=SHOP, build=BuildConfig()), "build", BuildConfig()),
        (RuntimeConfigured(project_id=SHOP, runtime=RuntimeConfig()), "runs_server", False),
        (
            EnvironmentRelabelled(project_id=SHOP, environment_id=EnvironmentId("e"), label="b", former="a"),
            "slug",
            "shop",
        ),
    ],
)
def test_every_change_of_a_project_shows_and_counts_as_a_version(change: Fact, column: str, value: Any) -> None:
    row = asked(projects.find(given(CREATED, change), ACME, SHOP))
    assert row
    assert getattr(row, column) == value
    assert row.version == 2
    assert row.updated_at > row.created_at


def test_projects_are_searched_by_what_people_call_them_and_listed_by_name() -> None:
    models = given(
        CREATED,
        replace(CREATED, project_id=ProjectId("tea"), name="Alpha", slug="tea", description=""),
        ProjectArchived(project_id=SHOP),
    )
    listed = asked(projects.listing(models, ACME, Paging(counted=True)))
    assert [row.name for row in listed.rows] == ["Alpha", "Shop"]
    assert listed.total == 2
    assert [row.name for row in asked(projects.listing(models, ACME, Paging(), search="COFFEE")).rows] == ["Shop"]
    archived = asked(projects.listing(models, ACME, Paging(), status=ProjectStatus.ARCHIVED))
    assert [row.name for row in archived.rows] == ["Shop"]
    assert asked(projects.find_by_slug(models, ACME, "tea"))
    assert asked(projects.find_by_slug(models, OTHER, "tea")) is None
