"""Projects."""

from collections.abc import Sequence

from msgspec.structs import asdict

from adapters.http.native.wire.projects import ProjectDetail, ProjectOut
from adapters.http.native.words.configuration import build_config, runtime_config
from adapters.http.native.words.environments import environment
from adapters.settings import Settings
from projections.environments import EnvironmentRow
from projections.projects import ProjectRow


def project(row: ProjectRow) -> ProjectOut:
    """A project in the list."""
    return ProjectOut(
        id=row.id,
        name=row.name,
        slug=row.slug,
        description=row.description,
        type=row.type,
        status=row.status,
        repository_connection_id=row.connection_id,
        root_directory=row.root_directory,
        production_branch=row.production_branch,
        runs_server=row.runs_server,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def project_detail(row: ProjectRow, environments: Sequence[EnvironmentRow], settings: Settings) -> ProjectDetail:
    """A project with everything that configures it."""
    return ProjectDetail(
        **asdict(project(row)),
        environments=[environment(one, settings) for one in environments],
        build_config=build_config(row.build, row.root_directory),
        runtime_config=runtime_config(row.runtime),
    )
