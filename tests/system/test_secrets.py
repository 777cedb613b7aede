"""A secret's value is where it is needed, and nowhere else but sealed."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import psutil
import pytest

from adapters.settings import Settings
from services.embedded import _postgres_binary
from tests.adapters import git_server
from tests.system import repositories
from tests.system.planes import App, Plane, running, until
from tests.system.repositories import repository
from tests.trees import contents

pytestmark = [pytest.mark.xdist_group("another plane"), pytest.mark.timeout(300)]

ROUTES = Path(__file__).parents[1] / "golden" / "routes.txt"
NOTHING = "01a2016c-0404-7fcd-9139-beaeb4d2b2ff"
"""The id of what there is none of."""

TELLTALE = """
import base64, json, os, sys, time
from urllib.parse import quote, quote_plus

for name in ("NARROW", "MIDDLE", "WIDE"):
    value = os.environ[name]
    print(name, "length", len(value))
    for before in range(3):
        print(name, "base64", before, base64.b64encode(b"x" * before + value.encode() + b"y").decode())
        print(name, "base64url", before, base64.urlsafe_b64encode(b"x" * before + value.encode()).decode())
    for spelled in (value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)):
        print(name, "spelled", spelled, file=sys.stderr)
    print(name, "hex", value.encode().hex())
    print(name, "split", value[:9], end="", flush=True)
    time.sleep(0.7)
    print(value[9:], flush=True)
if "--fail" in sys.argv:
    sys.exit("cannot go on with " + os.environ["NARROW"])
"""

APPLICATION = """
import os, runpy
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return " ".join(str(len(os.environ[name])) for name in ("NARROW", "MIDDLE", "WIDE"))


@app.get("/tell")
def tell():
    runpy.run_path("telltale.py")
    return "told"
"""


def value(length: int) -> str:
    """A value that looks different in each spelling, and long enough never to come about by itself."""
    return f'{token_hex(20)}/+"\\%&ü {token_hex(40)}'[:length]


def spellings(secret: str) -> Iterator[bytes]:
    """All ways in which the value could be written down; of base64 only what does not depend on the neighbours."""
    raw = secret.encode()
    yield from (raw, raw.hex().encode(), json.dumps(secret)[1:-1].encode())
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield from (quote(secret, safe="").encode(), quote(secret).encode(), quote_plus(secret).encode())
    for before, encode in product(range(3), (base64.b64encode, base64.urlsafe_b64encode)):
        yield encode(b"x" * before + raw)[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]


@dataclass
class Kept:
    """A plane in which secrets are kept, and all that may be told of them to nobody."""

    plane: Plane
    secrets: dict[str, str] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    """Every answer of the API."""

    def hear(self, answer: httpx.Response) -> None:
        self.heard.append(repr(answer.headers.raw).encode() + answer.read())

    def found_in(self, content: bytes) -> list[str]:
        """The names of the values that are in ``content`` in any spelling."""
        return [name for name, secret in self.secrets.items() if any(way in content for way in spellings(secret))]

    def files(self) -> dict[str, list[str]]:
        """The files of the plane that give something away. The credentials' file is meant to."""
        found = {}
        for file, content in contents(self.plane.directory.parent):
            if file.name != "credentials.json" and (names := self.found_in(content)):
                found[str(file.relative_to(self.plane.directory.parent))] = names
        return found

    def processes(self) -> dict[str, list[str]]:
        """The processes that give something away by their arguments, and those of the plane by their environment."""
        found = {}
        for process in psutil.process_iter():
            proc = Path(f"/proc/{process.pid}")
            try:
                arguments = (proc / "cmdline").read_bytes()
                told = arguments + ((proc / "environ").read_bytes() if self._is_ours(arguments) else b"")
            except OSError:
                continue
            if names := self.found_in(told):
                found[arguments.decode(errors="replace")] = names
        return found

    def _is_ours(self, arguments: bytes) -> bool:
        return b"services" in arguments or b"keeper" in arguments

    def dump(self) -> bytes:
        """The whole database, as ``pg_dump`` writes it."""
        sockets = Settings(data_dir=self.plane.directory).sockets_dir
        words = (_postgres_binary("pg_dump"), "--host", str(sockets), "--username", "shipbook", "shipbook")
        return subprocess.run(words, check=True, capture_output=True, timeout=60).stdout


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with running(tmp_path_factory.mktemp("secrets") / "data") as plane:
        found = Kept(plane)
        plane.api.client.event_hooks = {"response": [found.hear]}
        yield found


@dataclass
class Told:
    """An application that has secrets of all scopes and tells them wherever it can."""

    app: App
    directory: Path
    built: dict[str, Any]
    seen_while_building: list[dict[str, list[str]]]


