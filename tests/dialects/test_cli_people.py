"""The command line about people and limits, against a plane in this process."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.http.native.wire.workspaces import LimitsIn
from services.cli import admitting, proving
from services.cli.session import Session
from services.console import Console
from tests.dialects.plane import PASSWORD, Caller, Plane

Typing = Callable[..., Any]


@pytest.fixture
def typing(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Runs a command as somebody who types these lines, and reads its JSON."""

    def typed(caller: Caller, command: Callable[..., int], *arguments: Any, lines: str = PASSWORD) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        out = io.StringIO()  # the plane in this process writes its log to the other one
        with Session(as_json=True, api_url=plane.url, token=caller.token) as session:
            session.console = Console(as_json=True, out=out)
            assert command(session, *arguments) == 0
        return json.loads(out.getvalue().splitlines()[-1])

    return typed


def test_a_member_is_invited_accepts_gets_a_role_and_is_removed(
    insider: Caller, outsider: Caller, typing: Typing
) -> None:
    token = typing(insider, admitting.invite, outsider.email, "viewer", 7)["token"]
    joined = typing(outsider, admitting.accept, lines=f"{token}\n{PASSWORD}\n")
    assert (joined["id"], joined["role"]) == (insider.tenant, "viewer")

    assert typing(insider, admitting.give_role, outsider.email, "admin", "promoted")["role"] == "admin"
    assert [one["email"] for one in typing(insider, admitting.members)["members"]] == [insider.email, outsider.email]
    assert typing(insider, admitting.remove, outsider.email, None)["removed"] == outsider.email
    typing(insider, admitting.invite, outsider.email, "viewer", 7)
    assert len(typing(insider, admitting.withdraw, outsider.email)["withdrawn"]) == 1


def test_tokens_are_made_for_projects_listed_and_revoked(insider: Caller, typing: Typing) -> None:
    project = insider.project()

    made = typing(insider, proving.create_token, "CI", "deploy", 30, [project["slug"]], None)

    assert made["token"].startswith("shpat_")
    assert made["projectIds"] == [project["id"]]
    assert "CI" in [one["name"] for one in typing(insider, proving.tokens)]
    assert typing(insider, proving.revoke_token, made["id"])["revoked"] == made["id"]


def test_sessions_and_the_password(insider: Caller, typing: Typing) -> None:
    [browser] = typing(insider, proving.sessions)
    assert typing(insider, proving.end_session, browser["id"])["ended"] == browser["id"]
    assert insider.browser.get("/auth/me").status_code == 401
    assert typing(insider, proving.change_password, lines=f"{PASSWORD}\nanother password\n")["changed"]


def test_workspaces_and_limits(plane: Plane, insider: Caller, typing: Typing) -> None:
    typing(insider, proving.create_workspace, "Second")
    assert [one["name"] for one in typing(insider, proving.workspaces)][1:] == ["Second"]
    assert typing(insider, admitting.limits)["buildsAtOnce"]["limit"] == 20

    operator = plane.operators_caller()
    changed = typing(operator, proving.set_limits, insider.tenant, LimitsIn(projects=3))
    assert (changed["projects"]["limit"], changed["projects"]["own"]) == (3, True)
