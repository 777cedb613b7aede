"""Laws of every read model and of every fact."""

import re
from typing import Any, cast, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from adapters.tables import columns
from domain.catalogue import FACTS, AnyFact
from domain.fact import Fact, tag_of
from domain.history import Recorded
from domain.identifiers import ReleaseId, TenantId
from projections import audit_trail, environments, releases, secrets
from projections.audit_trail import AUDIT_TRAIL
from projections.catalogue import ALL
from projections.changes import Row, Table
from projections.credentials import ACCOUNTS, SESSIONS, WORKSPACES
from projections.reading import Paging
from projections.sentences import sentence
from tests.machines.facts import any_of
from tests.projections.given import asked, recorded
from tests.projections.histories import histories, history
from tests.projections.memory import MemoryReadModels, listing

TABLES = [table for model in ALL.values() for table in model.tables]
OF_NO_TENANT = {ACCOUNTS, SESSIONS, WORKSPACES}
"""Reviewed: an account stands above workspaces, and a workspace's id is its tenant's."""
HIDDEN = re.compile(r"digest|sha256|fingerprint|artifact$")


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_every_row_says_whose_it_is(table: Table[Any]) -> None:
    assert "tenant_id" in table.row.__struct_fields__ or table in OF_NO_TENANT


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_every_table_has_a_key_indexes_and_something_to_change(table: Table[Any]) -> None:
    named = {column.name: column for column in columns(table.row)}
    assert {column for index in table.indexes for column in index} <= set(named)
    assert not any(named[column].nullable for column in table.key)
    assert set(named) > set(table.key)


def test_read_models_have_names_of_their_own() -> None:
    assert all(name == model.name for name, model in ALL.items())
    assert all(re.fullmatch(r"[a-z_]{1,40}", name) for name in ALL)


@settings(max_examples=300, deadline=None)
@given(st.one_of([any_of(fact) for fact in FACTS.values()]))
def test_every_read_model_takes_every_fact(fact: Fact) -> None:
    MemoryReadModels().deliver([recorded(fact)])


@pytest.mark.parametrize("tag", FACTS)
def test_every_fact_has_a_sentence_that_people_can_read(tag: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(any_of(FACTS[tag], st.text("abc é\n'", min_size=1, max_size=9)))
    def law(fact: Fact) -> None:
        said = sentence(cast("AnyFact", fact), "insider@example.com")
        assert "\n" not in said
        assert said[-1] in ".!?…"
        assert "None" not in said
        assert 10 < len(said) < 1000

    law()


@pytest.mark.parametrize("tag", FACTS)
def test_no_sentence_tells_a_hash_or_a_digest(tag: str) -> None:
    hidden = {field.name: "5ec2e7" for field in fields(FACTS[tag]) if HIDDEN.search(field.name)}
    shown = next(one.fact for one in history(1, moves=300) if tag_of(one.fact) == tag)
    assert "5ec2e7" not in sentence(cast("AnyFact", replace(shown, **hidden)), "insider@example.com")


def test_no_sentence_tells_the_password_of_an_address() -> None:
    told = [sentence(cast("AnyFact", one.fact), "insider") for one in history(1)]
    assert any("https://example.com/shop.git" in said for said in told)
    assert not any("hidden" in said for said in told)


@settings(max_examples=50, deadline=None)
@given(histories())
def test_the_audit_trail_has_one_sentence_for_each_fact(facts: list[Recorded]) -> None:
    models = MemoryReadModels()
    models.deliver(facts)
    rows = models.rows(AUDIT_TRAIL)
    assert [row.position for row in rows] == [one.position for one in facts]
    assert [row.subject for row in rows] == [one.stream for one in facts]


@settings(max_examples=50, deadline=None)
@given(histories())
def test_no_query_of_one_tenant_returns_a_row_of_another(facts: list[Recorded]) -> None:
    models = MemoryReadModels()
    models.deliver(facts)
    mine, theirs = TenantId("tenant a"), TenantId("tenant b")
    for row in _everything_of(models, mine):
        assert getattr(row, "tenant_id", mine) == mine
    for table in set(TABLES) - OF_NO_TENANT:
        for row in models.rows(table):
            if row.tenant_id == mine:
                assert asked(models.one(table, _key(table, row) | {"tenant_id": theirs})) is None


def _everything_of(models: MemoryReadModels, tenant: TenantId) -> list[Row]:
    shop, here = f"project {tenant[-1]}", f"production {tenant[-1]}"
    queries: list[Any] = [
        listing(models, tenant, cast("Any", shop), Paging(size=200)),
        releases.history(models, tenant, cast("Any", shop), Paging(size=200)),
        releases.rollback_targets(models, tenant, cast("Any", here), Paging(size=200)),
        audit_trail.listing(models, audit_trail.Sought(tenant_id=tenant), Paging(size=200)),
        secrets.listing(models, tenant, Paging(size=200)),
    ]
    rows = [row for query in queries for row in asked(query).rows]
    return [*rows, *asked(environments.of_project(models, tenant, cast("Any", shop)))]


def _key(table: Table[Any], row: Row) -> dict[str, object]:
    return {column: getattr(row, column) for column in table.key}


def test_every_column_has_a_type_that_is_known_before_the_first_row() -> None:
    assert {column.type for table in TABLES for column in columns(table.row)} <= {
        "text",
        "int8",
        "float8",
        "bool",
        "timestamptz",
        "jsonb",
    }
    assert get_type_hints(releases.ReleaseRow)["id"] is ReleaseId
