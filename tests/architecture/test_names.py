"""Names: what things are called says what they are."""

import ast
import re

import pytest

from commands.command import Command
from commands.routing import ROUTES
from domain.catalogue import FACTS
from domain.fact import Fact, tag_of
from tests.architecture.repository import PACKAGES, ROOT, definitions, modules, named, subclasses

SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "shared", "stuff"}
FORBIDDEN_SUFFIX = re.compile(r"(Manager|Helper|Processor|Data|Info|Impl)$")
IRREGULAR = {
    "Overridden",
    "Cut",
    "Set",
    "Begun",
    "Held",
    "Lost",
    "Made",
    "Sent",
    "Taken",
    "Given",
    "Found",
    "Left",
    "Withdrawn",
}
"""Past participles that do not end in -ed."""
NAMED_OTHERWISE = {
    "audit": "export_id",
    "workspace": "tenant_id",
    "freezes": "tenant_id",
    "retention": "tenant_id",
    "repository": "connection_id",
    "custom-domain": "domain_id",
}
"""The fields that name a thing, where they are not called after its category."""
TAG = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*")


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    nothing = [named(path) for path in modules() if SAYS_NOTHING & {*path.relative_to(ROOT).with_suffix("").parts}]
    assert nothing == []


def test_no_class_has_a_suffix_that_says_nothing() -> None:
    assert [
        f"{named(path)}: {name}"
        for path in modules(*PACKAGES)
        for name, node in definitions(path)
        if FORBIDDEN_SUFFIX.search(node.name) and node.name[0].isupper()
    ] == []


def test_every_public_thing_says_what_it_is() -> None:
    silent = []
    for path in modules(*PACKAGES):
        text = path.read_text()
        if text.strip() and not text.lstrip("#!").lstrip().startswith(('"""', 'r"""')):
            silent.append(f"{named(path)}: the module")
        for name, node in definitions(path):
            if not re.search(r"(^|\.)_", name) and "." not in name and not ast.get_docstring(node):
                silent.append(f"{named(path)}: {name}")
    assert silent == []


class TestFacts:
    @pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
    def test_a_fact_is_a_past_participle(self, fact: type[Fact]) -> None:
        words = re.findall(r"[A-Z][a-z]+", fact.__name__)
        assert any(word.endswith("ed") or word in IRREGULAR for word in words[1:])

    @pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
    def test_a_fact_is_stored_under_a_dotted_lower_case_tag(self, fact: type[Fact]) -> None:
        assert TAG.fullmatch(tag_of(fact))

    @pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
    def test_a_fact_says_what_happened(self, fact: type[Fact]) -> None:
        assert (fact.__doc__ or "").strip().endswith(".")

    def test_every_fact_is_in_the_catalogue(self) -> None:
        assert subclasses(Fact, "domain") == set(FACTS.values())

    def test_every_tag_is_one_facts_own(self) -> None:
        assert len({tag_of(fact) for fact in subclasses(Fact, "domain")}) == len(FACTS)

    def test_facts_live_in_the_domain_alone(self) -> None:
        elsewhere = [
            f"{named(path)}: {name}"
            for path in modules("commands", "projections", "adapters", "services")
            for name, node in definitions(path)
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Fact" for base in node.bases)
        ]
        assert elsewhere == []


class TestCommands:
    def test_every_command_is_routed(self) -> None:
        assert subclasses(Command, "commands") == set(ROUTES)

    @pytest.mark.parametrize("command", ROUTES, ids=[command.__name__ for command in ROUTES])
    def test_a_command_names_the_thing_that_it_speaks_of(self, command: type[Command]) -> None:
        decider, _ = ROUTES[command]
        assert NAMED_OTHERWISE.get(decider.category, f"{decider.category}_id") in command.__struct_fields__

    @pytest.mark.parametrize("command", ROUTES, ids=[command.__name__ for command in ROUTES])
    def test_a_command_is_an_imperative_not_a_fact(self, command: type[Command]) -> None:
        assert not re.match(r"[A-Z][a-z]*[^e]ed(?=[A-Z]|$)", command.__name__)
