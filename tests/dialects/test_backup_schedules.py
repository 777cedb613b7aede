"""Backups by themselves: at their times, once each, and no longer than they need be."""

from dataclasses import replace as renewed
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from domain.backup import Origin, Status
from domain.database import BackupSchedule, Engine
from domain.identifiers import BackupId, DatabaseId, MachineId, TenantId
from projections.backups import BackupRow
from services.backup_scheduling import BackupScheduling, outlived
from services.wiring import SystemClock
from tests.dialects.plane import Caller, Plane
from tests.dialects.test_native_databases import running

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BACKUP = BackupRow(
    id=BackupId(""),
    tenant_id=TenantId("tenant"),
    database_id=DatabaseId("database"),
    database_name="shop",
    engine=Engine.POSTGRES,
    machine=MachineId("machine"),
    origin=Origin.SCHEDULED,
    note=None,
    status=Status.DONE,
    error=None,
    size_bytes=1,
    sha256="",
    found=None,
    created_at=NOW,
    created_by="backup schedule",
    completed_at=NOW,
    verified_at=None,
    revision=3,
)


class At(SystemClock):
    """A clock that stands."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """This moment."""
        return self._moment


def aged(days: int, **fields: Any) -> BackupRow:
    """A backup of so many days ago, which names it."""
    return replace(BACKUP, id=BackupId(str(days)), created_at=NOW - days * DAY, **fields)


def kept(*rows: BackupRow, count: int = 100, days: int = 100) -> list[str]:
    """The names of those that a schedule keeps."""
    schedule = BackupSchedule(cron="0 3 * * *", keep_count=count, keep_days=days)
    gone = outlived(rows, schedule, NOW)
    return [row.id for row in rows if row not in gone]


def test_so_many_are_kept_and_for_so_many_days() -> None:
    rows = [aged(days) for days in (1, 2, 3, 4)]
    assert kept(*rows) == ["1", "2", "3", "4"]
    assert kept(*rows, count=2) == ["1", "2"]
    assert kept(*rows, days=3) == ["1", "2", "3"]


def test_failed_ones_take_no_place_and_the_newest_good_one_stays_whatever_its_age() -> None:
    failed = {"status": Status.FAILED}
    assert kept(aged(1, **failed), aged(2, **failed), aged(3), aged(4), count=1) == ["1", "2", "3"]
    assert kept(aged(50, **failed), aged(51), aged(52), days=7) == ["51"]


def test_what_somebody_asked_for_stays_until_somebody_deletes_it() -> None:
    manual = {"origin": Origin.MANUAL}
    assert kept(aged(1), aged(200, **manual), aged(300, origin=Origin.LAST), aged(400)) == ["1", "200", "300"]


def test_what_is_being_worked_on_is_left_alone() -> None:
    assert kept(aged(1), aged(2, status=Status.RUNNING), aged(3, status=Status.VERIFYING), count=1) == ["1", "2", "3"]


def test_a_time_asks_for_one_backup_however_often_it_is_looked_at(insider: Caller, plane: Plane) -> None:
    database = running(insider)
    path = f"/databases/{database['id']}"
    set_ = insider.http.put(f"{insider.base}{path}/backup-schedule", json={"cron": "0 * * * *", "verify": False})
    due = datetime.fromisoformat(set_.json()["nextAt"])

    def look(moment: datetime) -> list[str]:
        scheduling = BackupScheduling(renewed(plane.core, clock=At(moment)))
        for _ in range(2):
            plane.call(scheduling.look())
        assert plane.call(plane.progress.passed(plane.call(plane.core.log.head()), 5))
        return [one["origin"] for one in insider.get(f"{path}/backups")["items"]]

    assert look(due - timedelta(seconds=1)) == []
    assert look(due + timedelta(seconds=1)) == ["scheduled"]
    assert look(due + timedelta(minutes=59)) == ["scheduled"]
    assert look(due + timedelta(hours=3, minutes=1)) == ["scheduled", "scheduled"], "one for all that were missed"
    assert "backup schedule asked" in insider.get("/audit")["items"][0]["message"]
