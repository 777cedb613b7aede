"""What a static release shows at which path."""

import asyncio
import gzip

import pytest

from adapters.edge.table import StaticRoute


def look(edge, files, *paths, fallback=False, method="GET", **headers):
    """The answers to ``paths`` at a new host that shows ``files``."""

    async def scenario():
        host = edge.host()
        async with edge.table() as table:
            table.put(StaticRoute(host, "release", edge.artifact_of(files), fallback))
            async with edge.connection() as connection:
                return [await connection.ask(host, path, method, **headers) for path in paths]

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", b"home"),
        ("/index.html", b"home"),
        ("/about", b"about"),
        ("/about.html", b"about"),
        ("/docs/", b"docs"),
        ("/docs/?query", b"docs"),
        ("/.well-known/security.txt", b"contact"),
        ("/a%20b%253F%3Fc%23d", b"odd"),
        ("/a%20b%253F%3Fc%23d.html", b"odd"),
        ("/%5Bid%5D", b"id"),
    ],
)
def test_a_path_shows_its_file_with_or_without_html(edge, path, body):
    files = {
        "index.html": "home",
        "about.html": "about",
        "docs/index.html": "docs",
        ".well-known/security.txt": "contact",
        "a b%3F?c#d.html": "odd",
        "[id].html": "id",
    }
    [answer] = look(edge, files, path)
    assert (answer.status, answer.body) == (200, body)


def test_a_directory_without_its_slash_is_redirected_so_that_relative_links_work(edge):
    answers = look(edge, {"docs/index.html": "docs"}, "/docs", "/docs?page=2", "//docs")
    assert [answer.status for answer in answers] == [308] * 3
    assert [answer.headers["location"] for answer in answers] == ["/docs/", "/docs/?page=2", "/docs/"]


def test_an_unknown_path_is_404_with_the_release_s_own_page_when_it_has_one(edge):
    [own] = look(edge, {"index.html": "home", "404.html": "lost"}, "/nowhere")
    [ours] = look(edge, {"index.html": "home"}, "/nowhere")
    assert (own.status, own.body) == (404, b"lost")
    assert ours.status == 404
    assert b"no such page" in ours.body
    assert "etag" not in own.headers
    assert own.headers["cache-control"] == ours.headers["cache-control"] == "no-store"


def test_the_own_404_page_is_no_304_for_a_reader_who_knows_something_older(edge):
    [answer] = look(edge, {"404.html": "lost"}, "/nowhere", If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT")
    assert (answer.status, answer.body) == (404, b"lost")


def test_with_a_fallback_unknown_paths_show_the_index_to_readers_only(edge):
    files = {"index.html": "app", "assets/x.js": "code"}
    deep, directory, file = look(edge, files, "/orders/7", "/assets/", "/assets/x.js", fallback=True)
    [posted] = look(edge, files, "/orders/7", fallback=True, method="POST")
    assert [answer.body for answer in (deep, directory, file)] == [b"app", b"app", b"code"]
    assert posted.status == 404


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/docs/.htpasswd", "/%2eenv", "/.well-known/../.env"])
def test_hidden_files_are_not_shown(edge, path):
    files = {"index.html": "home", ".env": "secret", ".git/config": "secret", "docs/.htpasswd": "secret"}
    [answer] = look(edge, files, path)
    assert answer.status == 404
    assert b"secret" not in answer.body


@pytest.mark.parametrize("path", ["/../../../../../../etc/passwd", "/%2e%2e/%2e%2e/releases", "/..%2f..%2fmaster.key"])
def test_no_path_leaves_the_artifact(edge, path):
    [answer] = look(edge, {"index.html": "home"}, path)
    assert answer.status in {400, 404}


def test_a_new_release_is_seen_though_its_files_have_the_same_size_and_time(edge):
    async def scenario():
        host = edge.host()
        async with edge.table() as table:
            table.put(StaticRoute(host, "one", edge.artifact(index__html="one")))
            first = await edge.ask(host)
            known = {"If_None_Match": first.headers["etag"], "If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
            unchanged = await edge.ask(host, **known)
            table.put(StaticRoute(host, "two", edge.artifact(index__html="two")))
            return first, unchanged, await edge.ask(host, **known)

    first, unchanged, changed = asyncio.run(scenario())
    assert "last-modified" not in first.headers
    assert (unchanged.status, changed.status, changed.body) == (304, 200, b"two")


def test_a_range_of_an_older_release_is_never_mixed_into_a_newer_one(edge):
    [answer] = look(
        edge, {"big.txt": "0123456789"}, "/big.txt", Range="bytes=2-3", If_Range="Sun, 09 Sep 2001 01:46:40 GMT"
    )
    [ranged] = look(edge, {"big.txt": "0123456789"}, "/big.txt", Range="bytes=2-3")
    assert (answer.status, answer.body) == (200, b"0123456789")
    assert (ranged.status, ranged.body) == (206, b"23")


@pytest.mark.parametrize(
    ("path", "for_ever"),
    [
        ("/assets/index-DiwrgTda.js", True),
        ("/_next/static/chunks/main.js", True),
        ("/static/js/main.0a1b2c3d.js", True),
        ("/assets/site-features.css", False),
        ("/assets/photo-20230101.jpg", False),
        ("/main.js", False),
    ],
)
def test_only_files_named_after_their_content_are_cached_for_ever(edge, path, for_ever):
    [answer] = look(edge, {path[1:]: "text"}, path)
    assert ("immutable" in answer.headers["cache-control"]) is for_ever
    assert ("must-revalidate" in answer.headers["cache-control"]) is not for_ever


def test_text_is_compressed_for_who_accepts_it(edge):
    [answer] = look(edge, {"index.html": "word " * 1000}, "/", Accept_Encoding="gzip")
    [other] = look(edge, {"index.html": "word " * 1000}, "/")
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(answer.body) == other.body == b"word " * 1000


def test_only_reading_is_allowed(edge):
    [answer] = look(edge, {"index.html": "home"}, "/index.html", method="DELETE")
    assert answer.status == 405
