"""A project: made, described, configured, and given environments with host names."""

from typing import Any

import pytest
from msgspec.structs import replace

from commands.place import ChangeEnvironment
from commands.project import (
    DECIDER,
    MOST_ENVIRONMENTS,
    AddEnvironment,
    BuildChanges,
    ChangeProject,
    ConfigureBuild,
    ConfigureRuntime,
    CreateProject,
    RuntimeChanges,
)
from domain.fact import Fact
from domain.identifiers import ConnectionId, EnvironmentId, ProjectId
from domain.project import (
    BuildConfig,
    BuildConfigured,
    EnvironmentAdded,
    EnvironmentPlan,
    EnvironmentRelabelled,
    ProjectArchived,
    ProjectCreated,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    ProjectType,
    ResourceLimits,
    RuntimeConfig,
    RuntimeConfigured,
    RuntimeRolledOut,
    RuntimeType,
)
from domain.rejection import Conflict, Invalid, NameTaken, NotFound
from tests.commands.specification import specification

given = specification(DECIDER)

ID, LIVE, STAGING = ProjectId("project"), EnvironmentId("environment"), EnvironmentId("staging")
CREATE = CreateProject(
    project_id=ID,
    environment_id=LIVE,
    name="My Shop",
    type=ProjectType.STATIC,
    connection_id=ConnectionId("connection"),
)
CREATED = ProjectCreated(
    project_id=ID,
    name="My Shop",
    slug="my-shop",
    type=ProjectType.STATIC,
    connection_id=ConnectionId("connection"),
    root_directory="",
    production_branch="main",
    build=BuildConfig(),
    runtime=RuntimeConfig(),
)


def added(environment: EnvironmentId, name: str, label: str, branch: str = "main") -> EnvironmentAdded:
    plan = EnvironmentPlan(environment_id=environment, name=name, branch=branch, label=label)
    return EnvironmentAdded(project_id=ID, environment=plan)


PROJECT = (CREATED, added(LIVE, "production", "my-shop"))


def add(name: str = "staging", **fields: Any) -> AddEnvironment:
    return AddEnvironment(**{"project_id": ID, "environment_id": STAGING, "name": name, "branch": "next", **fields})


def change(**fields: Any) -> ChangeProject:
    return ChangeProject(project_id=ID, **fields)


class TestCreating:
    def test_makes_a_project_with_its_production_environment(self) -> None:
        given().when(CREATE).then(*PROJECT)

    def test_twice_makes_one(self) -> None:
        given(*PROJECT).when(CREATE).then_nothing()
        given(*PROJECT, added(STAGING, "staging", "next")).when(CREATE).then_nothing()

    def test_strips_what_surrounds_a_name_and_a_folder(self) -> None:
        [created, _] = DECIDER.decide(replace(CREATE, name=" Shop ", root_directory="apps/web/"), DECIDER.initial)
        assert (created.name, created.root_directory) == ("Shop", "apps/web")

    def test_adds_the_suffix_to_the_label_but_not_to_the_slug(self) -> None:
        [created, production] = DECIDER.decide(replace(CREATE, label_suffix="-a1b2c3"), DECIDER.initial)
        assert (created.slug, production.environment.label) == ("my-shop", "my-shop-a1b2c3")

    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("name", {"name": " "}),
            ("name", {"name": "x" * 101}),
            ("name", {"name": "My\nShop"}),
            ("description", {"description": "x" * 2001}),
            ("description", {"description": "nul \x00"}),
            ("rootDirectory", {"root_directory": "../other"}),
            ("productionBranch", {"production_branch": "-f"}),
            ("label", {"label_suffix": "-" + 62 * "x"}),
            ("buildCommand", {"build": BuildChanges(build_command=" ")}),
            ("port", {"runtime": RuntimeChanges(port=0)}),
        ],
    )
    def test_refuses_a_field_that_is_out_of_bounds(self, field: str, change: dict[str, Any]) -> None:
        given().when(replace(CREATE, **change)).then_refused(Invalid, field=field)

    def test_names_every_wrong_field_at_once(self) -> None:
        with pytest.raises(Invalid) as caught:
            DECIDER.decide(replace(CREATE, name="", production_branch=""), DECIDER.initial)
        assert [detail.field for detail in caught.value.details] == ["name", "productionBranch"]

    @pytest.mark.parametrize(
        ("kind", "runs_server", "runtime"),
        [
            (ProjectType.STATIC, None, RuntimeConfig()),
            (ProjectType.REACT, None, RuntimeConfig(spa_fallback=True)),
            (ProjectType.NODE, None, RuntimeConfig(runtime_type=RuntimeType.NODE)),
            (ProjectType.PYTHON, None, RuntimeConfig(runtime_type=RuntimeType.PYTHON)),
            (ProjectType.NODE, False, RuntimeConfig()),
            (ProjectType.PYTHON, False, RuntimeConfig()),
            (ProjectType.REACT, True, RuntimeConfig(runtime_type=RuntimeType.NODE)),
        ],
    )
    def test_chooses_the_runtime_by_type_unless_told(
        self, kind: ProjectType, runs_server: bool | None, runtime: RuntimeConfig
    ) -> None:
        [created, _] = DECIDER.decide(replace(CREATE, type=kind, runs_server=runs_server), DECIDER.initial)
        assert created.runtime == runtime


