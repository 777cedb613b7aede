"""Passwords: Argon2id (RFC 9106) in threads, a few at a time, because each takes 64 MiB for a moment."""

import asyncio
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from commands.checks import invalid
from commands.ports import SecretValue

SHORTEST, LONGEST = 8, 1024
"""Characters of a password."""

AT_ONCE = 2


class Passwords:
    """Makes verifiers and checks passwords against them."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def verifier(self, password: SecretValue) -> SecretValue:
        """What is sealed in place of the password. Raises ``Invalid`` for one that is too short or too long."""
        if not SHORTEST <= len(password.reveal) <= LONGEST:
            raise invalid("password", f"must have {SHORTEST} to {LONGEST} characters")
        async with self._turns:
            return SecretValue(await asyncio.to_thread(self._hasher.hash, password.reveal))

    async def matches(self, verifier: SecretValue | None, password: SecretValue) -> bool:
        """Whether the password is right. It takes the same time where there is no verifier."""
        async with self._turns:
            return await asyncio.to_thread(self._matches, verifier, password)

    def _matches(self, verifier: SecretValue | None, password: SecretValue) -> bool:
        try:
            self._hasher.verify((verifier or self._nobody).reveal, password.reveal[:LONGEST])
        except (Argon2Error, InvalidHashError):
            return False
        return verifier is not None and len(password.reveal) <= LONGEST

    @cached_property
    def _nobody(self) -> SecretValue:
        return SecretValue(self._hasher.hash("nobody has this password"))
