"""Tokens, sessions, passwords and limits on attempts."""

from uuid import UUID

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import throttle, tokens
from adapters.http.passwords import Passwords
from adapters.http.throttle import Throttle
from commands.ports import SecretValue
from domain.identifiers import ApiTokenId, uuid7
from domain.rejection import Invalid


def test_a_token_has_the_form_that_scanners_look_for() -> None:
    token = tokens.new_token(ApiTokenId(uuid7()))

    assert tokens.FORM.fullmatch(token.reveal)
    assert tokens.is_token(token.reveal)
    assert token.reveal not in repr(token)
    assert len(tokens.digest(token)) == 64


@given(st.uuids(), st.integers(0, 76), st.sampled_from(tokens.DIGITS))
def test_any_single_typo_is_seen(identity: UUID, place: int, digit: str) -> None:
    right = tokens.new_token(ApiTokenId(str(identity))).reveal
    typo = right[:place] + digit + right[place + 1 :]

    assert tokens.is_token(typo) is (typo == right)


def test_no_two_sessions_are_alike() -> None:
    secrets = {tokens.new_session().reveal for _ in range(1000)}

    assert len(secrets) == 1000
    assert all(tokens.is_session(secret) for secret in secrets)


@pytest.mark.anyio
async def test_a_password_is_known_again_and_never_kept() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=1024))
    password = SecretValue("correct horse")

    verifier = await passwords.verifier(password)

    assert "correct" not in verifier.reveal
    assert verifier.reveal.startswith("$argon2id$")
    assert await passwords.matches(verifier, password)
    assert not await passwords.matches(verifier, SecretValue("wrong horse"))
    assert not await passwords.matches(None, password)
    assert not await passwords.matches(SecretValue("nonsense"), password)
    for bad in ("short", "x" * 1025):
        with pytest.raises(Invalid, match="8 to 1024"):
            await passwords.verifier(SecretValue(bad))


def test_attempts_come_back_with_time() -> None:
    now = 0.0
    attempts = Throttle(limit=3, period=30, clock=lambda: now)

    assert [attempts.take("insider") for _ in range(4)] == [0, 0, 0, 10]
    assert attempts.take("outsider") == 0
    now = 9.0
    assert attempts.take("insider") == 1
    now = 10.0
    assert attempts.take("insider") == 0
    assert attempts.take("insider") == 10


def test_the_memory_of_attempts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_KEYS", 10)
    attempts = Throttle(limit=1, period=1000)

    for number in range(100):
        assert attempts.take(str(number)) == 0

    assert len(attempts._uses) == 10
