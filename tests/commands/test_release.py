"""A release is cut once; a log is closed once."""

from msgspec.structs import replace

from commands import lines, release
from commands.lines import CloseLog
from commands.release import CutRelease
from domain.identifiers import DeploymentId, EnvironmentId, LogId, ProjectId, ReleaseId
from domain.lines import LogClosed
from domain.project import RuntimeConfig
from domain.release import ReleaseCut
from tests.commands.specification import specification

CUT = ReleaseCut(
    release_id=ReleaseId("release"),
    deployment_id=DeploymentId("deployment"),
    deployment_number=42,
    project_id=ProjectId("project"),
    environment_id=EnvironmentId("environment"),
    branch="main",
    commit="c0ffee",
    commit_message="Sell coffee",
    artifact="digest",
    artifact_bytes=1,
    runtime=RuntimeConfig(),
)


def test_a_release_is_cut_once() -> None:
    given = specification(release.DECIDER)
    given().when(CutRelease(release_id=CUT.release_id, cut=CUT)).then(CUT)
    again = replace(CUT, artifact="another digest")
    given(CUT).when(CutRelease(release_id=CUT.release_id, cut=again)).then_nothing()


def test_a_release_keeps_a_commit_message_that_can_be_shown() -> None:
    hostile = replace(CUT, commit_message="\x00" + "x" * 9999)
    [cut] = release.DECIDER.decide(CutRelease(release_id=CUT.release_id, cut=hostile), release.DECIDER.initial)
    assert (len(cut.commit_message), cut.commit_message[:2]) == (2000, "\N{REPLACEMENT CHARACTER}x")


def test_a_log_is_closed_once() -> None:
    given = specification(lines.DECIDER)
    close, closed = [kind(log_id=LogId("log"), last_seq=7, sha256="digest") for kind in (CloseLog, LogClosed)]
    given().when(close).then(closed)
    given(closed).when(CloseLog(log_id=LogId("log"), last_seq=8, sha256="other")).then_nothing()
