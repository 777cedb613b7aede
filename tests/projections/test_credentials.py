"""Accounts, sessions, tokens, repositories, secrets and logs, as those who may see them do."""

from datetime import timedelta

from domain.account import AccountRegistered, ApiTokenIssued, ApiTokenRevoked, Scope, SessionEnded, SessionStarted
from domain.identifiers import (
    AccountId,
    ApiTokenId,
    ConnectionId,
    EnvironmentId,
    LogId,
    ProjectId,
    SecretId,
    SessionId,
)
from domain.lines import LogClosed
from domain.repository import RepositoryConnected, RepositoryDisconnected
from domain.secret import SecretRemoved, SecretRotated, SecretScope, SecretSet
from domain.workspace import MemberJoined, Role, WorkspaceCreated
from projections import credentials, lines, repositories, secrets
from projections.reading import Paging
from tests.projections.given import ACME, OTHER, asked, given
from tests.projections.histories import BEGINNING

INSIDER, SHOP, HERE = AccountId("insider"), ProjectId("shop"), EnvironmentId("here")
REGISTERED = AccountRegistered(
    account_id=INSIDER, email="Insider@Example.com", workspace_id=ACME, workspace_name="Acme"
)
CREATED = WorkspaceCreated(tenant_id=ACME, name="Acme")
JOINED = MemberJoined(tenant_id=ACME, account_id=INSIDER, role=Role.OWNER)


def test_an_account_is_found_by_its_address_whatever_the_case() -> None:
    row = asked(credentials.account_by_email(given(REGISTERED), "INSIDER@example.COM"))
    assert row
    assert (row.id, row.email, row.operator) == (INSIDER, "Insider@Example.com", False)
    assert asked(credentials.account_by_email(given(REGISTERED), "outsider@example.com")) is None


def test_a_member_sees_the_workspaces_by_name() -> None:
    models = given(REGISTERED, CREATED, JOINED)
    [membership] = asked(credentials.memberships(models, INSIDER))
    assert (membership.tenant_id, membership.workspace, membership.role) == (ACME, "Acme", Role.OWNER)
    assert asked(credentials.membership(models, INSIDER, OTHER)) is None


def test_a_session_lasts_until_it_is_ended() -> None:
    started = SessionStarted(account_id=INSIDER, session_id=SessionId("s"), digest="d", expires_at=BEGINNING)
    session = asked(credentials.session(given(started), "d"))
    assert session
    assert (session.account_id, session.expires_at) == (INSIDER, BEGINNING)
    assert (
        asked(credentials.session(given(started, SessionEnded(account_id=INSIDER, session_id=SessionId("s"))), "d"))
        is None
    )


def test_tokens_are_listed_without_digest_and_without_the_revoked_ones() -> None:
    issued = [
        ApiTokenIssued(
            account_id=INSIDER,
            token_id=ApiTokenId(name),
            tenant_id=ACME,
            name=name,
            digest=f"digest {name}",
            scope=Scope.READ,
            expires_at=BEGINNING + timedelta(days=1),
        )
        for name in ("one", "two")
    ]
    models = given(*issued, ApiTokenRevoked(account_id=INSIDER, token_id=ApiTokenId("one"), name="one"))
    [listed] = asked(credentials.tokens(models, INSIDER))
    assert listed.name == "two"
    assert not hasattr(listed, "digest")
    revoked = asked(credentials.token(models, "digest one"))
    assert revoked
    assert revoked.revoked_at


def test_a_connection_that_was_taken_away_is_found_but_not_listed() -> None:
    connected = RepositoryConnected(connection_id=ConnectionId("c"), name="shop", url="https://example.com/shop.git")
    models = given(connected)
    [row] = asked(repositories.listing(models, ACME, Paging())).rows
    assert (row.name, row.has_credential, row.connected) == ("shop", False, True)
    models = given(connected, RepositoryDisconnected(connection_id=ConnectionId("c"), name="shop"))
    assert asked(repositories.listing(models, ACME, Paging())).rows == []
    found = asked(repositories.find(models, ACME, ConnectionId("c")))
    assert found
    assert not found.connected


def secret(name: str, scope: SecretScope) -> SecretSet:
    return SecretSet(
        secret_id=SecretId(f"{name} {scope}"),
        name=name,
        scope=scope,
        fingerprint="f",
        project_id=None if scope is SecretScope.WORKSPACE else SHOP,
        environment_id=HERE if scope is SecretScope.ENVIRONMENT else None,
    )


def test_the_narrower_secret_wins() -> None:
    models = given(
        secret("A", SecretScope.ENVIRONMENT),
        secret("A", SecretScope.PROJECT),
        secret("A", SecretScope.WORKSPACE),
        secret("B", SecretScope.WORKSPACE),
        secret("B", SecretScope.PROJECT),
        secret("C", SecretScope.WORKSPACE),
        SecretRotated(secret_id=SecretId("C workspace"), name="C", version=2, fingerprint="g"),
    )
    seen = asked(secrets.effective(models, ACME, SHOP, HERE))
    assert [(row.name, row.scope, row.version) for row in seen] == [
        ("A", SecretScope.ENVIRONMENT, 1),
        ("B", SecretScope.PROJECT, 1),
        ("C", SecretScope.WORKSPACE, 2),
    ]
    elsewhere = asked(secrets.effective(models, ACME, SHOP, EnvironmentId("elsewhere")))
    assert [row.scope for row in elsewhere] == [SecretScope.PROJECT, SecretScope.PROJECT, SecretScope.WORKSPACE]
    assert asked(secrets.effective(models, OTHER, SHOP, HERE)) == []


def test_a_removed_secret_disappears() -> None:
    models = given(secret("A", SecretScope.PROJECT), SecretRemoved(secret_id=SecretId("A project"), name="A"))
    assert asked(secrets.listing(models, ACME, Paging())).rows == []
    assert asked(secrets.find(models, ACME, SecretId("A project"))) is None


def test_secrets_are_listed_by_scope_and_place() -> None:
    models = given(*[secret("A", scope) for scope in SecretScope])
    listed = asked(secrets.listing(models, ACME, Paging(), project_id=SHOP, scope=SecretScope.PROJECT))
    assert [row.scope for row in listed.rows] == [SecretScope.PROJECT]
    assert asked(secrets.listing(models, ACME, Paging(counted=True))).total == 3


def test_a_closed_log_tells_its_last_cursor() -> None:
    models = given(LogClosed(log_id=LogId("deployment-one"), last_seq=312, sha256="5e"))
    row = asked(lines.closed(models, ACME, LogId("deployment-one")))
    assert row
    assert row.last_seq == 312
    assert asked(lines.closed(models, OTHER, LogId("deployment-one"))) is None