class TestAnEnvironment:
    def test_is_labelled_by_project_and_name(self) -> None:
        given(*PROJECT).when(add(" Staging ")).then(added(STAGING, "staging", "my-shop-staging", "next"))

    def test_may_bring_its_own_label(self) -> None:
        given(*PROJECT).when(add(label="next")).then(added(STAGING, "staging", "next", "next"))

    def test_added_twice_is_added_once(self) -> None:
        given(*PROJECT, added(STAGING, "staging", "my-shop-staging", "next")).when(add()).then_nothing()

    def test_has_a_name_of_its_own_in_the_project(self) -> None:
        given(*PROJECT).when(add("Production")).then_refused(Conflict, "name_taken")

    def test_has_a_label_of_its_own_in_the_project(self) -> None:
        given(*PROJECT).when(add(label="my-shop")).then_refused(NameTaken)

    def test_has_a_label_that_fits_a_host_name_however_long_its_parts(self) -> None:
        long = (replace(CREATED, slug="s" * 40), PROJECT[1])
        [environment] = DECIDER.decide(add("e" * 63, label_suffix="-a1b2c3"), DECIDER.fold(long))
        assert len(environment.environment.label) == 62

    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("name", {"name": "two words"}),
            ("name", {"name": ""}),
            ("branch", {"branch": ""}),
            ("label", {"label": "Next"}),
            ("label", {"label": "-next"}),
            ("label", {"label": "x" * 64}),
        ],
    )
    def test_is_refused_where_a_field_is_out_of_bounds(self, field: str, change: dict[str, Any]) -> None:
        given(*PROJECT).when(add(**change)).then_refused(Invalid, field=field)

    def test_is_refused_where_a_project_has_too_many(self) -> None:
        many = [added(EnvironmentId(f"e{n}"), f"e{n}", f"my-shop-e{n}") for n in range(MOST_ENVIRONMENTS - 1)]
        given(*PROJECT, *many[:-1]).when(add()).then(added(STAGING, "staging", "my-shop-staging", "next"))
        given(*PROJECT, *many).when(add()).then_refused(Conflict)


class TestRelabelling:
    relabel = ChangeEnvironment(project_id=ID, environment_id=LIVE, label="shop")

    def test_gives_the_former_label_back(self) -> None:
        relabelled = EnvironmentRelabelled(project_id=ID, environment_id=LIVE, label="shop", former="my-shop")
        given(*PROJECT).when(self.relabel).then(relabelled)
        given(*PROJECT, relabelled).when(self.relabel).then_nothing()

    def test_takes_no_label_of_another_environment_of_the_project(self) -> None:
        given(*PROJECT, added(STAGING, "staging", "shop")).when(self.relabel).then_refused(NameTaken)

    def test_takes_only_what_fits_a_host_name(self) -> None:
        given(*PROJECT).when(replace(self.relabel, label="my_shop")).then_refused(Invalid, field="label")

    def test_of_an_environment_that_never_was_is_refused(self) -> None:
        given(*PROJECT).when(replace(self.relabel, environment_id=STAGING)).then_refused(NotFound)


