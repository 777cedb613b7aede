"""A managed database: asked for, placed, run, attached, restored and deleted."""

import pytest
from msgspec.structs import replace

from commands.database import (
    DECIDER,
    AttachDatabase,
    CreateDatabase,
    DatabaseCommand,
    DeleteDatabase,
    DetachDatabase,
    RemoveBackupSchedule,
    RestoreDatabase,
    SetBackupSchedule,
    StartDatabase,
    StopDatabase,
)
from commands.database_checks import variable
from commands.database_reports import (
    AbandonDeletion,
    PlaceDatabase,
    ReportDeleted,
    ReportFailed,
    ReportRestored,
    ReportRestoreFailed,
    ReportStarted,
    ReportStopped,
)
from domain.database import (
    BackupSchedule,
    BackupScheduleRemoved,
    BackupScheduleSet,
    DatabaseAttached,
    DatabaseCreated,
    DatabaseDeleted,
    DatabaseDeletionAbandoned,
    DatabaseDeletionRequested,
    DatabaseDetached,
    DatabaseFailed,
    DatabasePlaced,
    DatabaseRestored,
    DatabaseRestoreFailed,
    DatabaseRestoreRequested,
    DatabaseStarted,
    DatabaseStartRequested,
    DatabaseStopped,
    DatabaseStopRequested,
    Engine,
    Isolation,
)
from domain.identifiers import BackupId, DatabaseId, EnvironmentId, MachineId, ProjectId, SecretId
from domain.rejection import Conflict, Invalid, NotFound
from tests.commands.specification import specification

given = specification(DECIDER)

ID = DatabaseId("0190c2a0-0000-7000-8000-00000000abcd")
BACKUP, SECRET, LIVE = BackupId("backup"), SecretId("secret"), EnvironmentId("live")
CREATE = CreateDatabase(
    database_id=ID, name="my-shop", engine=Engine.POSTGRES, isolation=Isolation.INSTANCE, memory_mb=256
)
CREATED = DatabaseCreated(
    database_id=ID,
    name="my-shop",
    engine=Engine.POSTGRES,
    isolation=Isolation.INSTANCE,
    version="18",
    database="my_shop",
    user="my_shop",
    memory_mb=256,
)
NAMED = {"database_id": ID, "name": "my-shop"}
PLACED = DatabasePlaced(**NAMED, machine=MachineId("here"), port=12345)
STARTED = DatabaseStarted(**NAMED)
RUNNING = (CREATED, PLACED, STARTED)
STOPPED = (*RUNNING, DatabaseStopRequested(**NAMED), DatabaseStopped(**NAMED))
FAILED = (*RUNNING, DatabaseFailed(**NAMED, error="no room"))
ATTACHED = DatabaseAttached(
    **NAMED, project_id=ProjectId("project"), environment_id=LIVE, secret_id=SECRET, variable="DATABASE_URL"
)
DETACHED = DatabaseDetached(**NAMED, environment_id=LIVE, secret_id=SECRET, variable="DATABASE_URL")
ATTACH = AttachDatabase(
    database_id=ID, project_id=ProjectId("project"), environment_id=LIVE, secret_id=SECRET, variable="DATABASE_URL"
)
RESTORING = DatabaseRestoreRequested(**NAMED, backup_id=BACKUP, restore=1)
DELETING = DatabaseDeletionRequested(**NAMED)
DELETED = DatabaseDeleted(**NAMED)
SCHEDULE = BackupSchedule(cron="0 3 * * *", time_zone="Europe/Berlin")
START, STOP = StartDatabase(database_id=ID), StopDatabase(database_id=ID)
DELETE = DeleteDatabase(database_id=ID, confirm="my-shop")
RESTORE = RestoreDatabase(database_id=ID, backup_id=BACKUP)


