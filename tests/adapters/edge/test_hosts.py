"""The host of a request chooses the application, and can choose nothing else."""

import asyncio

import pytest

from adapters.edge.sites import HostInvalid, Sites
from adapters.edge.table import StaticRoute


async def shown(edge, spelt):
    async with edge.table() as table:
        table.apply([StaticRoute("one.localhost", "r1", edge.artifact(index__html="one"))])
        (edge.settings.sites_dir / "index.html").write_text("outside")
        return await edge.ask(spelt)


@pytest.mark.parametrize("spelt", ["one.localhost", "one.localhost:8000", "one.localhost.", "one.localhost.:80"])
def test_a_host_shows_its_application_whatever_the_port_or_final_dot(edge, spelt):
    answer = asyncio.run(shown(edge, spelt))
    assert (answer.status, answer.body) == (200, b"one")


@pytest.mark.parametrize(
    "spelt",
    [
        "two.localhost",
        "localhost",
        "ONE.localhost",
        "..",
        ".",
        "../one.localhost",
        "one.localhost/..",
        "one.localhost/../../hosts/one.localhost",
        "..%2fhosts%2fone.localhost",
        "one.localhost..",
        ".one.localhost",
        "-one.localhost",
        "one_localhost",
        "*",
        "*.localhost",
        "[o]ne.localhost",
        "one.localhos?",
        "{http.vars.root}",
        "[::1]",
        "127.0.0.1",
        "",
        "one.localhost\\x",
        "a" * 300,
        ".".join(["a" * 60] * 6),
        "öne.localhost",
    ],
)
def test_any_other_host_shows_a_page_that_says_so(edge, spelt):
    answer = asyncio.run(shown(edge, spelt))
    assert answer.status in {400, 404}
    assert b"outside" not in answer.body
    assert answer.body != b"one"


def test_two_host_headers_are_refused(edge):
    async def scenario():
        async with edge.connection() as connection:
            connection.writer.write(b"GET / HTTP/1.1\r\nHost: one.localhost\r\nHost: two.localhost\r\n\r\n")
            return await connection.head()

    assert asyncio.run(scenario())[0] == 400


@pytest.mark.parametrize(
    "host", ["", "..", "a/b", "A.localhost", "a.localhost.", "-a", "a" * 64, "a." * 127 + "aa", "a\n"]
)
def test_a_host_that_no_request_can_name_is_not_published(tmp_path, host):
    sites = Sites(tmp_path)
    for change in (sites.withdraw, sites.proxy, lambda name: sites.publish(name, tmp_path, "r", fallback=False)):
        with pytest.raises(HostInvalid, match="no host name"):
            change(host)
    assert sites.hosts() == set()
