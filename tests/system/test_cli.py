"""The command line as a user types it, without a plane or with a stand-in for one."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from services.cli.checkout import look
from services.control_sequences import cleaned
from tests.system.canned import AT, DEPLOYMENT, PROJECT, TENANT, TURNS, deployment, detail, events, me, project
from tests.system.stand_in import Asked, StandIn, stand_in


class Shell:
    """Runs ``shipbook`` in an empty home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(home)}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "services", *arguments]

    def run(self, *arguments: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.home,
            env=self.environ | environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    home = tmp_path / "home"
    home.mkdir()
    return Shell(home)


@pytest.fixture
def plane() -> Iterator[StandIn]:
    """A plane with one workspace, in which a project 'shop' has one environment and one deployment."""
    with stand_in() as plane:
        plane.answers["GET", "/auth/me"] = (200, me())
        plane.answers["GET", f"{TENANT}/projects"] = (200, {"items": [project()], "nextCursor": None})
        plane.answers["GET", f"{TENANT}/projects/{PROJECT}"] = (200, project() | detail())
        plane.answers["GET", f"{TENANT}/projects/{PROJECT}/deployments"] = (200, {"items": [deployment("running")]})
        plane.answers["GET", f"{TENANT}/deployments/{DEPLOYMENT}"] = (200, deployment("running") | events())
        yield plane


def streamed(plane: StandIn, *texts: str, ended: dict[str, Any] | None) -> None:
    """Let the deployment's stream tell ``texts``, and that it ended; or only keep silent behind them."""

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for seq, text in enumerate(texts, 1):
            log = {"type": "log", "seq": seq, "at": AT, "stream": "stdout", "step": "build", "text": text}
            handler.wfile.write(f"id: {seq}\ndata: {json.dumps(log)}\n\n".encode())
        if ended:
            done = {"type": "done", "seq": len(texts), "status": ended["status"]}
            handler.wfile.write(f"data: {json.dumps(done)}\n\n".encode())
        else:
            handler.rfile.read(1)

    plane.answers["GET", f"{TENANT}/deployments/{DEPLOYMENT}/stream"] = answer
    if ended:
        plane.answers["GET", f"{TENANT}/deployments/{DEPLOYMENT}"] = (200, ended)


def as_insider(plane: StandIn) -> dict[str, str]:
    return {"SHIPBOOK_API_URL": plane.url, "SHIPBOOK_TOKEN": "shpat_x"}


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=insider", "-c", "user.email=insider@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def repository(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Begin")
    return folder


def test_help_and_servers_do_not_load_the_client() -> None:
    heavy = "httpx", "rich.console", "litestar", "psycopg", "services.client"
    script = f"import sys, services.cli; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_help_teaches_with_examples(shell: Shell) -> None:
    shown = shell.run("deploy", "--help")
    assert shown.returncode == 0
    assert "$ shipbook deploy --env staging" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_an_unusable_setting_is_refused_with_status_2(shell: Shell) -> None:
    shown = shell.run("up", "--http", "nowhere")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "--http is 'nowhere'" in shown.stderr


def test_the_clients_variables_are_no_settings_of_the_plane(shell: Shell) -> None:
    shown = shell.run("up", "--http", "nowhere", SHIPBOOK_TOKEN="shpat_x", SHIPBOOK_API_URL="http://127.0.0.1:1")
    assert "--http is 'nowhere'" in shown.stderr


def test_without_a_login_it_says_how_to_get_one(shell: Shell) -> None:
    shown = shell.run("status")
    assert shown.returncode == 3
    assert "shipbook login" in shown.stderr


def test_a_token_is_kept_for_its_owner_alone_and_goes_to_its_plane_alone(shell: Shell, plane: StandIn) -> None:
    entered = shell.run("login", "--api-url", plane.url, "--with-token", given="shpat_mine\n")
    assert entered.returncode == 0, entered.stderr

    file = shell.home / ".config" / "shipbook" / "login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listed = shell.run("deployments")
    assert "DEP-0042" in listed.stdout, listed.stderr
    assert plane.asked[-1].headers["Authorization"] == "Bearer shpat_mine"
    assert shell.run("deployments", "--api-url", "http://127.0.0.1:1").returncode == 3


def test_a_password_buys_a_token_and_is_not_kept(shell: Shell, plane: StandIn) -> None:
    plane.answers["POST", "/auth/login"] = (200, me())
    token = {"id": "t", "tenantId": "w", "name": "n", "scope": "admin", "createdAt": AT, "expiresAt": AT}
    token |= {"projectIds": None, "lastUsedAt": None, "lastUsedFrom": None}
    plane.answers["POST", "/account/api-tokens"] = (201, token | {"token": "shpat_made"})
    plane.answers["POST", "/auth/logout"] = (200, {})

    entered = shell.run("login", "--api-url", plane.url, "--email", "insider@example.com", given="correct horse\n")

    assert entered.returncode == 0, entered.stderr
    assert plane.asked[0].body == {"email": "insider@example.com", "password": "correct horse"}
    kept = json.loads((shell.home / ".config" / "shipbook" / "login.json").read_text())
    assert kept == {"apiUrl": plane.url, "token": "shpat_made", "email": "insider@example.com"}


def test_a_plane_that_is_named_by_its_directory_needs_no_login(shell: Shell, plane: StandIn) -> None:
    directory = shell.home / ".shipbook"
    directory.mkdir()
    (directory / "credentials.json").write_text(json.dumps({"apiUrl": plane.url, "token": "shpat_x", "password": "p"}))
    assert "DEP-0042" in shell.run("deployments").stdout


def test_json_is_all_that_goes_to_standard_output(shell: Shell, plane: StandIn) -> None:
    shown = shell.run("deployments", "--json", **as_insider(plane))
    assert [one["ref"] for one in json.loads(shown.stdout)] == ["DEP-0042"]


def test_lists_are_plain_columns_where_no_terminal_is(shell: Shell, plane: StandIn) -> None:
    shown = shell.run("deployments", **as_insider(plane))
    heading, row = shown.stdout.splitlines()
    assert heading.split()[:3] == ["DEPLOYMENT", "PROJECT", "STATUS"]
    assert row.split()[:3] == ["DEP-0042", "shop", "running"]
    assert row.isprintable()


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(shell: Shell, plane: StandIn) -> None:
    shown = shell.run("releases", "-p", "shpo", **as_insider(plane))
    assert shown.returncode == 2
    assert "There is no project 'shpo'. Did you mean shop?" in shown.stderr


def test_a_deployment_is_found_by_its_number(shell: Shell, plane: StandIn) -> None:
    plane.answers["POST", f"{TENANT}/deployments/{DEPLOYMENT}/cancel"] = (200, deployment("cancelled"))
    assert "DEP-0042 is cancelled" in shell.run("cancel", "42", "--reason", "why", **as_insider(plane)).stdout
    assert plane.asked[-1].body == {"reason": "why"}
    missing = shell.run("cancel", "DEP-0043", **as_insider(plane))
    assert missing.returncode == 2
    assert "The newest is DEP-0042." in missing.stderr


def test_a_followed_deployment_that_succeeds_ends_with_its_address(shell: Shell, plane: StandIn) -> None:
    ended = deployment("succeeded", finishedAt="2026-01-01T00:00:09Z") | events(("build", 1500))
    streamed(plane, "hello \x1b[31mred\x1b[0m", "\x1b]0;title\x07safe", ended=ended)
    plane.answers["POST", f"{TENANT}/deployments/{DEPLOYMENT}/retry"] = (201, deployment("queued"))

    shown = shell.run("retry", "42", **as_insider(plane))

    assert shown.returncode == 0, shown.stderr
    assert "▸ build\nhello red\nsafe\nbuild 1.5 s\n" in shown.stdout
    assert shown.stdout.endswith("✓ DEP-0042 is live after 9.0 s: http://shop.localhost\n")


def test_a_followed_deployment_that_fails_ends_with_the_reason_and_status_1(shell: Shell, plane: StandIn) -> None:
    ended = deployment("failed", step="build", exitCode=2, error="The build failed.") | events()
    streamed(plane, "oops", ended=ended)
    plane.answers["POST", f"{TENANT}/deployments/{DEPLOYMENT}/retry"] = (201, deployment("queued"))

    shown = shell.run("retry", "42", "--json", **as_insider(plane))

    assert shown.returncode == 1
    assert [json.loads(line)["type"] for line in shown.stdout.splitlines()] == [
        "deployment",
        "log",
        "done",
        "deployment",
    ]
    assert "failed in build (exit status 2): The build failed." in shown.stderr


def test_ctrl_c_stops_watching_and_says_how_to_go_on(shell: Shell, plane: StandIn) -> None:
    streamed(plane, "first line", ended=None)
    plane.answers["POST", f"{TENANT}/deployments/{DEPLOYMENT}/retry"] = (201, deployment("queued"))
    watching = subprocess.Popen(
        shell.command("retry", "42"),
        env=shell.environ | as_insider(plane),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert watching.stdout is not None
    while "first line" not in watching.stdout.readline():
        assert watching.poll() is None
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=20)

    assert watching.returncode == 130
    assert "DEP-0042 goes on." in errors
    assert "shipbook cancel DEP-0042" in errors


def test_a_secrets_value_comes_from_standard_input(shell: Shell, plane: StandIn) -> None:
    kept = {"id": "s", "name": "KEY", "scope": "project", "projectId": PROJECT, "environmentId": None, "version": 1}
    kept |= {"value": "••••••••", "fingerprint": "f", "createdAt": AT, "updatedAt": AT, "updatedBy": "insider"}
    plane.answers["GET", f"{TENANT}/secrets"] = (200, {"items": []})
    plane.answers["POST", f"{TENANT}/secrets"] = (201, kept)

    shown = shell.run("secrets", "set", "KEY", "-p", "shop", given="two\nlines\n", **as_insider(plane))

    assert shown.returncode == 0, shown.stderr
    assert plane.asked[-1].body["value"] == "two\nlines"
    assert "lines" not in shown.stdout + shown.stderr


def test_a_deploy_outside_a_repository_says_where_to_go(shell: Shell, plane: StandIn) -> None:
    shown = shell.run("deploy", **as_insider(plane))
    assert shown.returncode == 2
    assert "is in no git repository" in shown.stderr


def test_a_first_deploy_makes_connection_project_and_environment(shell: Shell, plane: StandIn, tmp_path: Path) -> None:
    folder = repository(tmp_path / "Site", {"index.html": "<h1>hi</h1>", "web/index.html": "x"})
    (folder / "index.html").write_text("changed")
    connections = f"{TENANT}/repository-connections"
    connection = {"id": "new", "name": "site", "url": str(folder), "hasCredential": False, "createdAt": AT}
    staging = {"id": "e2", "name": "staging", "branch": "main", "label": "l", "url": "u", "activeReleaseId": None}
    plane.answers["GET", connections] = (200, {"items": []})
    plane.answers["POST", connections] = (201, connection)
    plane.answers["POST", f"{TENANT}/projects/detect"] = (200, DETECTED)
    plane.answers["POST", f"{TENANT}/projects"] = (201, project() | detail())
    plane.answers["POST", f"{TENANT}/projects/{PROJECT}/environments"] = (201, staging | {"createdAt": AT} | TURNS)
    triggered = f"{TENANT}/projects/{PROJECT}/environments/e2/deployments"
    plane.answers["POST", triggered] = (201, deployment("queued"))

    arguments = ("deploy", "--repo", str(folder), "--env", "staging", "--no-follow", "--json")
    shown = shell.run(*arguments, **as_insider(plane))

    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["ref"] == "DEP-0042"
    bodies = {asked.path: asked.body for asked in plane.asked if asked.method == "POST"}
    assert bodies[connections]["url"] == str(folder)
    made = bodies[f"{TENANT}/projects"]
    assert (made["name"], made["type"], made["productionBranch"]) == ("Site", "static", "main")
    assert triggered in bodies
    assert "1 file here is not committed" in shown.stderr
    assert "so the type is static (index.html is a page)" in shown.stderr


DETECTED: dict[str, Any] = {
    **dict.fromkeys(("install", "build", "start", "installCommand", "buildCommand", "startCommand")),
    **dict.fromkeys(("output", "outputDirectory", "packageManager", "nodeVersion")),
    "type": "static",
    "runsServer": False,
    "rootDirectory": "",
    "framework": None,
    "confidence": 0.9,
    "evidence": [{"file": "index.html", "reason": "is a page"}],
    "candidates": [],
    "commit": "c0ffee" * 7,
}


def test_detect_shows_what_the_plane_found(shell: Shell, plane: StandIn, tmp_path: Path) -> None:
    folder = repository(tmp_path / "site", {"index.html": "x"})
    connections = f"{TENANT}/repository-connections"
    connection = {"id": "c", "name": "site", "url": str(folder), "hasCredential": False, "createdAt": AT}
    plane.answers["GET", connections] = (200, {"items": [connection]})
    plane.answers["POST", f"{TENANT}/projects/detect"] = (200, DETECTED | {"type": "node", "start": "node x.js"})

    shown = shell.run("detect", "--repo", str(folder), **as_insider(plane))

    assert shown.returncode == 0, shown.stderr
    assert plane.asked[-1].body == {"repositoryConnectionId": "c", "branch": "main", "rootDirectory": ""}
    assert "start          node x.js" in shown.stdout
    assert "index.html  is a page" in shown.stdout


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"type": None}, "do not show what it is. Say it: --type static, react, node or python; or another --root."),
        (
            {"rootDirectory": "web", "candidates": [{"rootDirectory": "api", "type": "node", "framework": None}]},
            "holds several applications: web, api. Choose with --root.",
        ),
    ],
)
def test_a_deploy_of_what_is_not_clear_asks(
    shell: Shell, plane: StandIn, tmp_path: Path, found: dict[str, Any], sentence: str
) -> None:
    folder = repository(tmp_path / "site", {"README.md": "x"})
    connection = {"id": "another", "name": "site", "url": str(folder), "hasCredential": False, "createdAt": AT}
    plane.answers["GET", f"{TENANT}/repository-connections"] = (200, {"items": [connection]})
    plane.answers["POST", f"{TENANT}/projects/detect"] = (200, DETECTED | found)

    shown = shell.run("deploy", "--repo", str(folder), **as_insider(plane))

    assert shown.returncode == 2
    assert sentence in shown.stderr