class TestCreating:
    def test_names_a_role_and_a_database_after_it(self) -> None:
        given().when(CREATE).then(CREATED)

    def test_in_a_shared_server_names_tell_others_nothing(self) -> None:
        shared = {"isolation": Isolation.SHARED}
        account = {"database": "db_00000000abcd", "user": "db_00000000abcd"}
        given().when(replace(CREATE, **shared)).then(replace(CREATED, **shared, **account))

    def test_a_redis_has_its_usual_user(self) -> None:
        redis = {"engine": Engine.REDIS}
        account = {"version": "9", "database": "0", "user": "default"}
        given().when(replace(CREATE, **redis)).then(replace(CREATED, **redis, **account))

    @pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a-", "ä", "a" * 41, "a\n", 'a"'])
    def test_a_name_that_is_no_label_is_refused(self, name: str) -> None:
        given().when(replace(CREATE, name=name)).then_refused(Invalid, field="name")

    @pytest.mark.parametrize("memory", [0, 127, 16_385])
    def test_too_little_and_too_much_memory_is_refused(self, memory: int) -> None:
        given().when(replace(CREATE, memory_mb=memory)).then_refused(Invalid, field="memoryMb")

    def test_only_postgres_is_shared(self) -> None:
        redis = replace(CREATE, engine=Engine.REDIS, isolation=Isolation.SHARED)
        given().when(redis).then_refused(Invalid, field="isolation")

    def test_twice_makes_one(self) -> None:
        given(CREATED).when(CREATE).then_nothing()


class TestRunning:
    def test_one_machine_takes_it_on_once(self) -> None:
        place = PlaceDatabase(database_id=ID, machine=MachineId("here"), port=12345, own_port=True)
        given(CREATED).when(place).then(PLACED)
        given(CREATED, PLACED).when(replace(place, machine=MachineId("there"))).then_nothing()

    @pytest.mark.parametrize("past", [(CREATED, PLACED), FAILED, (*STOPPED, DatabaseStartRequested(**NAMED))])
    def test_it_runs_once_it_answers(self, past: tuple[DatabaseStarted, ...]) -> None:
        given(*past).when(ReportStarted(database_id=ID)).then(STARTED)

    def test_what_runs_is_not_started(self) -> None:
        given(*RUNNING).when(START).then_nothing()
        given(*RUNNING).when(ReportStarted(database_id=ID)).then_nothing()

    def test_it_is_stopped_and_started(self) -> None:
        given(*RUNNING).when(STOP).then(DatabaseStopRequested(**NAMED))
        given(*RUNNING, DatabaseStopRequested(**NAMED)).when(ReportStopped(database_id=ID)).then(
            DatabaseStopped(**NAMED)
        )
        given(*STOPPED).when(STOP).then_nothing()
        given(*STOPPED).when(START).then(DatabaseStartRequested(**NAMED))

    def test_a_report_that_it_runs_comes_too_late_for_one_that_shall_stop(self) -> None:
        given(*RUNNING, DatabaseStopRequested(**NAMED)).when(ReportStarted(database_id=ID)).then_nothing()
        given(*STOPPED).when(ReportFailed(database_id=ID, error="no room")).then_nothing()

    def test_the_same_failure_is_told_once(self) -> None:
        report = ReportFailed(database_id=ID, error="no room")
        given(*RUNNING).when(report).then(DatabaseFailed(**NAMED, error="no room"))
        given(*FAILED).when(report).then_nothing()
        given(*FAILED).when(START).then(DatabaseStartRequested(**NAMED))

    def test_while_it_is_created_it_is_not_stopped(self) -> None:
        given(CREATED).when(STOP).then_refused(Conflict, "creating")


class TestAttaching:
    def test_is_remembered_until_it_is_detached(self) -> None:
        given(*RUNNING).when(ATTACH).then(ATTACHED)
        given(*RUNNING, ATTACHED).when(ATTACH).then_nothing()
        detach = DetachDatabase(database_id=ID, secret_ids=(SECRET,))
        given(*RUNNING, ATTACHED).when(detach).then(DETACHED)
        given(*RUNNING).when(detach).then_nothing()

    def test_waits_until_there_is_an_address(self) -> None:
        given(CREATED).when(ATTACH).then_refused(Conflict, "creating")

    @pytest.mark.parametrize(
        ("name", "prefix", "expected"),
        [(None, None, "DATABASE_URL"), (None, "STOCK_", "STOCK_DATABASE_URL"), ("PG", "X_", "PG")],
    )
    def test_takes_the_usual_name_a_prefix_or_another_name(
        self, name: str | None, prefix: str | None, expected: str
    ) -> None:
        assert variable(Engine.POSTGRES, name, prefix) == expected

    def test_a_name_that_no_variable_has_is_refused(self) -> None:
        with pytest.raises(Invalid):
            variable(Engine.REDIS, "RE DIS", None)


