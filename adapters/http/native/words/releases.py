"""Releases."""

from adapters.http.native.wire.deployments import (
    ReleaseOut,
    SecretVersion,
)
from adapters.http.native.wire.releases import (
    ChangeOut,
    DifferencesOut,
    ReleaseVersion,
    SecretChange,
    SecretChanges,
)
from adapters.http.native.words.configuration import runtime_config
from domain.release import Changed, Differences, ReleaseCut
from projections.phrases import deployment_reference
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
        pinned=row.pinned,
        expired_at=row.expired_at,
    )


def differences(found: Differences) -> DifferencesOut:
    """What changes when one release takes the place of another."""
    before, after = found.before, found.after
    return DifferencesOut(
        before=_version(before) if before else None,
        after=_version(after),
        artifact_changed=before is None or before.artifact != after.artifact,
        commit_changed=before is None or before.commit != after.commit,
        runtime_config=[_change(one) for one in found.runtime],
        secrets=SecretChanges(
            added=[SecretChange(name=pin.name, before=None, after=pin.version) for pin in found.secrets_added],
            removed=[SecretChange(name=pin.name, before=pin.version, after=None) for pin in found.secrets_removed],
            changed=[
                SecretChange(name=now.name, before=former.version, after=now.version)
                for former, now in found.secrets_changed
            ],
        ),
    )


def _version(cut: ReleaseCut) -> ReleaseVersion:
    reference = deployment_reference(cut.deployment_number)
    return ReleaseVersion(id=cut.release_id, ref=reference, commit=cut.commit, artifact=cut.artifact)


def _change(one: Changed) -> ChangeOut:
    head, *rest = one.name.split("_")
    return ChangeOut(name=head + "".join(map(str.capitalize, rest)), before=one.before, after=one.after)
