"""Document 002, managed databases: what the API asks and answers, with an executor that only says that it did."""

from typing import Any

import pytest

from commands.attaching import MOST_DATABASES
from commands.backup import CompleteBackup, StartBackup
from commands.database_reports import PlaceDatabase, ReportDeleted, ReportStarted
from domain.identifiers import BackupId, DatabaseId, MachineId
from tests.dialects.plane import Caller


def running(caller: Caller, name: str = "shop", **fields: Any) -> Any:
    """A database that an executor says to run, at a port that is nobody's."""
    made = caller.post("/databases", {"name": name, **fields})
    database_id = DatabaseId(made["id"])
    place = PlaceDatabase(database_id=database_id, machine=MachineId("a machine"), port=12000, own_port=False)
    caller.plane.do(caller.tenant, place, ReportStarted(database_id=database_id))
    return caller.get(f"/databases/{made['id']}")


def done(caller: Caller, database: Any, **fields: Any) -> Any:
    """A backup that an executor says to have made."""
    made = caller.post(f"/databases/{database['id']}/backups", fields or None)
    backup_id = BackupId(made["id"])
    complete = CompleteBackup(backup_id=backup_id, size_bytes=7, sha256="a" * 64)
    caller.plane.do(caller.tenant, StartBackup(backup_id=backup_id), complete)
    return made


def environment(caller: Caller) -> tuple[str, str]:
    """The ids of a project and its production."""
    project = caller.project()
    return project["id"], project["environments"][0]["id"]


def test_a_database_is_asked_for_and_nobody_is_told_its_password(insider: Caller) -> None:
    """``Managed databases: GET/POST /tenants/<t>/databases``."""
    made = insider.post("/databases", {"name": "shop"})

    assert (made["status"], made["engine"], made["isolation"]) == ("creating", "postgres", "instance")
    assert made["connection"] is None
    shown = running(insider, "stock", engine="redis")
    assert shown["status"] == "running"
    assert shown["connection"] == {
        "host": "127.0.0.1",
        "port": 12000,
        "user": "default",
        "database": "0",
        "passwordIn": [],
    }
    assert [one["name"] for one in insider.get("/databases")["items"]] == ["shop", "stock"]
    assert insider.post("/databases", {"name": "shop"}, status=409)["code"] == "name_taken"


def test_a_workspace_has_only_so_many_databases(insider: Caller) -> None:
    made = [insider.post("/databases", {"name": f"shop-{number}"}) for number in range(MOST_DATABASES)]

    refused = insider.post("/databases", {"name": "one-more"}, status=403)
    assert refused["code"] == "too_many_databases"
    insider.http.delete(f"{insider.base}/databases/{made[3]['id']}?confirm=shop-3")
    insider.plane.do(insider.tenant, ReportDeleted(database_id=made[3]["id"]))
    insider.post("/databases", {"name": "shop-3"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Shop"}, "name"),
        ({"name": "shop", "memoryMb": 1}, "memoryMb"),
        ({"name": "shop", "engine": "redis", "isolation": "shared"}, "isolation"),
    ],
)
def test_a_database_that_cannot_be_is_refused_by_its_field(insider: Caller, body: dict[str, Any], field: str) -> None:
    assert insider.post("/databases", body, status=400)["details"][0]["field"] == field


def test_attaching_makes_a_secret_that_detaching_removes(insider: Caller) -> None:
    """``POST .../attach``."""
    database, (project, place) = running(insider), environment(insider)
    path = f"/databases/{database['id']}"

    attached = insider.post(f"{path}/attach", {"environmentId": place}, status=200)
    insider.post(f"{path}/attach", {"environmentId": place}, status=200)
    insider.post(f"{path}/attach", {"environmentId": place, "prefix": "STOCK_"}, status=200)

    assert [one["variable"] for one in attached["attachments"]] == ["DATABASE_URL"]
    names = {one["name"]: one["scope"] for one in insider.get(f"/secrets?projectId={project}")["items"]}
    assert names == {"DATABASE_URL": "environment", "STOCK_DATABASE_URL": "environment"}
    detached = insider.post(f"{path}/detach", {"environmentId": place, "variable": "DATABASE_URL"}, status=200)
    assert [one["variable"] for one in detached["attachments"]] == ["STOCK_DATABASE_URL"]
    insider.post(f"{path}/attach", {"environmentId": place}, status=200)
    assert insider.post(f"{path}/detach", {"environmentId": place}, status=200)["attachments"] == []
    assert insider.get(f"/secrets?projectId={project}")["items"] == []
    assert insider.post(f"{path}/detach", {"environmentId": place}, status=404)["code"] == "not_found"


def test_attaching_takes_no_name_that_the_environment_has(insider: Caller) -> None:
    database, (project, place) = running(insider), environment(insider)
    own = {"name": "DATABASE_URL", "value": "mine", "projectId": project, "environmentId": place}
    insider.post("/secrets", own)

    refused = insider.post(f"/databases/{database['id']}/attach", {"environmentId": place}, status=409)

    assert refused["code"] == "name_taken"
    assert insider.get(f"/databases/{database['id']}")["attachments"] == []