class TestRestoring:
    def test_happens_once_at_a_time(self) -> None:
        given(*RUNNING).when(RESTORE).then(RESTORING)
        given(*RUNNING, RESTORING).when(RESTORE).then_refused(Conflict, "restoring")
        given(*RUNNING, RESTORING).when(STOP).then_refused(Conflict, "restoring")
        given(*STOPPED).when(RESTORE).then_refused(Conflict, "not_running")

    def test_ends_well_or_badly(self) -> None:
        end = {"backup_id": BACKUP, "restore": 1}
        given(*RUNNING, RESTORING).when(ReportRestored(database_id=ID, restore=1)).then(
            DatabaseRestored(**NAMED, **end)
        )
        given(*RUNNING, RESTORING).when(ReportRestoreFailed(database_id=ID, restore=1, error="gone")).then(
            DatabaseRestoreFailed(**NAMED, **end, error="gone")
        )

    def test_a_late_report_of_another_one_is_no_news(self) -> None:
        late = ReportRestored(database_id=ID, restore=1)
        given(*RUNNING).when(late).then_nothing()
        again = replace(RESTORING, restore=2)
        failed = DatabaseRestoreFailed(**NAMED, backup_id=BACKUP, restore=1, error="gone")
        given(*RUNNING, RESTORING, failed, again).when(late).then_nothing()

    def test_a_database_begins_with_a_backup(self) -> None:
        made = replace(CREATED, restored_from=BACKUP)
        given(made, PLACED, STARTED).when(ReportRestored(database_id=ID, restore=1)).then(
            DatabaseRestored(**NAMED, backup_id=BACKUP, restore=1)
        )


class TestDeleting:
    def test_needs_its_name(self) -> None:
        given(*RUNNING).when(DELETE).then(DELETING)
        given(*RUNNING).when(replace(DELETE, confirm="shop")).then_refused(Invalid, field="confirm")

    def test_refuses_while_attached_unless_told(self) -> None:
        given(*RUNNING, ATTACHED).when(DELETE).then_refused(Conflict, "attached")
        given(*RUNNING, ATTACHED).when(replace(DELETE, detach=True)).then(DETACHED, DELETING)

    def test_a_last_backup_needs_a_database_that_runs(self) -> None:
        wish = replace(DELETE, last_backup_id=BACKUP)
        given(*RUNNING).when(wish).then(replace(DELETING, last_backup_id=BACKUP))
        given(*STOPPED).when(wish).then_refused(Conflict, "not_running")

    def test_is_abandoned_without_its_last_backup(self) -> None:
        abandoned = DatabaseDeletionAbandoned(**NAMED, error="it failed")
        abandon = AbandonDeletion(database_id=ID, error="it failed")
        given(*RUNNING, DELETING).when(abandon).then(abandoned)
        given(*RUNNING).when(abandon).then_nothing()
        given(*RUNNING, DELETING, abandoned).when(DELETE).then(DELETING)

    def test_ends_once(self) -> None:
        report = ReportDeleted(database_id=ID)
        given(*RUNNING, DELETING).when(report).then(DELETED)
        given(*RUNNING).when(report).then_nothing()

    @pytest.mark.parametrize("command", [START, STOP, ATTACH, RESTORE], ids=lambda one: type(one).__name__)
    def test_nothing_happens_while_it_goes_or_after(self, command: DatabaseCommand) -> None:
        given(*RUNNING, DELETING).when(command).then_refused(Conflict, "deleting")
        given(*RUNNING, DELETING, DELETED).when(command).then_refused(NotFound)
        given().when(command).then_refused(NotFound)


class TestScheduling:
    def test_is_set_changed_and_removed(self) -> None:
        wish = SetBackupSchedule(database_id=ID, schedule=SCHEDULE)
        there = BackupScheduleSet(**NAMED, schedule=SCHEDULE)
        given(*RUNNING).when(wish).then(there)
        given(*RUNNING, there).when(wish).then_nothing()
        given(*RUNNING, there).when(RemoveBackupSchedule(database_id=ID)).then(BackupScheduleRemoved(**NAMED))
        given(*RUNNING).when(RemoveBackupSchedule(database_id=ID)).then_nothing()

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("cron", {"cron": "0 3 * *"}),
            ("timeZone", {"time_zone": "Mars/Olympus"}),
            ("timeZone", {"time_zone": "../etc/passwd"}),
            ("keepCount", {"keep_count": 0}),
            ("keepDays", {"keep_days": 4000}),
        ],
    )
    def test_one_that_cannot_be_is_refused_by_its_field(self, field: str, wrong: dict[str, object]) -> None:
        wish = SetBackupSchedule(database_id=ID, schedule=replace(SCHEDULE, **wrong))
        given(*RUNNING).when(wish).then_refused(Invalid, field=field)
