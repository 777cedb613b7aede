"""The links are right after every step, wherever an earlier one was cut short."""

import os
from itertools import count

import pytest

from adapters.edge.responder import Responder
from adapters.edge.sites import Sites
from adapters.edge.table import EdgeTable, ServiceRoute, StaticRoute


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def killed_at(monkeypatch):
    """Lets a number of changes of the file system happen, and no more."""

    def arm(allowed):
        left = [allowed]

        def counting(real):
            def change(*arguments, **named):
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
                return real(*arguments, **named)

            return change

        for name in ("mkdir", "symlink", "rename", "replace", "unlink", "rmdir", "open", "utime"):
            monkeypatch.setattr(os, name, counting(getattr(os, name)))

    yield arm
    monkeypatch.undo()


def shown(root):
    """What a reader finds for each host."""
    found = {}
    for link in (root / "hosts").iterdir():
        if not link.name.startswith("."):
            page = link / "public" / "index.html"
            assert page.exists() or (link / "service").exists(), f"{link} leads nowhere"
            found[link.name] = (page.read_text(), (link / "fallback").exists()) if page.exists() else "service"
    return found


def artifact(root, text):
    (root / text).mkdir()
    (root / text / "index.html").write_text(text)
    return root / text


def test_wherever_a_change_is_cut_short_hosts_show_the_old_or_the_new_and_repeating_it_completes_it(
    tmp_path, killed_at, monkeypatch
):
    one, two = artifact(tmp_path, "one"), artifact(tmp_path, "two")
    before = [
        StaticRoute("a.localhost", "1", one),
        StaticRoute("b.localhost", "1", one),
        ServiceRoute("c.localhost", "1", ()),
    ]
    after = [
        StaticRoute("a.localhost", "2", two, True),
        ServiceRoute("b.localhost", "2", ()),
        StaticRoute("d.localhost", "1", one),
    ]
    wanted = {"a.localhost": ("two", True), "b.localhost": "service", "d.localhost": ("one", False)}
    for allowed in count():
        root = tmp_path / f"cut-{allowed}"
        table = EdgeTable(Responder(), Sites(root))
        table.apply(before)
        killed_at(allowed)
        try:
            table.apply(after)
            whole = True
        except Killed:
            whole = False
        monkeypatch.undo()
        now = shown(root)
        assert now["a.localhost"] in {("one", False), ("two", True)}
        assert now["b.localhost"] in {("one", False), "service"}
        EdgeTable(Responder(), Sites(root)).apply(after)
        assert shown(root) == wanted
        assert not list(root.rglob(".*"))
        if whole:
            break
    assert allowed > 10


def test_a_host_that_cannot_be_served_keeps_nobody_else_from_being_served(tmp_path):
    page, root = artifact(tmp_path, "page"), tmp_path / "sites"
    table = EdgeTable(Responder(), Sites(root))
    (root / "hosts" / "NOT A HOST").touch()
    refused = table.apply([StaticRoute("../up", "1", page), StaticRoute("a.localhost", "1", page)])
    assert [str(refusal).partition(":")[0] for refusal in refused] == ["'../up' is no host name"]
    assert shown(root) == {"a.localhost": ("page", False)}


def test_a_route_that_the_disk_does_not_take_keeps_nobody_else_from_being_served_and_is_tried_again(tmp_path):
    page, root = artifact(tmp_path, "page"), tmp_path / "sites"
    table = EdgeTable(Responder(), Sites(root))
    impossible = StaticRoute("a.localhost", "1", tmp_path / ("x" * os.pathconf(tmp_path, "PC_PATH_MAX")))
    for _ in range(2):
        refused = table.apply([impossible, StaticRoute("b.localhost", "1", page)])
        assert [type(refusal) for refusal in refused] == [OSError]
        assert shown(root) == {"b.localhost": ("page", False)}
        assert not list(root.rglob(".*")), "each look would leave something on a full disk"
    assert table.apply([StaticRoute("a.localhost", "1", page)]) == []
    assert shown(root) == {"a.localhost": ("page", False)}


def test_a_table_that_is_applied_again_touches_nothing(tmp_path, killed_at):
    routes = [StaticRoute("a.localhost", "1", artifact(tmp_path, "page")), ServiceRoute("b.localhost", "1", ())]
    table = EdgeTable(Responder(), Sites(tmp_path / "sites"))
    table.apply(routes)
    killed_at(0)
    table.apply(routes)


def test_publishing_twice_changes_nothing(tmp_path):
    sites, page = Sites(tmp_path / "sites"), artifact(tmp_path, "page")
    states = []
    for _ in range(2):
        sites.publish("a.localhost", page, "1", fallback=True)
        states.append((sorted(map(str, tmp_path.rglob("*"))), (tmp_path / "sites/hosts/a.localhost").lstat().st_ino))
    assert states[0] == states[1]


def test_what_was_just_replaced_is_kept_for_the_requests_that_read_it_and_older_ones_are_removed(tmp_path):
    sites = Sites(tmp_path / "sites")
    for text in "abcde":
        sites.publish("a.localhost", artifact(tmp_path, text), text, fallback=False)
    assert len(list((tmp_path / "sites/releases").iterdir())) == 2
    sites.tidy()
    assert len(list((tmp_path / "sites/releases").iterdir())) == 2
    Sites(tmp_path / "sites").tidy()
    assert len(list((tmp_path / "sites/releases").iterdir())) == 1


def test_going_back_and_forth_between_two_releases_keeps_both(tmp_path):
    sites, root = Sites(tmp_path / "sites"), tmp_path / "sites"
    pages = [artifact(tmp_path, text) for text in "ab"]
    for turn in range(6):
        sites.publish("a.localhost", pages[turn % 2], str(turn % 2), fallback=False)
        assert shown(root) == {"a.localhost": ("ab"[turn % 2], False)}
    sites.withdraw("a.localhost")
    sites.withdraw("a.localhost")
    assert shown(root) == {}
