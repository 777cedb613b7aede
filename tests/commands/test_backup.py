"""A backup: it is done when its whole file is on the disk, and never reads so before or otherwise."""

import pytest
from msgspec.structs import replace

from commands.backup import (
    DECIDER,
    BackupCommand,
    CompleteBackup,
    DeleteBackup,
    FailBackup,
    NoteDownload,
    ReportBackupDeleted,
    ReportVerificationFailed,
    ReportVerified,
    RequestBackup,
    StartBackup,
    VerifyBackup,
)
from domain.backup import (
    BackupCompleted,
    BackupDeleted,
    BackupDeletionRequested,
    BackupDownloaded,
    BackupFailed,
    BackupRequested,
    BackupStarted,
    BackupVerificationFailed,
    BackupVerificationRequested,
    BackupVerified,
    Origin,
)
from domain.database import Engine
from domain.identifiers import BackupId, DatabaseId, MachineId
from domain.rejection import Conflict, Invalid, NotFound
from tests.commands.specification import specification

given = specification(DECIDER)

ID = BackupId("backup")
DIGEST = "a" * 64
REQUEST = RequestBackup(
    backup_id=ID,
    database_id=DatabaseId("database"),
    database_name="shop",
    engine=Engine.POSTGRES,
    machine=MachineId("here"),
    origin=Origin.MANUAL,
)
REQUESTED = BackupRequested(
    backup_id=ID,
    database_id=DatabaseId("database"),
    database_name="shop",
    engine=Engine.POSTGRES,
    machine=MachineId("here"),
    origin=Origin.MANUAL,
)
NAMED = {"backup_id": ID, "database_name": "shop"}
STARTED = BackupStarted(**NAMED)
COMPLETED = BackupCompleted(**NAMED, size_bytes=10, sha256=DIGEST)
FAILED = BackupFailed(**NAMED, error="no room")
VERIFYING = BackupVerificationRequested(**NAMED)
VERIFIED = BackupVerified(**NAMED, found="3 tables")
DONE = (REQUESTED, STARTED, COMPLETED)
START = StartBackup(backup_id=ID)
COMPLETE = CompleteBackup(backup_id=ID, size_bytes=10, sha256=DIGEST)
FAIL = FailBackup(backup_id=ID, error="no room")
DELETE, VERIFY, DOWNLOAD = DeleteBackup(backup_id=ID), VerifyBackup(backup_id=ID), NoteDownload(backup_id=ID)


class TestMaking:
    def test_is_asked_for_begun_and_done(self) -> None:
        given().when(REQUEST).then(REQUESTED)
        given(REQUESTED).when(REQUEST).then_nothing()
        given(REQUESTED).when(START).then(STARTED)
        given(REQUESTED, STARTED).when(COMPLETE).then(COMPLETED)
        given(*DONE).when(COMPLETE).then_nothing()

    @pytest.mark.parametrize(
        "wrong", [{"size_bytes": 0}, {"size_bytes": -1}, {"sha256": ""}, {"sha256": "A" * 64}, {"sha256": "a" * 63}]
    )
    def test_without_a_whole_file_it_is_not_done(self, wrong: dict[str, object]) -> None:
        given(REQUESTED, STARTED).when(replace(COMPLETE, **wrong)).then_refused(Conflict)

    @pytest.mark.parametrize("past", [(REQUESTED,), (REQUESTED, FAILED), (REQUESTED, STARTED, FAILED)])
    def test_one_that_failed_or_was_not_begun_never_becomes_done(self, past: tuple[BackupStarted, ...]) -> None:
        given(*past).when(COMPLETE).then_refused(Conflict)

    def test_it_fails_at_any_time_before_it_is_done(self) -> None:
        given(REQUESTED).when(FAIL).then(FAILED)
        given(REQUESTED, STARTED).when(FAIL).then(FAILED)
        given(*DONE).when(FAIL).then_nothing()
        given(REQUESTED, FAILED).when(FAIL).then_nothing()

    def test_a_long_note_is_refused(self) -> None:
        given().when(replace(REQUEST, note="x" * 501)).then_refused(Invalid, field="note")


class TestVerifying:
    def test_follows_by_itself_where_it_was_asked_for(self) -> None:
        given(replace(REQUESTED, verify=True), STARTED).when(COMPLETE).then(COMPLETED, VERIFYING)

    def test_ends_well_or_badly_and_may_be_asked_for_again(self) -> None:
        given(*DONE).when(VERIFY).then(VERIFYING)
        given(*DONE, VERIFYING).when(VERIFY).then_nothing()
        given(*DONE, VERIFYING).when(ReportVerified(backup_id=ID, found="3 tables")).then(VERIFIED)
        failed = BackupVerificationFailed(**NAMED, error="bad")
        given(*DONE, VERIFYING).when(ReportVerificationFailed(backup_id=ID, error="bad")).then(failed)
        given(*DONE, VERIFYING, failed).when(VERIFY).then(VERIFYING)

    def test_needs_a_file(self) -> None:
        given(REQUESTED, STARTED, FAILED).when(VERIFY).then_refused(Conflict, "no_backup_file")
        given(*DONE).when(ReportVerified(backup_id=ID, found="3 tables")).then_nothing()


class TestDownloading:
    def test_is_noted_each_time(self) -> None:
        given(*DONE).when(DOWNLOAD).then(BackupDownloaded(**NAMED))
        given(*DONE, BackupDownloaded(**NAMED)).when(DOWNLOAD).then(BackupDownloaded(**NAMED))

    @pytest.mark.parametrize("past", [(REQUESTED,), (REQUESTED, STARTED), (REQUESTED, STARTED, FAILED)])
    def test_needs_a_file(self, past: tuple[BackupStarted, ...]) -> None:
        given(*past).when(DOWNLOAD).then_refused(Conflict, "no_backup_file")


class TestDeleting:
    def test_happens_in_two_steps(self) -> None:
        going = BackupDeletionRequested(**NAMED)
        given(*DONE).when(DELETE).then(going)
        given(*DONE, going).when(DELETE).then_nothing()
        given(*DONE, going).when(ReportBackupDeleted(backup_id=ID)).then(BackupDeleted(**NAMED))
        given(*DONE).when(ReportBackupDeleted(backup_id=ID)).then_nothing()

    @pytest.mark.parametrize("past", [(REQUESTED, STARTED), (*DONE, VERIFYING)])
    def test_waits_for_what_is_being_done_with_it(self, past: tuple[BackupStarted, ...]) -> None:
        given(*past).when(DELETE).then_refused(Conflict, "busy")

    @pytest.mark.parametrize(
        "command", [START, COMPLETE, FAIL, VERIFY, DOWNLOAD, DELETE], ids=lambda one: type(one).__name__
    )
    def test_before_and_after_there_is_no_backup(self, command: BackupCommand) -> None:
        gone = (*DONE, BackupDeletionRequested(**NAMED), BackupDeleted(**NAMED))
        given(*gone).when(command).then_refused(NotFound)
        given().when(command).then_refused(NotFound)