class TestChanging:
    @pytest.mark.parametrize(
        ("wanted", "fact"),
        [
            ({"name": "Our Shop"}, ProjectRenamed(project_id=ID, name="Our Shop")),
            ({"description": "Sells."}, ProjectDescribed(project_id=ID, description="Sells.")),
            ({"root_directory": "apps/web/"}, ProjectRootMoved(project_id=ID, root_directory="apps/web")),
            ({"archived": True}, ProjectArchived(project_id=ID)),
        ],
    )
    def test_one_thing_is_one_fact_and_no_fact_the_second_time(self, wanted: dict[str, Any], fact: Fact) -> None:
        given(*PROJECT).when(change(**wanted)).then(fact)
        given(*PROJECT, fact).when(change(**wanted)).then_nothing()

    def test_an_archived_project_is_restored(self) -> None:
        archived = (*PROJECT, ProjectArchived(project_id=ID))
        given(*archived).when(change(archived=False)).then(ProjectRestored(project_id=ID))

    def test_nothing_is_no_fact(self) -> None:
        given(*PROJECT).when(change()).then_nothing()
        given(*PROJECT).when(
            change(name=" My Shop ", description="", root_directory="/", archived=False)
        ).then_nothing()

    def test_everything_is_a_fact_each(self) -> None:
        everything = change(name="Our Shop", description="Sells.", root_directory="web", archived=True)
        given(*PROJECT).when(everything).then(
            ProjectRenamed(project_id=ID, name="Our Shop"),
            ProjectDescribed(project_id=ID, description="Sells."),
            ProjectRootMoved(project_id=ID, root_directory="web"),
            ProjectArchived(project_id=ID),
        )

    @pytest.mark.parametrize(
        ("field", "wanted"),
        [
            ("name", {"name": ""}),
            ("description", {"description": "x" * 2001}),
            ("rootDirectory", {"root_directory": "a/../../b"}),
            ("rootDirectory", {"root_directory": "/etc"}),
        ],
    )
    def test_is_refused_where_a_field_is_out_of_bounds(self, field: str, wanted: dict[str, Any]) -> None:
        given(*PROJECT).when(change(**wanted)).then_refused(Invalid, field=field)


class TestConfiguringTheBuild:
    def test_changes_what_it_names_and_keeps_the_rest(self) -> None:
        before = BuildConfigured(project_id=ID, build=BuildConfig(build_command="make", node_version="22"))
        wanted = BuildChanges(build_command=None, output_directory="dist")
        after = BuildConfigured(project_id=ID, build=BuildConfig(output_directory="dist", node_version="22"))
        given(*PROJECT, before).when(ConfigureBuild(project_id=ID, changes=wanted)).then(after)
        given(*PROJECT, after).when(ConfigureBuild(project_id=ID, changes=wanted)).then_nothing()

    def test_moves_the_root_too(self) -> None:
        moving = ConfigureBuild(project_id=ID, changes=BuildChanges(), root_directory="web")
        given(*PROJECT).when(moving).then(ProjectRootMoved(project_id=ID, root_directory="web"))

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("installCommand", BuildChanges(install_command="")),
            ("installCommand", BuildChanges(install_command="x" * 4001)),
            ("buildCommand", BuildChanges(build_command="make\x00")),
            ("outputDirectory", BuildChanges(output_directory="../..")),
            ("nodeVersion", BuildChanges(node_version="2" * 51)),
            ("packageManager", BuildChanges(package_manager="bun")),
            ("packageManager", BuildChanges(package_manager="pnpm@latest")),
        ],
    )
    def test_is_refused_where_a_field_is_out_of_bounds(self, field: str, changes: BuildChanges) -> None:
        given(*PROJECT).when(ConfigureBuild(project_id=ID, changes=changes)).then_refused(Invalid, field=field)