def test_deleting_needs_its_name_and_that_nobody_has_it(insider: Caller) -> None:
    """``DELETE`` with the name to confirm."""
    database, (_, place) = running(insider), environment(insider)
    path = f"{insider.base}/databases/{database['id']}"
    insider.post(f"/databases/{database['id']}/attach", {"environmentId": place}, status=200)

    assert insider.http.delete(path).status_code == 400
    assert insider.http.delete(f"{path}?confirm=other").json()["details"][0]["field"] == "confirm"
    assert insider.http.delete(f"{path}?confirm=shop").json()["code"] == "attached"
    tag = insider.http.get(path).headers["etag"]
    stale = insider.http.delete(f"{path}?confirm=shop&detach=true", headers={"If-Match": '"1"'})
    assert (stale.status_code, len(insider.get("/secrets")["items"])) == (412, 1)
    gone = insider.http.delete(f"{path}?confirm=shop&detach=true&reason=unused", headers={"If-Match": tag})
    assert (gone.status_code, gone.json()["status"]) == (202, "deleting")
    assert insider.get("/secrets")["items"] == []
    assert insider.post(f"/databases/{database['id']}/start", status=409)["code"] == "deleting"


def test_a_backup_is_asked_for_of_what_runs(insider: Caller) -> None:
    """``backups under .../backups``."""
    fresh = insider.post("/databases", {"name": "fresh"})
    assert insider.post(f"/databases/{fresh['id']}/backups", status=409)["code"] == "creating"

    database = running(insider)
    made = done(insider, database, note="before the sale")
    path = f"/databases/{database['id']}/backups"

    shown = insider.get(f"{path}/{made['id']}")
    assert (made["status"], shown["status"], shown["note"]) == ("queued", "done", "before the sale")
    assert [one["id"] for one in insider.get(path)["items"]] == [made["id"]]
    assert [one["id"] for one in insider.get("/backups")["items"]] == [made["id"]]
    assert insider.post(f"{path}/{made['id']}/verify", status=202)["status"] == "verifying"
    assert insider.http.delete(f"{insider.base}{path}/{made['id']}").json()["code"] == "busy"
    assert insider.get(f"{path}/{made['id']}/download", status=409)["code"] == "elsewhere"


def test_a_backup_is_restored_into_its_database_or_into_another_one(insider: Caller) -> None:
    database, other = running(insider), running(insider, "cache", engine="redis")
    made = done(insider, database)
    path = f"/databases/{database['id']}/backups/{made['id']}/restore"

    restoring = insider.post(path, status=202)
    assert restoring["restore"] == {"status": "running", "backupId": made["id"], "error": None, "finishedAt": None}
    assert insider.post(path, status=409)["code"] == "restoring"
    assert insider.post(path, {"databaseId": other["id"]}, status=409)["code"] == "another_engine"
    anew = insider.post(path, {"name": "shop-2"}, status=202)
    assert (anew["name"], anew["status"], anew["restore"]["status"]) == ("shop-2", "creating", "running")
    insider.post(f"/databases/{database['id']}/backups", {"verify": True})
    unmade = insider.get(f"/databases/{database['id']}/backups")["items"][0]
    refused = insider.post(f"/databases/{database['id']}/backups/{unmade['id']}/restore", status=409)
    assert refused["code"] == "no_backup_file"


def test_backups_are_scheduled_in_a_time_zone(insider: Caller) -> None:
    path = f"{insider.base}/databases/{running(insider)['id']}/backup-schedule"
    assert insider.http.get(path).status_code == 404

    body = {"cron": "30 3 * * *", "timeZone": "Asia/Kolkata", "keepCount": 3}
    set_ = insider.http.put(path, json=body)
    assert set_.status_code == 200
    assert set_.json()["nextAt"].endswith("22:00:00Z")
    assert insider.http.get(path).json() == set_.json()
    for wrong, field in (
        ({"cron": "61 3 * * *"}, "cron"),
        ({"timeZone": "Mars"}, "timeZone"),
        ({"keepDays": 0}, "keepDays"),
    ):
        refused = insider.http.put(path, json=body | wrong)
        assert refused.json()["details"][0]["field"] == field
    assert insider.http.delete(path).status_code == 204
    assert insider.http.get(path).status_code == 404


def test_another_workspaces_database_is_out_of_reach(insider: Caller, outsider: Caller) -> None:
    database = running(insider)
    backup = done(insider, database)
    path = f"/databases/{database['id']}"
    _, place = environment(insider)

    assert outsider.get("/databases")["items"] == outsider.get("/backups")["items"] == []
    for under in ("", "/backups", "/backup-schedule", f"/backups/{backup['id']}", f"/backups/{backup['id']}/download"):
        assert outsider.get(path + under, status=404)["code"] == "not_found"
    for under in ("/start", "/stop", "/backups", f"/backups/{backup['id']}/verify", f"/backups/{backup['id']}/restore"):
        assert outsider.post(path + under, status=404)["code"] == "not_found"
    mine = running(outsider, "mine")
    assert outsider.post(f"/databases/{mine['id']}/attach", {"environmentId": place}, status=404)["code"] == "not_found"
    stolen = outsider.post(f"/databases/{mine['id']}/backups/{backup['id']}/restore", status=404)
    assert stolen["code"] == "not_found"
    assert outsider.http.delete(f"{outsider.base}{path}?confirm=shop").status_code == 404


def test_who_only_reads_downloads_nothing(insider: Caller) -> None:
    database = running(insider)
    backup = done(insider, database)
    path = f"{insider.base}/databases/{database['id']}/backups/{backup['id']}/download"

    for scope in ("read", "deploy"):
        assert insider.with_scope(scope).get(path).status_code == 403
