"""A host name has one form, however people write it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.hostnames import displayed, normalised
from domain.rejection import Invalid

LETTERS = "abcxyz019-äßéøñžğабвжщ例子本日"
LABELS = st.text(LETTERS, min_size=1, max_size=20)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)


def form(text: str) -> str | None:
    """The form of a name; None where it is none."""
    try:
        return normalised(text, "hostname")
    except Invalid:
        return None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("www.EXAMPLE.com", "www.example.com"),
        (" example.com. ", "example.com"),
        ("*.Example.com", "*.example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("example。com", "example.com"),
        ("\uff57\uff57\uff57.example.com", "www.example.com"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ],
)
def test_a_name_is_kept_in_one_form(written: str, kept: str) -> None:
    assert normalised(written, "hostname") == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "https://example.com",
        "example.com/path",
        "192.0.2.1",
        "[2001:db8::1]",
        "::1",
        "fe80::1%eth0",
        "a..b",
        ".example.com",
        "a b.com",
        "a_b.com",
        "☃.net",
        "*.*.com",
        "xn--a.com",
        "\u200dx.com",
        "\udc80.com",
        "\x00.com",
        "a" * 64 + ".com",
        "a." * 600 + "com",
    ],
)
def test_anything_else_is_refused_with_its_field(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalised(written, "hostname")
    assert refused.value.details[0].field == "hostname"
    refused.value.message.encode()


@given(NAMES)
@example("ÄÖ.example")
def test_the_form_of_a_form_is_itself_and_people_can_read_it_back(name: str) -> None:
    kept = form(name)
    if kept is not None:
        assert kept.isascii()
        assert kept == kept.lower()
        assert form(kept) == kept
        assert form(displayed(kept)) == kept


@given(NAMES)
@example("192.0.2.1")  # an address with a final dot was taken for a name
def test_capitals_and_a_final_dot_make_no_other_name(name: str) -> None:
    kept = form(name.replace("ß", "s"))
    assert form(name.replace("ß", "s").upper() + ".") == kept


@given(st.text(max_size=50))
def test_whatever_is_written_is_a_name_or_refused(text: str) -> None:
    kept = form(text)
    assert kept is None or (kept.isascii() and not kept.endswith("."))
