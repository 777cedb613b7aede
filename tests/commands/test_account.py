"""An account: joining, sessions and tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from commands.account import (
    DECIDER,
    LIFETIME,
    MOST_SESSIONS,
    MOST_TOKENS,
    ChangePassword,
    EndSession,
    IssueApiToken,
    RegisterAccount,
    RevokeApiToken,
    RevokeTokensOf,
    StartSession,
)
from domain.account import (
    AccountRegistered,
    ApiTokenIssued,
    ApiTokenRevoked,
    PasswordChanged,
    Scope,
    SessionEnded,
    SessionRevoked,
    SessionsExpired,
    SessionStarted,
)
from domain.identifiers import AccountId, ApiTokenId, SessionId, TenantId
from domain.rejection import Conflict, Invalid, NotFound
from tests.commands.specification import specification

given = specification(DECIDER)

INSIDER, ACME, LATER = AccountId("insider"), TenantId("acme"), datetime(2030, 1, 1, tzinfo=UTC)
REGISTER = RegisterAccount(account_id=INSIDER, email="insider@example.com", workspace_id=ACME, workspace_name="Acme")
REGISTERED = AccountRegistered(
    account_id=INSIDER, email="insider@example.com", workspace_id=ACME, workspace_name="Acme"
)
START = StartSession(account_id=INSIDER, session_id=SessionId("s1"), digest="d", expires_at=LATER)
STARTED = SessionStarted(account_id=INSIDER, session_id=SessionId("s1"), digest="d", expires_at=LATER)
ISSUE = IssueApiToken(
    account_id=INSIDER, token_id=ApiTokenId("t1"), tenant_id=ACME, name="CI", digest="d", scope=Scope.DEPLOY
)


def issued(token: str) -> ApiTokenIssued:
    return ApiTokenIssued(
        account_id=INSIDER, token_id=ApiTokenId(token), tenant_id=ACME, name="CI", digest="d", scope=Scope.DEPLOY
    )


class TestRegistering:
    def test_makes_an_account(self) -> None:
        given().when(REGISTER).then(REGISTERED)

    def test_twice_makes_one(self) -> None:
        given(REGISTERED).when(REGISTER).then_nothing()

    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("email", {"email": "insider"}),
            ("email", {"email": "a da@example.com"}),
            ("email", {"email": "insider@@example.com"}),
            ("email", {"email": "a" * 243 + "@example.com"}),
            ("email", {"email": "insider\x00@example.com"}),
            ("workspaceName", {"workspace_name": ""}),
            ("workspaceName", {"workspace_name": "x" * 101}),
        ],
    )
    def test_is_refused_where_a_field_is_out_of_bounds(self, field: str, change: dict[str, Any]) -> None:
        given().when(replace(REGISTER, **change)).then_refused(Invalid, field=field)


class TestASession:
    def test_starts_and_ends(self) -> None:
        end = EndSession(account_id=INSIDER, session_id=SessionId("s1"))
        ended = SessionEnded(account_id=INSIDER, session_id=SessionId("s1"))
        given(REGISTERED).when(START).then(STARTED)
        given(REGISTERED, STARTED).when(end).then(ended)

    def test_starts_once_and_ends_once(self) -> None:
        end = EndSession(account_id=INSIDER, session_id=SessionId("s1"))
        given(REGISTERED, STARTED).when(START).then_nothing()
        given(REGISTERED).when(end).then_nothing()

    def test_of_nobody_is_refused(self) -> None:
        given().when(START).then_refused(NotFound)


class TestAToken:
    def test_is_issued(self) -> None:
        given(REGISTERED).when(ISSUE).then(issued("t1"))

    def test_is_issued_once(self) -> None:
        given(REGISTERED, issued("t1")).when(ISSUE).then_nothing()

    def test_of_nobody_is_refused(self) -> None:
        given().when(ISSUE).then_refused(NotFound)

    def test_needs_a_name(self) -> None:
        given(REGISTERED).when(replace(ISSUE, name="")).then_refused(Invalid, field="name")

    def test_is_refused_where_there_are_too_many(self) -> None:
        many = [issued(f"other {n}") for n in range(MOST_TOKENS)]
        given(REGISTERED, *many[:-1]).when(ISSUE).then(issued("t1"))
        given(REGISTERED, *many).when(ISSUE).then_refused(Conflict)

    def test_makes_room_when_it_is_revoked(self) -> None:
        many = [issued(f"other {n}") for n in range(MOST_TOKENS)]
        revoked = ApiTokenRevoked(account_id=INSIDER, token_id=ApiTokenId("other 7"), name="CI")
        given(REGISTERED, *many, revoked).when(ISSUE).then(issued("t1"))

    def test_is_revoked_by_name(self) -> None:
        revoke = RevokeApiToken(account_id=INSIDER, token_id=ApiTokenId("t1"))
        revoked = ApiTokenRevoked(account_id=INSIDER, token_id=ApiTokenId("t1"), name="CI")
        given(REGISTERED, issued("t1")).when(revoke).then(revoked)
        given(REGISTERED, issued("t1"), revoked).when(revoke).then_refused(NotFound)
        given().when(revoke).then_refused(NotFound)


class TestSessionsThatEnd:
    def test_those_that_expired_go_when_the_next_one_begins(self) -> None:
        old = SessionStarted(account_id=INSIDER, session_id=SessionId("old"), digest="d", expires_at=LATER - LIFETIME)
        gone = SessionsExpired(account_id=INSIDER, session_ids=(SessionId("old"),))
        given(REGISTERED, old).when(START).then(gone, STARTED)

    def test_one_more_than_there_may_be_ends_the_first(self) -> None:
        many = [
            SessionStarted(
                account_id=INSIDER, session_id=SessionId(f"n{place}"), digest="d", expires_at=LATER - timedelta(place)
            )
            for place in range(MOST_SESSIONS)
        ]
        live = [one for one in many if one.expires_at > LATER - LIFETIME]
        filling = [replace(live[0], session_id=SessionId(f"f{place}")) for place in range(MOST_SESSIONS - len(live))]
        ended = SessionRevoked(account_id=INSIDER, session_id=live[-1].session_id)
        given(REGISTERED, *live, *filling).when(START).then(ended, STARTED)

    def test_another_password_keeps_one_session_and_follows_the_last(self) -> None:
        change = ChangePassword(account_id=INSIDER, version=2, keep=SessionId("s1"))
        other = replace(STARTED, session_id=SessionId("s2"))
        changed = PasswordChanged(account_id=INSIDER, version=2, ended=(SessionId("s2"),))
        given(REGISTERED, STARTED, other).when(change).then(changed)
        given(REGISTERED, changed).when(change).then_refused(Conflict, "busy")

    def test_tokens_of_a_workspace_that_one_left_are_revoked(self) -> None:
        mine = issued("t1")
        elsewhere = replace(issued("t2"), tenant_id=TenantId("other"))
        leave = RevokeTokensOf(account_id=INSIDER, tenant_id=ACME)
        revoked = ApiTokenRevoked(account_id=INSIDER, token_id=ApiTokenId("t1"), name="CI")
        given(REGISTERED, mine, elsewhere).when(leave).then(revoked)
        given(REGISTERED, elsewhere).when(leave).then_nothing()
