"""Only addresses of repositories get past the rules: no options, no helper programs, no private networks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.network import is_private
from adapters.repository_url import (
    FetchPolicy,
    RepositoryRefused,
    addresses,
    validate_branch,
    validate_url,
)

STRICT = FetchPolicy()
OPEN = FetchPolicy(allow_local=True, allow_private=True)


@pytest.mark.parametrize(
    ("url", "host", "as_git_gets_it"),
    [
        ("https://example.org/team/site.git", "example.org", "https://example.org:443/team/site.git"),
        ("HTTPS://Example.org:8443/x", "example.org", "https://example.org:8443/x"),
        ("ssh://deploy@example.org:2222/x/y", "example.org", "ssh://deploy@example.org:2222/x/y"),
        ("ssh://example.org/x", "example.org", "ssh://git@example.org:22/x"),
        ("git@example.org:team/site.git", "example.org", "git@example.org:team/site.git"),
        ("example.org:site.git", "example.org", "git@example.org:site.git"),
        ("git@example.org:/srv/site.git", "example.org", "git@example.org:/srv/site.git"),
        ("https://[2606:4700::1111]/x", "2606:4700::1111", "https://[2606:4700::1111]:443/x"),
    ],
)
def test_public_addresses_are_taken(url: str, host: str, as_git_gets_it: str) -> None:
    location = validate_url(url, STRICT)
    assert (location.host, location.url) == (host, as_git_gets_it)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "1 to 2048"),
        ("x" * 3000, "1 to 2048"),
        ("--upload-pack=touch /tmp/x", "hyphen"),
        ("-oProxyCommand=x", "hyphen"),
        ("ext::sh -c touch% x", "spaces|helper"),
        ("ext::sh", "helper"),
        ("fd::7", "helper"),
        ("transport::https://example.org/x", "helper"),
        ("https://example.org/x y", "spaces"),
        ("https://example.org/x\ny", "spaces or control"),
        ("https://example.org/x\x00", "control"),
        ("https://user:pass@example.org/x", "credential"),
        ("https://token@example.org/x", "credential"),
        ("ssh://git:pass@example.org/x", "credential"),
        ("git://example.org/x", "https or ssh"),
        ("ftp://example.org/x", "https or ssh"),
        ("http://example.org/x", "Use https"),
        ("https://example.org", "no repository"),
        ("https://example.org/", "no repository"),
        ("https://example.org/-x", "hyphen"),
        ("git@example.org:-oProxyCommand=x", "hyphen"),
        ("git@-oProxyCommand=x:y", "host"),
        ("ssh://-oProxyCommand=x/y", "host"),
        ("ssh://-oUser@example.org/y", "user name"),
        ("https://exa%6dple.org/x", "host"),
        ("https://example.org/x?upload-pack", "may not hold"),
        ("https://example.org/x#main", "may not hold"),
        ("https://example.org:port/x", "not a repository's address"),
        ("./relative", "not a repository's address|host|no repository"),
        ("relative", "not a repository's address"),
        ("/srv/git/x", "this machine"),
        ("file:///srv/git/x", "this machine"),
        ("https://127.0.0.1/x", "private"),
        ("https://localhost/x", "private"),
        ("https://api.localhost./x", "private"),
        ("https://10.1.2.3/x", "private"),
        ("https://192.168.0.1/x", "private"),
        ("https://169.254.169.254/x", "private"),
        ("https://100.64.0.1/x", "private"),
        ("https://0/x", "private"),
        ("https://0.0.0.0/x", "private"),
        ("https://2130706433/x", "private"),
        ("https://0x7f000001/x", "private"),
        ("https://0177.0.0.1/x", "private"),
        ("https://127.1/x", "private"),
        ("https://[::1]/x", "private"),
        ("https://[::ffff:127.0.0.1]/x", "private"),
        ("https://[64:ff9b::7f00:1]/x", "private"),
        ("https://[2002:7f00:1::]/x", "private"),
        ("https://[fd00:ec2::254]/x", "private"),
        ("https://[fe80::1]/x", "private"),
        ("git@127.0.0.1:x", "private"),
        ("ssh://10.0.0.1/x", "private"),
    ],
)
def test_everything_else_is_refused_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(RepositoryRefused, match=why):
        validate_url(url, STRICT)


def test_a_refusal_repeats_no_password() -> None:
    with pytest.raises(RepositoryRefused) as refused:
        validate_url("https//user:hush@example.org", STRICT)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("url", ["/srv/git/x", "file:///srv/git/x", "http://127.0.0.1:8000/x", "ssh://10.0.0.1/x"])
def test_an_operator_may_allow_this_machine_and_private_networks(url: str) -> None:
    assert validate_url(url, OPEN).url


@pytest.mark.parametrize("url", ["file://host/x", "file:x", "file:///x%2e", "/x?y", "http://example.org@127.0.0.1/x"])
def test_what_is_odd_is_refused_even_then(url: str) -> None:
    with pytest.raises(RepositoryRefused):
        validate_url(url, OPEN)


@pytest.mark.anyio
async def test_every_address_of_a_name_is_checked_not_only_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", ("93.184.216.34", 443)), (10, 1, 6, "", ("::1", 443, 0, 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answers)
    location = validate_url("https://example.org/x", STRICT)
    with pytest.raises(RepositoryRefused, match="private network"):
        await addresses(location, STRICT)
    assert await addresses(location, OPEN) == ["93.184.216.34", "::1"]


@given(st.text(max_size=80))
def test_whatever_is_taken_is_no_option_and_runs_no_helper(url: str) -> None:
    try:
        location = validate_url(url, OPEN)
    except RepositoryRefused:
        return
    assert location.url.startswith(("https://", "http://", "ssh://", "file:///", f"{location.user}@{location.host}:"))
    assert location.url.isprintable()
    assert " " not in location.url
    assert not location.host.startswith("-")


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=6, network="fc00::/7"))
def test_private_networks_are_private_in_every_spelling(address: object) -> None:
    assert is_private(str(address))
    if ":" not in str(address):
        assert is_private(f"::ffff:{address}")


@pytest.mark.parametrize("branch", ["main", "feature/x", "release-1.2", "v1.0", "dependabot/npm/x@1", "über"])
def test_names_of_branches_are_taken(branch: str) -> None:
    assert validate_branch(branch) == branch


@pytest.mark.parametrize(
    "branch",
    ["", "-x", "--upload-pack=x", "a b", "a..b", "a~1", "a^", "a:b", "a\\b", "a@{1}", "@", "x.lock", "/a", "a/", "a\n"],
)
def test_what_git_would_not_take_as_a_branch_is_refused(branch: str) -> None:
    with pytest.raises(RepositoryRefused, match="is not the name"):
        validate_branch(branch)
