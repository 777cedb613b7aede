"""A project's wish for a version of Node.js is read as npm and nvm read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.runtime.node_versions import intervals, parse, satisfies


@pytest.mark.parametrize(
    ("request_", "allowed", "refused"),
    [
        ("22", ["22.0.0", "22.20.1"], ["21.9.9", "23.0.0"]),
        ("v22.3.0", ["22.3.0"], ["22.3.1"]),
        ("22.x", ["22.5.0"], ["24.0.0"]),
        ("20.11", ["20.11.5"], ["20.12.0"]),
        (">=18", ["18.0.0", "24.1.0"], ["16.20.0"]),
        (">=18 <21", ["20.9.0"], ["21.0.0"]),
        (">18", ["19.0.0"], ["18.9.0"]),
        ("<=20", ["20.99.0"], ["21.0.0"]),
        ("^20.1", ["20.1.0", "20.9.0"], ["20.0.9", "21.0.0"]),
        ("~20.1.2", ["20.1.9"], ["20.2.0"]),
        ("18 || 20", ["18.1.0", "20.1.0"], ["19.0.0"]),
        ("18 - 20", ["18.0.0", "20.5.0"], ["21.0.0"]),
        ("^18.17.0 || >=20.5.0", ["18.20.0", "22.0.0"], ["18.16.0", "20.4.0"]),
        ("lts/*", ["22.0.0"], []),
        ("lts/jod", ["22.1.0"], ["20.1.0"]),
        ("*", ["20.0.0"], []),
        ("node", ["24.0.0"], []),
    ],
)
def test_requests_mean_what_they_mean_to_npm(request_: str, allowed: list[str], refused: list[str]) -> None:
    assert all(satisfies(parse(version), request_) for version in allowed)
    assert not any(satisfies(parse(version), request_) for version in refused)


@pytest.mark.parametrize("request_", ["twenty", "lts/never", "22; rm -rf /", "--", "$(id)"])
def test_what_is_no_version_is_refused(request_: str) -> None:
    with pytest.raises(ValueError, match="is no request"):
        intervals(request_)


@given(st.text(max_size=30))
def test_a_requirement_made_from_any_text_holds_only_numbers_and_comparisons(text: str) -> None:
    try:
        found = intervals(text)
    except ValueError:
        return
    assert all(set(each.requirement()) <= set("0123456789.,<>=") for each in found)
