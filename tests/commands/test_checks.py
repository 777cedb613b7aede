"""Rules about single fields."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import checks


@pytest.mark.parametrize("branch", ["main", "release/1.2", "feature/ÄÖ", "a.b", "v1@2", "x" * 250, "HEAD2", "a.lockx"])
def test_a_branch_that_git_knows_is_right(branch: str) -> None:
    assert checks.branch(branch) is None


@pytest.mark.parametrize(
    "branch",
    [
        "",
        "-main",
        "--upload-pack=x",
        ".x",
        "a/.x",
        "/a",
        "a/",
        "a//b",
        "a..b",
        "a.",
        "a.lock",
        "a.lock/b",
        "@",
        "HEAD",
        "a@{b",
        "a b",
        "a~b",
        "a^b",
        "a:b",
        "a?b",
        "a*b",
        "a[b",
        "a\\b",
        "a\nb",
        "a\x7fb",
        "a\ud800",
        "x" * 251,
    ],
)
def test_a_branch_that_git_refuses_is_wrong(branch: str) -> None:
    assert checks.branch(branch)


@settings(max_examples=150, deadline=None)
@given(st.text("ab.@{}/-~^:?*[\\ \tlockHEAD", min_size=1, max_size=8))
def test_every_branch_that_is_let_through_is_one_for_git(branch: str) -> None:
    git = shutil.which("git")
    assert git, "git is a tool of the executor; install it"
    if checks.branch(branch) is None:
        subprocess.run([git, "check-ref-format", "--branch", branch], check=True, capture_output=True, timeout=10)


@pytest.mark.parametrize("label", ["a", "7", "my-shop", "a--b", "x" * 63])
def test_a_label_of_a_host_name_is_right(label: str) -> None:
    assert checks.label(label) is None


@pytest.mark.parametrize("label", ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a\n", "x" * 64])
def test_what_cannot_be_a_label_of_a_host_name_is_wrong(label: str) -> None:
    assert checks.label(label)


@settings(deadline=None)
@given(st.text(), st.integers(min_value=1, max_value=55))
def test_every_slug_is_a_label_with_and_without_a_suffix(value: str, longest: int) -> None:
    slug = checks.slug(value, max(longest, 10))
    assert checks.label(slug) is None
    assert checks.label(slug + "-a1b2c3") is None


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        ("My Shop!", "my-shop"),
        ("Café Zürich", "cafe-zurich"),
        ("  --x--  ", "x"),
        ("Straße", "strasse"),
        ("a" * 50, "a" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_a_slug_reads_like_the_name(value: str, slug: str) -> None:
    assert checks.slug(value) == slug


def test_two_names_without_latin_letters_have_two_slugs() -> None:
    assert checks.slug("Магазин") != checks.slug("Склад")
    assert checks.slug("Магазин") == checks.slug("Магазин")


@pytest.mark.parametrize("path", [None, "", "apps/web", "a", ".", "a..b", "ä b"])
def test_a_folder_below_the_root_is_right(path: str | None) -> None:
    assert checks.relative(path) is None


@pytest.mark.parametrize("path", ["/", "/a", "..", "a/..", "a/../b", "a\\b", "a\x00", "a\x1b", "x" * 501])
def test_a_folder_elsewhere_is_wrong(path: str) -> None:
    assert checks.relative(path)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "a\x00", "\ud800"])
def test_what_people_cannot_read_is_no_name(name: str) -> None:
    assert checks.name(name)


@settings(deadline=None)
@given(st.text(st.characters(), max_size=60), st.integers(min_value=1, max_value=50))
def test_whatever_a_program_wrote_can_be_shown_as_a_text(value: str, longest: int) -> None:
    shown = checks.shown(value, longest)
    assert checks.text(shown, longest) is None
    shown.encode()


@settings(deadline=None)
@given(st.text(max_size=50))
def test_a_right_text_is_shown_as_it_is(value: str) -> None:
    if checks.text(value, 50) is None:
        assert checks.shown(value, 50) == value


@pytest.mark.parametrize(
    "value", [None, "npm", "yarn@1.22.22", "pnpm@9", "pnpm@9.15.0-rc.1", f"pnpm@9.15.0+sha512.{'0a' * 64}"]
)
def test_a_package_manager_may_be_pinned_as_corepack_does(value: str | None) -> None:
    assert checks.package_manager(value) is None


@pytest.mark.parametrize("value", ["", "bun", "npm@latest", "npm@1; rm", "pnpm@9+sha512", "yarn@$(id)"])
def test_another_package_manager_is_refused(value: str) -> None:
    assert "use npm, pnpm or yarn" in (checks.package_manager(value) or "")