class TestConfiguringTheRuntime:
    def test_rolls_it_out_to_every_environment_unless_that_shall_wait(self) -> None:
        configured = RuntimeConfigured(project_id=ID, runtime=RuntimeConfig(instances=2))
        here = tuple(DECIDER.fold(PROJECT).environments)
        rolled_out = RuntimeRolledOut(project_id=ID, runtime=RuntimeConfig(instances=2), environments=here)
        two = RuntimeChanges(instances=2)
        given(*PROJECT).when(ConfigureRuntime(project_id=ID, changes=two)).then(configured, rolled_out)
        given(*PROJECT).when(ConfigureRuntime(project_id=ID, changes=two, apply=False)).then(configured)

    def test_changes_what_it_names_and_keeps_the_rest(self) -> None:
        before = RuntimeConfigured(project_id=ID, runtime=RuntimeConfig(instances=3, health_check_path="/health"))
        wanted = RuntimeChanges(limits=ResourceLimits(memory_mb=128, cpus=0.5), instances=2)
        after = RuntimeConfigured(
            project_id=ID,
            runtime=RuntimeConfig(
                instances=2, health_check_path="/health", limits=ResourceLimits(memory_mb=128, cpus=0.5)
            ),
        )
        given(*PROJECT, before).when(ConfigureRuntime(project_id=ID, changes=wanted, apply=False)).then(after)
        given(*PROJECT, after).when(ConfigureRuntime(project_id=ID, changes=wanted)).then_nothing()

    @pytest.mark.parametrize(
        "changes",
        [
            RuntimeChanges(port=1),
            RuntimeChanges(port=65535),
            RuntimeChanges(health_timeout_seconds=1),
            RuntimeChanges(health_timeout_seconds=900),
            RuntimeChanges(instances=20),
            RuntimeChanges(limits=ResourceLimits(memory_mb=32, cpus=0.05)),
            RuntimeChanges(limits=ResourceLimits(memory_mb=65536, cpus=64)),
            RuntimeChanges(health_check_path="/" + "x" * 499),
        ],
    )
    def test_goes_to_the_very_bounds(self, changes: RuntimeChanges) -> None:
        [configured, *_] = DECIDER.decide(ConfigureRuntime(project_id=ID, changes=changes), DECIDER.fold(PROJECT))
        assert isinstance(configured, RuntimeConfigured)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("startCommand", RuntimeChanges(start_command=" ")),
            ("port", RuntimeChanges(port=0)),
            ("port", RuntimeChanges(port=65536)),
            ("healthCheckPath", RuntimeChanges(health_check_path="health")),
            ("healthCheckPath", RuntimeChanges(health_check_path="/" + "x" * 500)),
            ("healthCheckPath", RuntimeChanges(health_check_path="/ HTTP/1.1\r\nHost: other")),
            ("healthTimeoutSeconds", RuntimeChanges(health_timeout_seconds=0)),
            ("healthTimeoutSeconds", RuntimeChanges(health_timeout_seconds=901)),
            ("instances", RuntimeChanges(instances=0)),
            ("instances", RuntimeChanges(instances=21)),
            ("limits.memoryMb", RuntimeChanges(limits=ResourceLimits(memory_mb=31))),
            ("limits.memoryMb", RuntimeChanges(limits=ResourceLimits(memory_mb=65537))),
            ("limits.cpus", RuntimeChanges(limits=ResourceLimits(cpus=0))),
            ("limits.cpus", RuntimeChanges(limits=ResourceLimits(cpus=64.1))),
            ("limits.cpus", RuntimeChanges(limits=ResourceLimits(cpus=float("nan")))),
        ],
    )
    def test_is_refused_where_a_field_is_out_of_bounds(self, field: str, changes: RuntimeChanges) -> None:
        given(*PROJECT).when(ConfigureRuntime(project_id=ID, changes=changes)).then_refused(Invalid, field=field)


@pytest.mark.parametrize(
    "command",
    [
        add(),
        ChangeEnvironment(project_id=ID, environment_id=LIVE, label="shop"),
        change(name="Our Shop"),
        ConfigureBuild(project_id=ID, changes=BuildChanges(submodules=True)),
        ConfigureRuntime(project_id=ID, changes=RuntimeChanges(instances=2)),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_can_be_asked_of_a_project_that_never_was(command: Any) -> None:
    given().when(command).then_refused(NotFound)