@pytest.fixture(scope="module")
def told(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Told:
    plane = kept.plane
    files = repositories.flask() | {"app.py": APPLICATION, "telltale.py": TELLTALE}
    directory = repository(tmp_path_factory.mktemp("told") / "app", files)
    app = plane.api.project(directory, "python", "told", buildCommand="python telltale.py")
    project, environment = {"projectId": app.id}, {"projectId": app.id, "environmentId": app.environment}
    lengths = iter(range(50, 60))
    for name, places in {
        "WIDE": ({},),
        "MIDDLE": ({}, project),
        "NARROW": ({}, project, environment),
    }.items():
        for place in places:
            secret = kept.secrets[f"{name} {len(place)}"] = value(next(lengths))
            plane.api.send("POST", "/secrets", {"name": name, "value": secret, **place})
    deployment = app.trigger()
    until(lambda: "NARROW length" in app.text(deployment), 120, "the build does not begin")
    seen = [kept.processes(), kept.files()]
    ended = app.ended(deployment)
    assert ended["status"] == "succeeded", app.text(ended)
    return Told(app, directory, ended, seen)


def test_the_build_and_the_application_see_the_value_of_the_narrowest_scope(kept: Kept, told: Told) -> None:
    log = told.app.text(told.built)
    for name, length in {"WIDE": 50, "MIDDLE": 52, "NARROW": 55}.items():
        assert f"{name} length {length}" in log
    told.app.shows("55 52 50")


def test_a_build_that_prints_a_secret_shows_a_mask_in_every_spelling(kept: Kept, told: Told) -> None:
    log = told.app.text(told.built)
    assert kept.found_in(log.encode()) == []
    printed = [line for line in log.splitlines() if re.match(r"(NARROW|MIDDLE|WIDE) (?!length)", line)]
    assert len(printed) == 3 * (6 + 5 + 2)
    assert [line for line in printed if "***" not in line] == []
    for name in ("NARROW", "MIDDLE", "WIDE"):
        assert f"{name} split ***" in log


def test_an_application_that_prints_a_secret_shows_a_mask_in_its_log(kept: Kept, told: Told) -> None:
    path = f"/releases/{told.built['releaseId']}/runtime-logs"
    assert kept.plane.page(told.app.host, "/tell").text == "told"

    def logged() -> str:
        text = "\n".join(line["text"] for line in kept.plane.api.send("GET", path)["items"])
        return text if "WIDE split ***" in text else ""

    text = until(logged, 10, "what was told is not in the log")
    assert kept.found_in(text.encode()) == []
    assert text.count("***") >= 3 * (6 + 5 + 2)


def test_a_build_that_fails_with_a_secret_in_its_last_words_does_not_tell_it(kept: Kept, told: Told) -> None:
    kept.plane.api.send("PATCH", f"/projects/{told.app.id}/build-config", {"build": "python telltale.py --fail"})

    ended = told.app.ended(told.app.trigger())

    assert ended["status"] == "failed"
    assert "cannot go on with ***" in told.app.text(ended)
    assert kept.found_in(json.dumps(ended).encode()) == []


def test_a_credential_opens_its_repository_and_is_told_to_nobody(kept: Kept, tmp_path: Path) -> None:
    token = kept.secrets["credential"] = f"t:k/{token_hex(20)}@"
    kept.secrets["wrong credential"] = f"t:k/{token_hex(20)}@"
    git_server.repository(tmp_path / "private", repositories.static("private"))
    api = kept.plane.api
    with git_server.serving(tmp_path, f"ada:{token}") as (address, _):
        ended = []
        for name in ("credential", "wrong credential"):
            key = {"url": f"{address}/private/.git", "credential": {"username": "ada", "token": kept.secrets[name]}}
            connection = api.send("POST", "/repository-connections", {"name": name, **key})
            body = {"name": name, "type": "static", "repositoryConnectionId": connection["id"]}
            app = App(api, api.send("POST", "/projects", body))
            ended.append(app.ended(app.trigger()))

    assert [one["status"] for one in ended] == ["succeeded", "failed"]
    assert "refused the credential" in ended[1]["error"]


def test_a_value_is_found_in_no_file_of_the_plane_and_not_in_its_database(kept: Kept, told: Told) -> None:
    rotated = next(one for one in kept.plane.api.send("GET", "/secrets")["items"] if one["name"] == "WIDE")
    kept.secrets["rotated"] = value(60)
    kept.plane.api.send("PATCH", f"/secrets/{rotated['id']}", {"value": kept.secrets["rotated"]})
    key_file = kept.plane.directory / "master.key"
    former = key_file.read_bytes()
    imported(kept)
    printed = b"".join(rotate_keys(kept, *options) for options in ((), ("--all",)))

    dump = kept.dump()

    assert b"secret.rotated" in dump
    assert b"keyring.data-key-rotated" in dump
    assert kept.found_in(dump + printed) == []
    masters = {key_file.read_bytes()[:32], former}
    assert len(masters) == 2
    for key in masters:
        for spelled in (key, key.hex().encode(), base64.b64encode(key)):
            assert spelled not in dump + printed + b"".join(kept.heard)
    assert kept.files() == {}
    assert kept.processes() == {}
    assert told.seen_while_building == [{}, {}]


def imported(kept: Kept) -> None:
    """Secrets are imported, once with a line that cannot be used."""
    for name in ("imported", "refused"):
        kept.secrets[name] = value(57).replace('"', "'").replace("\\", "/")
        content = f'IMPORTED="{kept.secrets[name]}"\n' + (f"{kept.secrets[name]}\n" if name == "refused" else "")
        answer = kept.plane.api.client.post(
            f"http://{kept.plane.http}/tenants/{kept.plane.api.tenant}/secrets/import", json={"content": content}
        )
        assert answer.status_code == (400 if name == "refused" else 200)


def rotate_keys(kept: Kept, *options: str) -> bytes:
    """Exchange keys as an operator does; what the command printed."""
    words = (sys.executable, "-m", "services", "ops", "keys", "rotate", *options, "--data-dir", kept.plane.directory)
    done = subprocess.run(words, check=True, capture_output=True, timeout=60)
    return done.stdout + done.stderr


def test_a_value_is_in_no_answer_of_any_route(kept: Kept, told: Told) -> None:
    api = kept.plane.api
    ids = {
        "tenant_id": [api.tenant],
        "project_id": [one["id"] for one in api.send("GET", "/projects")["items"]],
        "environment_id": [told.app.environment],
        "release_id": [told.built["releaseId"]],
        "deployment_id": [
            one["id"]
            for project in api.send("GET", "/projects")["items"]
            for one in api.send("GET", f"/projects/{project['id']}/deployments")["items"]
        ],
        "secret_id": [one["id"] for one in api.send("GET", "/secrets")["items"]],
        "workspace_id": [api.tenant],
    }
    asked = [line.removeprefix("GET ") for line in ROUTES.read_text().splitlines() if line.startswith("GET ")]
    answered = {route: walk(kept, route, ids) for route in asked}

    unanswered = [route for route, statuses in answered.items() if 200 not in statuses]
    for_sessions = [route for route in unanswered if {*re.findall(r"{(\w+)}", route)} <= {*ids}]
    assert {route.split("/")[1] for route in for_sessions} == {"account", "operator"}
    assert {route: ask_in_session(kept, route, ids) for route in for_sessions} == dict.fromkeys(for_sessions, 200)
    assert len(kept.heard) > len(asked)
    assert kept.found_in(b"\n".join(kept.heard)) == []
    assert b"***" in b"\n".join(kept.heard)


def ask_in_session(kept: Kept, route: str, ids: dict[str, list[str]]) -> int:
    """Ask the route as the administrator who has signed in; the answer's status."""
    credentials = {name: kept.plane.credentials[name] for name in ("email", "password")}
    with httpx.Client(base_url=f"http://{kept.plane.http}", event_hooks={"response": [kept.hear]}) as client:
        client.headers["Sec-Fetch-Site"] = "same-origin"
        assert client.post("/auth/login", json=credentials).is_success
        return client.get(route.format(**{name: values[0] for name, values in ids.items()})).status_code


def walk(kept: Kept, route: str, ids: dict[str, list[str]]) -> set[int]:
    """Ask the route with each combination of ids, page by page; the statuses of the answers."""
    names = re.findall(r"{(\w+)}", route)
    statuses = set()
    for values in product(*(ids.get(name, [NOTHING]) for name in names)):
        path = route.format(**dict(zip(names, values, strict=True)))
        if path.endswith("/stream"):
            statuses.add(listen(kept, path))
            continue
        query: dict[str, str] | None = {}
        while query is not None:
            answer = kept.plane.api.client.get(f"http://{kept.plane.http}{path}", params=query)
            statuses.add(answer.status_code)
            is_page = answer.headers["content-type"] == "application/json" and "nextCursor" in answer.json()
            cursor = answer.json()["nextCursor"] if is_page else None
            query = {"cursor": cursor} if cursor else None
    return statuses


def listen(kept: Kept, path: str) -> int:
    """Read a stream to its end, or for a second where the application still runs."""
    headers = kept.plane.api.client.headers
    heard = bytearray()
    with (
        httpx.Client(headers=headers, timeout=1) as client,
        client.stream("GET", f"http://{kept.plane.http}{path}") as s,
    ):
        try:
            for data in s.iter_raw():
                heard += data
        except httpx.ReadTimeout:
            pass
    kept.heard.append(bytes(heard))
    return s.status_code


def test_the_administrators_credentials_are_in_their_file_alone_which_nobody_else_may_read(kept: Kept) -> None:
    file = kept.plane.directory / "credentials.json"
    assert file.stat().st_mode & 0o777 == 0o600
    credentials = kept.plane.credentials
    mine = Kept(kept.plane, {name: credentials[name] for name in ("password", "token")})

    assert mine.found_in(file.read_bytes()) == ["password", "token"]
    assert mine.files() == {}
    assert mine.found_in(mine.dump()) == []
    assert mine.processes() == {}
    assert mine.found_in(b"\n".join(kept.heard)) == []
