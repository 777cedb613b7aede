"""Releases."""

from adapters.http.native.wire.deployments import (
    ReleaseOut,
    SecretVersion,
)
from adapters.http.native.words.configuration import runtime_config
from projections.releases import ReleaseRow


def release(row: ReleaseRow) -> ReleaseOut:
    """A release."""
    return ReleaseOut(
        id=row.id,
        ref=row.ref,
        deployment_id=row.deployment_id,
        project_id=row.project_id,
        environment_id=row.environment_id,
        active=row.active,
        branch=row.branch,
        commit=row.commit,
        commit_message=row.commit_message,
        artifact=row.artifact,
        artifact_bytes=row.artifact_bytes,
        runtime_config=runtime_config(row.runtime),
        start_command=row.start_command,
        secrets=[SecretVersion(name=pin.name, version=pin.version) for pin in row.secrets],
        created_by=row.created_by,
        created_at=row.created_at,
        activated_at=row.activated_at,
    )