def test_a_folder_of_a_repository_is_found_with_its_branch_and_remote(tmp_path: Path) -> None:
    folder = repository(tmp_path / "mono", {"apps/web/index.html": "x"})
    git(folder, "checkout", "--quiet", "-b", "next")
    git(folder, "remote", "add", "origin", "https://insider:secret@example.com/mono.git")
    checkout = look(folder / "apps" / "web")
    assert checkout is not None
    assert (checkout.root, checkout.folder, checkout.branch) == (folder, "apps/web", "next")
    assert checkout.remote_url == "https://example.com/mono.git"
    assert checkout.changed == 0


@pytest.mark.parametrize(
    ("text", "plain", "coloured"),
    [
        ("\x1b[1;32mok\x1b[0m", "ok", "\x1b[1;32mok\x1b[0m\x1b[0m"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x07", "link", "link"),
        ("\x1b]52;c;cm0gLXJm\x07clip", "clip", "clip"),
        ("\x1b[2J\x1b[H\x1b[?1049hgone\x1b[6n", "gone", "gone"),
        ("\x9b31mC1\x9d0;t\x9cx", "C1x", "C1x"),
        ("10%\r100%\r\n", "10% 100%", "10% 100%"),
        ("\x1bPq#0;2;0\x1b\\sixel\x07\x08\x00", "sixel", "sixel"),
        ("tab\there ✓ 日本", "tab\there ✓ 日本", "tab\there ✓ 日本"),
    ],
)
def test_what_steers_a_terminal_is_taken_out_of_a_line(text: str, plain: str, coloured: str) -> None:
    assert cleaned(text) == plain
    assert cleaned(text, colours=True) == coloured
