"""The command line against a whole plane: what a user types on the first day, and what then happens."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from services.programs import Program, running

pytestmark = [pytest.mark.xdist_group("another plane"), pytest.mark.timeout(180)]

SLOW_BUILD = "#!/bin/sh\nfor line in $(seq 1 300); do echo line $line; done\nmkdir -p out && cp index.html out/\n"


class User:
    """Somebody with an empty home, who stands where the plane's directory is."""

    def __init__(self, home: Path, edge: str) -> None:
        self.home = home
        self.edge = edge
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(home), "SHIPBOOK_DATA_DIR": str(home / "plane")}

    def types(self, *arguments: str, given: str = "", status: int = 0, cwd: Path | None = None) -> str:
        """Run ``shipbook``; all that it says, once its exit status is the expected one."""
        done = self._run(*arguments, given=given, cwd=cwd)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def reads(self, *arguments: str) -> Any:
        """Run ``shipbook`` for its JSON."""
        done = self._run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def reads_lines(self, *arguments: str) -> list[Any]:
        """Run ``shipbook`` for its lines of JSON."""
        done = self._run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _run(self, *arguments: str, given: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services", *arguments],
            cwd=cwd or self.home,
            env=self.environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def sees(self, url: str) -> str:
        """The page at ``url``, by its host name at the edge."""
        headers = {"Host": urlsplit(url).netloc}
        return httpx.get(f"http://{self.edge}/", headers=headers, trust_env=False).text

    def commits(self, folder: Path, files: dict[str, str]) -> None:
        """Write files and commit them, in a new repository where there is none."""
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content)
        who = ["-c", "user.name=insider", "-c", "user.email=insider@example.com"]
        for command in (
            ["init", "--quiet", "--initial-branch=main"],
            ["add", "--all"],
            ["commit", "--quiet", "-m", "x"],
        ):
            subprocess.run(["git", *who, *command], cwd=folder, env=self.environ, check=True)


def free_address() -> str:
    with socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture(scope="module")
def insider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    home = tmp_path_factory.mktemp("insider")
    http, edge = free_address(), free_address()
    insider = User(home, edge)

    async def ready() -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
                return (await client.get(f"http://{http}/ready")).is_success
        except httpx.HTTPError:
            return False

    up = Program(
        name="shipbook up",
        argv=(sys.executable, "-m", "services", "up", "--http", http, "--edge", edge),
        environ=insider.environ | {"SHIPBOOK_ALLOW_LOCAL_REPOSITORIES": "true"},
        ready=ready,
        ready_seconds=90,
        grace_seconds=60,
    )
    with running(up, home / "up.log"):
        yield insider


def test_a_site_is_deployed_changed_and_rolled_back(insider: User) -> None:
    site = insider.home / "site"
    insider.commits(site, {"index.html": "<h1>one</h1>"})

    found = insider.reads("detect", "--repo", str(site))
    assert (found["type"], found["evidence"]) == ("static", [{"file": "index.html", "reason": "is a page"}])
    shown = insider.types("deploy", cwd=site)
    assert "so the type is static (index.html is a page)" in shown
    url = re.findall(r"is live after .*: (http\S+)", shown)[0]
    assert insider.sees(url) == "<h1>one</h1>"

    insider.commits(site, {"index.html": "<h1>two</h1>"})
    insider.types("deploy", "--note", "another heading", cwd=site)
    assert insider.sees(url) == "<h1>two</h1>"

    shown = insider.types("rollback", "--project", "site", "--reason", "one was better")
    assert "is live again" in shown
    assert insider.sees(url) == "<h1>one</h1>"

    status = insider.reads("status")
    assert status["health"]["status"] == "ok"
    assert status["projects"][0]["environments"][0]["runtime"]["urls"] == [url]
    releases = insider.reads("releases", "-p", "site")
    assert [one["active"] for one in releases] == [False, True]
    assert [one["note"] for one in insider.reads("deployments", "-p", "site")] == [
        "another heading",
        None,
    ]


def test_a_new_environment_follows_its_own_branch_from_a_folder_of_the_repository(insider: User) -> None:
    shop = insider.home / "shop"
    insider.commits(shop, {"README": "x"})
    (shop / "web").mkdir()
    insider.commits(shop, {"web/index.html": "<h1>shop</h1>"})

    shown = insider.types("deploy", "--env", "staging", cwd=shop / "web")

    assert "Made the static project web" in shown
    assert "Made the environment staging of web; it follows main." in shown
    url = re.findall(r"is live after .*: (http\S+)", shown)[0]
    assert "staging" in url
    assert insider.sees(url) == "<h1>shop</h1>"
    assert "Made" not in insider.types("deploy", "--env", "staging", "--no-follow", cwd=shop)


def test_a_build_that_fails_ends_with_status_1_the_reason_and_its_whole_log(insider: User) -> None:
    broken = insider.home / "broken"
    insider.commits(broken, {"index.html": "x", "build.sh": SLOW_BUILD + "exit 7\n"})

    shown = insider.types("deploy", "--build", "sh build.sh", "--output", "out", cwd=broken, status=1)
    assert "failed in build (exit status 7)" in shown
    assert "\nline 300\n" in shown

    ref = re.findall(r"DEP-\d+", shown)[0]
    lines = insider.reads_lines("logs", ref)
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["text"] for line in lines if line["stream"] == "stdout"] == [f"line {n}" for n in range(1, 301)]
    assert insider.reads_lines("logs", ref, "-f", "--after", "100") == lines[100:]


def test_secrets_are_set_listed_and_removed_without_being_shown(insider: User) -> None:
    shown = insider.types("secrets", "set", "API_KEY", given="a very secret value\n")
    shown += insider.types("secrets", "set", "API_KEY", given="another secret value\n")
    shown += str(insider.reads("secrets", "list"))
    shown += insider.types("secrets", "rm", "API_KEY")
    assert "version 2" in shown
    assert "secret value" not in shown
    assert insider.reads("secrets", "list") == []


def test_a_login_by_password_is_enough_for_the_days_to_come(insider: User, tmp_path: Path) -> None:
    credentials = json.loads((insider.home / "plane" / "credentials.json").read_text())
    elsewhere = User(tmp_path, insider.edge)
    login = ("login", "--api-url", credentials["apiUrl"], "--email", credentials["email"])
    assert "You are" in elsewhere.types(*login, given=credentials["password"])
    assert elsewhere.reads("status")["apiUrl"] == credentials["apiUrl"]
    elsewhere.types("logout")
    elsewhere.types("status", status=3)


def test_an_operator_sees_how_far_read_models_are_and_grows_one_again(insider: User) -> None:
    models = [one["model"] for one in insider.reads("ops", "lag")]
    assert "deployments" in models
    assert "Rebuilt: deployments." in insider.types("ops", "rebuild", "deployments")
    assert "There is no read model nonsense" in insider.types("ops", "rebuild", "nonsense", status=2)
