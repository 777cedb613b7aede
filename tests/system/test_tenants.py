"""Workspaces on one plane do not see each other, and do not stand in each other's way."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import repositories
from tests.system.guests import Guest
from tests.system.planes import App, Plane
from tests.system.repositories import repository

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(300)]

NOTHING = "01a2016c-0404-7fcd-9139-beaeb4d2b2ff"
ROUTES = Path(__file__).parents[1] / "golden" / "routes.txt"


@pytest.fixture
def guests(plane: Plane) -> Iterator[tuple[Guest, Guest]]:
    found = Guest(plane, "ada"), Guest(plane, "eve")
    yield found
    for guest in found:
        guest.client.close()


def live(guest: Guest, directory: Path, text: str, name: str) -> App:
    """A page of the guest's that is live."""
    app = guest.project(repository(directory, repositories.static(text)), "static", name)
    app.deploy()
    app.shows(text)
    return app


def test_projects_of_the_same_name_live_side_by_side_at_hosts_of_their_own(
    guests: tuple[Guest, Guest], tmp_path: Path
) -> None:
    ada, eve = guests
    adas = live(ada, tmp_path / "ada", "of ada", "neighbours")
    eves = live(eve, tmp_path / "eve", "of eve", "neighbours")

    assert adas.host == "neighbours.localhost"
    assert re.fullmatch(r"neighbours-[a-z0-9]+\.localhost", eves.host)
    adas.shows("of ada")
    eves.shows("of eve")


def test_another_workspaces_things_are_found_by_no_route(guests: tuple[Guest, Guest], tmp_path: Path) -> None:
    ada, eve = guests
    app = live(ada, tmp_path / "ada", "of ada", "out-of-sight")
    [deployment] = ada.send("GET", f"/projects/{app.id}/deployments")["items"]
    secret = ada.send("POST", "/secrets", {"name": "KEY", "value": "of ada alone", "projectId": app.id})
    ids = defaultdict(lambda: NOTHING)  # of what is not made here
    ids |= {
        "project_id": app.id,
        "environment_id": app.environment,
        "deployment_id": deployment["id"],
        "release_id": deployment["releaseId"],
        "secret_id": secret["id"],
        "connection_id": ada.send("GET", "/repository-connections")["items"][0]["id"],
    }
    routes = [line.split(" ") for line in ROUTES.read_text().splitlines() if "{tenant_id}" in line]
    before = ada.send("GET", "/audit")

    for method, route in routes:
        answers = {}
        for tenant in (ada.tenant, eve.tenant):
            path = route.format_map(ids | {"tenant_id": tenant})
            if tenant == eve.tenant and route.count("{") == 1 and not route.endswith("/rollback"):
                continue  # a list, or a new thing of her own
            body = {"releaseId": deployment["releaseId"]} if route.endswith("/rollback") else sent(method, route)
            url = f"http://{eve.plane.http}{path}"
            answers[path] = eve.client.request(method, url, json=body, headers={"Accept": "application/json"})
        for path, answer in answers.items():
            foreign = ada.tenant in path
            assert answer.status_code in ({404} if foreign else {400, 404}), f"{method} {path}: {answer.text}"
        for answer in answers.values():
            assert app.host not in answer.text
            assert deployment["ref"] not in answer.text

    own = [route for method, route in routes if method == "GET" and route.count("{") == 1]
    assert len(own) > 10
    for route in own:
        shown = eve.client.get(f"http://{eve.plane.http}{route.format(tenant_id=eve.tenant)}").text
        assert not [one for one in ids.values() if one in shown]
    assert ada.send("GET", "/audit") == before
    app.shows("of ada")


def sent(method: str, route: str) -> dict[str, str] | None:
    """A body that the route would take from its owner."""
    if method not in {"POST", "PATCH"}:
        return None
    bodies = {
        "/projects/{project_id}/environments": {"name": "staging", "branch": "main"},
        "/environments/{environment_id}": {"label": "taken-over"},
        "/projects": {"name": "taken over", "type": "static", "repositoryConnectionId": "x"},
        "/repository-connections": {"url": "https://example.com/a/b"},
        "/secrets": {"name": "KEY", "value": "taken over"},
        "/secrets/{secret_id}": {"value": "taken over"},
    }
    return next((body for end, body in bodies.items() if route.endswith(end)), {})


def test_nothing_is_made_on_another_workspaces_things(guests: tuple[Guest, Guest], tmp_path: Path) -> None:
    ada, eve = guests
    directory = repository(tmp_path / "ada", repositories.static())
    app = ada.project(directory, "static", "built-upon")
    connection = ada.send("GET", "/repository-connections")["items"][0]["id"]
    for path, body in (
        ("/projects", {"name": "mine", "type": "static", "repositoryConnectionId": connection}),
        ("/secrets", {"name": "KEY", "value": "of eve", "projectId": app.id}),
        ("/secrets", {"name": "KEY", "value": "of eve", "projectId": app.id, "environmentId": app.environment}),
    ):
        refused = eve.client.post(path, json=body)
        assert refused.status_code == 404, (path, refused.text)


def test_a_taken_label_is_refused_without_telling_whose_it_is(guests: tuple[Guest, Guest], tmp_path: Path) -> None:
    ada, eve = guests
    adas = live(ada, tmp_path / "ada", "of ada", "first")
    eves = live(eve, tmp_path / "eve", "of eve", "second")
    label = adas.host.removesuffix(".localhost")

    path = f"/projects/{eves.id}/environments/{eves.environment}"
    refused = eve.client.patch(path, json={"label": label})

    assert refused.status_code == 409, refused.text
    assert ada.tenant not in refused.text
    adas.shows("of ada")
