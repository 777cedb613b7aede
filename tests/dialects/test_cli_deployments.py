"""The command line for deployments that wait, and for the places and times that they are for."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import services.cli  # noqa: F401 - it declares the commands
from services.cli.declaring import app
from tests.dialects.executing import deployed
from tests.dialects.plane import Caller


class User:
    """Somebody who types commands."""

    def __init__(self, caller: Caller) -> None:
        self.environ = {"SHIPBOOK_API_URL": caller.plane.url, "SHIPBOOK_TOKEN": caller.token}

    def types(self, *arguments: str, status: int = 0) -> str:
        """What a command says."""
        done = CliRunner().invoke(app, [*arguments], env=self.environ)
        assert done.exit_code == status, done.output
        return done.output

    def reads(self, *arguments: str) -> Any:
        """A command's JSON."""
        return json.loads(self.types(*arguments, "--json").splitlines()[-1])  # what the plane logs comes before


@pytest.fixture
def user(insider: Caller) -> User:
    """The insider at a terminal."""
    return User(insider)


def test_environments_are_added_changed_and_deleted(insider: Caller, user: User) -> None:
    insider.project("Shop")
    assert "staging" in user.types("environments", "add", "staging", "--branch", "next")
    changed = user.reads("environments", "change", "staging", "--rename", "preview", "--protected", "--by-another")
    assert (changed["name"], changed["protected"], changed["approvalByAnother"]) == ("preview", True, True)
    assert "approved by another" in user.types("environments", "list")
    user.types("environments", "delete", "preview", "--confirm", "production", status=2)
    user.types("environments", "delete", "preview", "--confirm", "preview", "--reason", "merged")
    assert "archived" in user.types("projects", "archive", "shop")
    assert "active" in user.types("projects", "restore", "shop")
    user.types("projects", "delete", "shop", "--confirm", "shop", status=1)
    user.types("environments", "delete", "production", "--confirm", "production")
    assert "no environment" in user.types("environments", "list")
    user.types("projects", "delete", "shop", "--confirm", "shop")


def test_deployments_are_approved_rejected_and_promoted(insider: Caller, user: User) -> None:
    project = insider.project("Shop")
    deployed(insider, project)
    user.types("environments", "add", "staging", "--protected")
    promote = "promote", "--from", "production", "--env", "staging", "--no-follow"
    first, second = user.reads(*promote), user.reads(*promote, "--reason", "tried it")
    assert (first["status"], second["note"]) == ("waiting", "tried it")
    assert "queued" in user.types("approve", first["ref"], "--reason", "good")
    assert "rejected" in user.types("reject", second["ref"])
    assert second["ref"] in user.types("deployments", "--status", "rejected")
    user.types("promote", "--env", "staging", status=2)


def test_a_roll_back_shows_what_it_would_change(insider: Caller, user: User) -> None:
    project = insider.project("Shop")
    deployed(insider, project)
    deployed(insider, project)
    assert "Nothing would change" in user.types("rollback", "--dry-run")
    assert user.reads("rollback", "--dry-run")["artifactChanged"] is False


def test_schedules_and_freezes_come_and_go(insider: Caller, user: User) -> None:
    insider.project("Shop")
    assert "Add one" in user.types("schedules", "list")
    made = user.reads("schedules", "add", "30 2 * * mon-fri", "--timezone", "Europe/Berlin")
    assert "paused" in user.types("schedules", "pause", made["id"])
    assert "30 2" in user.types("schedules", "resume", made["id"])
    assert "mon-fri" in user.types("schedules", "list")
    user.types("schedules", "rm", made["id"])
    assert "Nothing is frozen" in user.types("freezes", "list")
    always = "--days", "mon,tue,wed,thu,fri,sat,sun", "--from", "00:00", "--until", "00:00"
    assert "now" in user.types("freezes", "add", "Fair", *always, "--env", "production")
    assert "active" in user.types("freezes", "list")
    user.types("freezes", "add", "Odd", "--days", "someday", "--from", "00:00", "--until", "00:00", status=2)
    assert "removed" in user.types("freezes", "rm", "Fair")
