"""Real repositories become live applications."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system import repositories
from tests.system.planes import Plane, until
from tests.system.repositories import built, commit, repository

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(300)]


def test_a_static_page_goes_live_changes_and_rolls_back(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "site", repositories.static("one"))
    app = plane.api.project(directory, "static", "static-page")

    first = app.deploy(note="the first")
    app.shows("<h1>one</h1>")
    assert plane.page(app.host, "/about").text == repositories.page("about one")

    commit(directory, repositories.static("two"), "Second version")
    second = app.deploy()
    app.shows("<h1>two</h1>")
    assert second["number"] == first["number"] + 1

    app.roll_back(first["releaseId"])
    app.shows("<h1>one</h1>")


def test_a_react_page_is_built_by_vite_and_answers_unknown_paths(plane: Plane, tmp_path: Path) -> None:
    app = plane.api.project(repository(tmp_path / "react", repositories.react("one")), "react", "react-page")

    ended = app.deploy()

    page = plane.page(app.host, "/a/path/of/the/application").text
    script = page.split('src="')[1].split('"')[0]
    assert "react one" in plane.page(app.host, script).text
    assert "vite build" in app.text(ended)


def test_an_express_server_goes_live_changes_and_rolls_back(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "express", repositories.express("one"))
    app = plane.api.project(directory, "node", "express-server")
    first = app.deploy()
    app.shows("express one")

    commit(directory, repositories.express("two"), "Second version")
    app.deploy()
    app.shows("express two")

    app.roll_back(first["releaseId"])
    app.shows("express one")


def test_a_flask_server_logs_its_lines_and_comes_back_after_a_crash(plane: Plane, tmp_path: Path) -> None:
    app = plane.api.project(repository(tmp_path / "flask", repositories.flask("one")), "python", "flask-server")
    ended = app.deploy()
    app.shows("flask one")

    plane.page(app.host, "/print/marker-4711")

    def logged() -> bool:
        page = plane.api.send("GET", f"/releases/{ended['releaseId']}/runtime-logs")
        return sum("marker-4711" in line["text"] and line["stream"] == "stderr" for line in page["items"]) >= 1

    until(logged, 10, "the application's line is not in its log")

    assert plane.page(app.host, "/crash").status_code in {502, 503}
    app.shows("flask one")


def test_several_instances_share_the_requests(plane: Plane, tmp_path: Path) -> None:
    files = repositories.flask("one") | {
        "app.py": "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
        "@app.get('/')\ndef index():\n    return 'port ' + os.environ['PORT']\n"
    }
    app = plane.api.project(repository(tmp_path / "several", files), "python", "several", instances=3)

    app.deploy()

    assert len(app.runtime()["instances"]) == 3
    seen: set[str] = set()
    until(lambda: seen.add(plane.page(app.host).text) or len(seen) == 3, 20, f"only {seen} answered")


def test_a_project_in_a_folder_of_a_monorepo_is_built_there(plane: Plane, tmp_path: Path) -> None:
    files = {"apps/web/index.html": repositories.page("from the folder"), "index.html": repositories.page("wrong")}
    directory = repository(tmp_path / "monorepo", files)
    app = plane.api.project(directory, "static", "monorepo", rootDirectory="apps/web")

    app.deploy()

    app.shows("from the folder")


def test_a_static_site_with_a_build_command_serves_its_output_directory(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "built", {"source.txt": "made by hand"})
    app = plane.api.project(
        directory,
        "static",
        "built-site",
        buildCommand="mkdir -p out && cp source.txt out/index.html",
        outputDirectory="out",
    )

    app.deploy()

    app.shows("made by hand")
    assert plane.page(app.host, "/source.txt").status_code == 404


def test_a_failing_build_says_why_and_keeps_the_exit_code(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "failing", built("echo about to fail && echo the reason >&2 && exit 7"))
    app = plane.api.project(directory, "react", "failing")

    ended = app.ended(app.trigger())

    assert (ended["status"], ended["step"], ended["exitCode"]) == ("failed", "build", 7)
    assert "exit code 7" in ended["error"]
    log = app.text(ended)
    assert log.index("about to fail") < log.index("the reason") < log.index("Failed: ")
    assert app.active() is None


def test_a_cancelled_build_leaves_no_process_a_second_later(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "hanging", built("echo begun; trap '' TERM; (setsid sleep 4711 &) ; sleep 4711"))
    app = plane.api.project(directory, "react", "hanging")
    deployment = app.trigger()
    until(lambda: "begun" in app.text(deployment), 60, "the build did not begin")

    plane.api.send("POST", f"/deployments/{deployment['id']}/cancel", {"reason": "it hangs"})

    ended = app.ended(deployment, 5)
    assert ended["status"] == "cancelled"
    until(lambda: not sleepers("4711"), 1, "a process of the build is left")
    until(lambda: "Cancelled." in app.text(deployment), 5, "the log does not say so")


def test_a_build_that_outlives_its_limit_is_stopped_and_the_log_says_so(
    plane_of_its_own: Callable[..., Plane], tmp_path: Path
) -> None:
    plane = plane_of_its_own(SHIPBOOK_BUILD_TIMEOUT_SECONDS="6")
    directory = repository(tmp_path / "hanging", built("echo begun; trap '' TERM; (setsid sleep 4712 &) ; sleep 4712"))
    app = plane.api.project(directory, "react", "hanging")

    ended = app.ended(app.trigger(), 60)

    assert (ended["status"], ended["step"]) == ("failed", "build")
    assert "took longer than 6 s and was stopped" in ended["error"]
    assert "took longer than 6 s and was stopped" in app.text(ended)
    until(lambda: not sleepers("4712"), 1, "a process of the build is left")


def test_a_server_that_crashes_at_once_fails_with_the_end_of_its_log(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "crashing", repositories.flask("one"))
    app = plane.api.project(directory, "python", "crashing")
    app.deploy()
    app.shows("flask one")
    commit(directory, {"app.py": "print('before the end', flush=True)\nraise SystemExit(9)\n"}, "Break it")

    ended = app.ended(app.trigger())

    assert (ended["status"], ended["step"]) == ("failed", "activate")
    assert "ended with exit code 9" in ended["error"]
    assert "before the end" in app.text(ended)
    app.shows("flask one")
    assert app.runtime()["activation"] is None


def test_ten_thousand_lines_are_all_there_in_order(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "lines", built("seq -f 'line %.0f' 10000"))
    app = plane.api.project(directory, "react", "many-lines", outputDirectory=".")

    ended = app.ended(app.trigger())

    found = [line for line in app.lines(ended) if line["text"].startswith("line ")]
    assert [line["text"] for line in found] == [f"line {number}" for number in range(1, 10_001)]
    assert [line["seq"] for line in found] == list(range(found[0]["seq"], found[0]["seq"] + 10_000))


def test_health_lists_every_part_and_what_isolates_builds(plane: Plane) -> None:
    parts = {part["name"]: part for part in plane.api.send("GET", f"http://{plane.http}/health")["parts"]}

    assert {"database", "read models", "nats", "caddy", "worker", "executor", "edge", "sandboxes"} <= parts.keys()
    assert "Sandboxes: " in parts["sandboxes"]["message"]


def sleepers(seconds: str) -> list[int]:
    """The processes that sleep so long."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", seconds.encode()]:
            found.append(int(process.parent.name))
    return found
