"""Master keys: where they come from, and how they wrap the vault's other keys.

A source may hold several, the newest first. Whoever wraps asks the source first and takes the newest; whoever cannot
unwrap asks it again, once. So processes that run follow a rotation.
"""

import asyncio
import os
import shlex
import subprocess
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex
from signal import SIGKILL
from threading import Timer
from typing import Protocol, Self

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.database import Unavailable
from adapters.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12
"""As NIST SP 800-38D, section 8.2.2 has it for random nonces."""
log = structlog.get_logger(__name__)

COMMAND_SECONDS = 10.0
_LONGEST_OUTPUT = 1 << 16
_EXPECTED = "expected the base64 of 32 bytes, or several of them behind commas, the newest first"


class MasterKeyError(Exception):
    """The master key is missing, malformed, open to others, or not the one that the database's keys were wrapped by."""


class KeySource(Protocol):
    """Where the master keys are kept."""

    def read(self) -> tuple[bytes, ...]:
        """All of them, the newest first; at least one, 32 bytes each. It may take seconds. Raises MasterKeyError."""
        ...


@dataclass(frozen=True)
class KeyFile:
    """A file of nothing but keys."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def made(self) -> Self:
        """The file, with a key: made if it is not there, atomically, for the owner's eyes only.

        Any number of processes may ask at once, and all get the same. Who runs does not ask: another key than the one
        that was lost would only seal what nobody can open.
        """
        if not self.path.exists():
            self._make()
        return self

    def read(self) -> tuple[bytes, ...]:
        """The keys."""
        if self.path.stat().st_mode & 0o007:
            raise MasterKeyError(f"Everybody may read {self.path}. Run: chmod 600 '{self.path}'")
        content = self.path.read_bytes()
        if not content or len(content) % KEY_BYTES:
            raise MasterKeyError(
                f"{self.path} has {len(content)} bytes instead of {KEY_BYTES} for each key. Put the right file back."
            )
        return tuple(content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES))

    def write(self, keys: Sequence[bytes]) -> None:
        """Hold these keys from now on: whole or not at all, on the disk when it returns, for whom the former ones
        were."""
        place = self.path.resolve()
        try:
            self._replace(place, b"".join(keys))
        except OSError as problem:
            raise MasterKeyError(f"{place} cannot be written: {problem.strerror}. Nothing was changed.") from problem

    def _replace(self, place: Path, content: bytes) -> None:
        former, draft = place.stat(), self._draft(place, content)
        try:
            if (former.st_uid, former.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(draft, former.st_uid, former.st_gid)
            draft.chmod(former.st_mode & 0o770)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        _sync(place.parent)

    def _make(self) -> None:
        draft = self._draft(self.path, token_bytes(KEY_BYTES))
        try:
            self.path.hardlink_to(draft)  # unlike a rename, it leaves a key alone that somebody else made meanwhile
        except FileExistsError:
            return
        finally:
            draft.unlink()
        _sync(self.path.parent)

    def _draft(self, place: Path, content: bytes) -> Path:
        draft = place.with_name(f"{place.name}.{token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return draft


@dataclass(frozen=True)
class KeyVariable:
    """The environment variable ``SHIPBOOK_MASTER_KEY``, as it was when the process began."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "SHIPBOOK_MASTER_KEY"

    def read(self) -> tuple[bytes, ...]:
        """The keys."""
        return _decoded(self.text, str(self))


@dataclass(frozen=True)
class KeyCommand:
    """A command that prints the keys, run without a shell. What it prints is told to nobody, not even when it fails."""

    command: str = field(repr=False)

    def __str__(self) -> str:
        return "SHIPBOOK_MASTER_KEY_COMMAND"

    def read(self) -> tuple[bytes, ...]:
        """Run the command; it has some seconds."""
        try:
            words = shlex.split(self.command)
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            raise MasterKeyError(f"{self} cannot be run: {problem}.") from None
        return _decoded(self._printed(process), str(self))

    def _printed(self, process: "subprocess.Popen[bytes]") -> str:
        killed = Timer(COMMAND_SECONDS, _kill_group, [process.pid])
        killed.start()
        with process:
            printed = process.stdout.read(_LONGEST_OUTPUT) if process.stdout else b""
            late = not killed.is_alive()
            killed.cancel()
            if len(printed) == _LONGEST_OUTPUT or late or not _ends(process):
                _kill_group(process.pid)
                process.wait()
                raise MasterKeyError(f"{self} did not end within {COMMAND_SECONDS:.0f} seconds, or printed too much.")
        if process.returncode:
            raise MasterKeyError(f"{self} failed with exit status {process.returncode}. Run it by hand to see why.")
        return printed.decode("ascii", "replace")


def source_of(settings: Settings) -> KeySource:
    """Where an installation keeps its master keys. Makes the file, where it is to be one."""
    if settings.master_key:
        return KeyVariable(settings.master_key)
    return (
        KeyCommand(settings.master_key_command)
        if settings.master_key_command
        else KeyFile(settings.master_key_file).made()
    )


class MasterKeys:
    """The master keys as one process knows them. Belongs to one event loop."""

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._known: tuple[AESGCM, ...] = ()
        self._reading = asyncio.Lock()

    async def read(self) -> tuple[bytes, ...]:
        """Ask the source, and know what it holds. Raises MasterKeyError."""
        try:
            keys = await asyncio.to_thread(self.source.read)
        except OSError as problem:
            raise MasterKeyError(f"{self.source} cannot be read: {problem.strerror}. Put it back.") from problem
        self._known = tuple(map(AESGCM, keys))
        return keys

    async def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        """The key under the newest master key; it unwraps with the same ``bound_to`` alone. Raises ``Unavailable``."""
        async with self._reading:
            await self._ask_again()
        return wrapped_under(self._known[0], key, bound_to)

    async def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """What was wrapped, under whichever master key. Raises ``Unavailable`` and MasterKeyError."""
        known = self._known
        key = _opened(known, wrapped, bound_to)
        if key is None:
            async with self._reading:
                if self._known is known:  # nobody has asked meanwhile
                    await self._ask_again()
            key = _opened(self._known, wrapped, bound_to)
        if key is None:
            raise MasterKeyError(
                f"The master key in {self.source} is not the one that this database's secrets were sealed under. "
                "Put the master.key of this database back, or use the database that belongs to this key."
            )
        return key

    async def _ask_again(self) -> None:
        try:
            await self.read()
        except MasterKeyError as problem:  # who runs has had the keys before: it passes by waiting
            log.warning("the master keys cannot be had", why=str(problem))
            raise Unavailable(str(problem)) from problem


def wrapped_under(master: AESGCM, key: bytes, bound_to: bytes) -> bytes:
    """A nonce, and the key's ciphertext behind it."""
    nonce = token_bytes(NONCE_BYTES)
    return nonce + master.encrypt(nonce, key, bound_to)


def unwrapped_by(master: AESGCM, wrapped: bytes, bound_to: bytes) -> bytes | None:
    """The key, or None where another master key wrapped it."""
    try:
        return master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
    except InvalidTag:
        return None


def _opened(masters: Sequence[AESGCM], wrapped: bytes, bound_to: bytes) -> bytes | None:
    return next((key for master in masters if (key := unwrapped_by(master, wrapped, bound_to)) is not None), None)


def _decoded(text: str, source: str) -> tuple[bytes, ...]:
    try:
        keys = tuple(b64decode(one.strip(), validate=True) for one in text.split(","))
    except ValueError:
        keys = (b"",)
    if any(len(key) != KEY_BYTES for key in keys):
        raise MasterKeyError(f"{source} holds no master key: {_EXPECTED}. Make one: openssl rand -base64 32")
    return keys


def _ends(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the process ends, as one does that has closed its output."""
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, SIGKILL)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
