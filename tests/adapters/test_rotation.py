"""Keys are exchanged while values are sealed and opened: none is lost, and none becomes unreadable."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.master_keys import KeyFile, MasterKeyError, MasterKeys
from adapters.rotation import Rewrapped, Rotation
from adapters.vault import SealedVault
from commands.ports import SecretValue
from domain.rejection import NotFound
from tests.adapters.appends import append, named, secret_set

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
SCOPE = "tenant"


class Kept:
    """A vault over a file of master keys, and its keys."""

    def __init__(self, database: Database, path: Path) -> None:
        self.database = database
        self.file = KeyFile(path).made()
        self.vault = self.another()
        self.keys = Rotation(database, self.vault)
        self.told: list[Rewrapped] = []

    def another(self) -> SealedVault:
        """The vault of another process."""
        return SealedVault(self.database, MasterKeys(self.file))

    async def store(self, *names: str, scope: str = SCOPE) -> None:
        async with EventLog.open(self.database) as log:
            sealed = [await self.vault.seal(scope, name, 1, SecretValue(f"value of {name}")) for name in names]
            appends = [append(f"secret-{scope}-{one.secret_id}", 0, named(), sealed=(one,)) for one in sealed]
            await asyncio.gather(*map(log.append, appends))

    async def reads(self, *names: str, scope: str = SCOPE, vault: SealedVault | None = None) -> bool:
        found = [(await (vault or self.vault).open(scope, name, 1)).reveal for name in names]
        return found == [f"value of {name}" for name in names]

    async def rotate_master(self) -> Rewrapped:
        async def tell(done: Rewrapped) -> None:
            self.told.append(done)

        return await self.keys.rotate_master(tell)

    async def rotate(self, scope: str = SCOPE) -> int:
        begun = await self.keys.begin(scope)
        sealed = await self.keys.seal_again(scope)
        await self.keys.settle(begun)
        return sealed

    async def generations(self) -> dict[int, int]:
        """How many values there are under each generation of the tenant's keys."""
        return {one.generation: one.values for one in await self.keys.standings() if one.scope == SCOPE}


@pytest.fixture
async def kept(database_url: str, tmp_path: Path) -> AsyncIterator[Kept]:
    async with Database.open(database_url) as database:
        yield Kept(database, tmp_path / "master.key")


class TestTheMasterKey:
    async def test_another_one_wraps_everything_and_processes_that_run_follow(self, kept: Kept) -> None:
        await kept.store("a", "b")
        running = kept.another()
        assert await kept.reads("a", vault=running)

        done = await kept.rotate_master()

        assert (done.made, done.dropped, done.older, kept.told) == (True, 0, 1, [done])
        assert await kept.keys.masters() == [done.wrapped, 0]
        assert await kept.reads("a", "b", vault=running)
        await running.seal("late", "c", 1, SecretValue("x"))
        assert (await kept.keys.masters())[1] == 0

    async def test_the_next_rotation_drops_what_wraps_nothing_any_more(self, kept: Kept) -> None:
        await kept.store("a")
        await kept.rotate_master()
        first = kept.file.read()

        done = await kept.rotate_master()

        assert (done.dropped, done.older) == (1, 1)
        assert kept.file.read()[1:] == first[:1]
        assert kept.file.path.stat().st_mode & 0o777 == 0o600
        assert [file.name for file in kept.file.path.parent.iterdir()] == ["master.key"]
        assert await kept.reads("a", vault=kept.another())

    async def test_a_rotation_that_fails_in_the_middle_loses_nothing(self, kept: Kept) -> None:
        await kept.store("a")

        async def fail(_: Rewrapped) -> None:
            raise ConnectionError("the log is away")

        with pytest.raises(ConnectionError):
            await kept.keys.rotate_master(fail)

        assert len(kept.file.read()) == 2
        assert await kept.reads("a", vault=kept.another())
        await kept.store("b", scope="another")  # whose key the new master key wraps
        assert (await kept.rotate_master()).older == 2
        assert await kept.reads("a", vault=kept.another())
        assert await kept.reads("b", scope="another")

    async def test_without_the_right_one_nothing_is_changed(self, kept: Kept) -> None:
        await kept.store("a")
        right = kept.file.read()
        kept.file.write([bytes(32)])

        with pytest.raises(MasterKeyError, match="nothing was changed"):
            await kept.rotate_master()

        assert kept.file.read() == (bytes(32),)
        kept.file.write(right)
        assert await kept.reads("a", vault=kept.another())


class TestAWorkspacesKey:
    async def test_another_one_seals_every_value_again_and_fingerprints_stay(self, kept: Kept) -> None:
        await kept.store(*(f"s{number}" for number in range(250)))
        before = await kept.vault.fingerprint(SCOPE, SecretValue("x"))

        sealed = await kept.rotate()

        assert (sealed, await kept.generations()) == (250, {0: 0, 1: 0, 2: 250})
        assert await kept.reads("s0", "s249", vault=kept.another())
        assert await kept.another().fingerprint(SCOPE, SecretValue("x")) == before

    async def test_what_was_broken_off_is_gone_on_with(self, kept: Kept) -> None:
        await kept.store("a", "b")
        await kept.keys.begin(SCOPE)
        await kept.store("c")

        assert (await kept.keys.begin(SCOPE)).number == 2
        assert await kept.rotate() == 2
        assert await kept.keys.unsettled() == []
        assert (await kept.keys.begin(SCOPE)).number == 3

    async def test_the_old_one_goes_once_nothing_needs_it_and_an_hour_has_passed(
        self, kept: Kept, database_url: str
    ) -> None:
        await kept.store("a")
        late = await kept.vault.seal(SCOPE, "late", 1, SecretValue("value of late"))
        await kept.rotate()
        assert await kept.keys.tidy() == 0
        async with EventLog.open(kept.database) as log:
            await log.append(append("secret-late", 0, secret_set("late"), sealed=(late,)))
        assert await kept.keys.left_behind() == []

        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE vault.keys SET settled_at = now() - interval '61 minutes'")

        assert await kept.keys.tidy() == 0
        assert await kept.keys.left_behind() == [SCOPE]
        assert await kept.keys.seal_again(SCOPE) == 1
        assert await kept.keys.tidy() == 1
        assert await kept.generations() == {0: 0, 2: 2}
        assert await kept.reads("a", "late")

    async def test_what_nobody_can_open_holds_nothing_up(self, kept: Kept, database_url: str) -> None:
        await kept.store("a", "b")
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE vault.secrets SET ciphertext = nonce WHERE secret_id = 'a'")

        assert await kept.rotate() == 1

        assert await kept.generations() == {0: 0, 1: 1, 2: 1}

    async def test_keys_that_were_destroyed_stay_so_and_their_numbers_are_not_used_again(self, kept: Kept) -> None:
        await kept.store("a")
        before = await kept.vault.fingerprint(SCOPE, SecretValue("x"))
        late = await kept.vault.seal(SCOPE, "late", 1, SecretValue("value of late"))
        await kept.vault.forget(SCOPE, 5)
        await kept.store("b")
        await kept.vault.forget(SCOPE, 5)
        await kept.vault.forget(SCOPE, 4)
        async with EventLog.open(kept.database) as log:
            await log.append(append("secret-late", 0, secret_set("late"), sealed=(late,)))

        assert await kept.reads("b")
        assert await kept.vault.openable(SCOPE, [("a", 1), ("b", 1), ("late", 1), ("b", 2)]) == {("b", 1)}
        for gone in ("a", "late"):
            with pytest.raises(NotFound):
                await kept.vault.open(SCOPE, gone, 1)
        assert await kept.vault.fingerprint(SCOPE, SecretValue("x")) != before
        await kept.keys.tidy()
        assert await kept.generations() == {0: 0, 1: 0, 2: 1}


class Process:
    """One of ``tests.adapters.secret_keepers``, and what it has told."""

    def __init__(self, work: str, url: str, path: Path) -> None:
        words = [sys.executable, "-m", "tests.adapters.secret_keepers", work, url, str(path)]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def kill(self) -> str:
        """End it as a power cut does; what it complained of until then."""
        self.process.kill()
        self._reader.join(10)
        assert self.process.stderr is not None
        with self.process, suppress(ValueError):
            return self.process.stderr.read()
        return ""


async def test_values_stay_readable_while_keys_rotate_and_rotations_are_killed(kept: Kept, database_url: str) -> None:
    await kept.vault.prove()
    marks = {scope: await kept.vault.fingerprint(scope, SecretValue("the same")) for scope in ("one", "two")}
    keepers = [Process(name, database_url, kept.file.path) for name in ("ada", "bob")]
    complaints, rotated = [], 0
    for killed_after in (3, 1, 6, 2):
        rotation = Process("rotate", database_url, kept.file.path)
        await until(lambda one=rotation, lines=killed_after: len(one.lines) >= lines)
        complaints.append(rotation.kill())
        rotated += rotation.lines.count("rotated")
    await until(lambda: all(len(keeper.lines) > 60 for keeper in keepers))
    complaints += [keeper.kill() for keeper in keepers]

    assert complaints == [""] * 6
    told = [line.split() for keeper in keepers for line in keeper.lines if len(line.split()) == 3]
    assert {scope: mark for scope, _, mark in told} == marks
    assert {mark for _, _, mark in told} == set(marks.values())
    for scope, secret, _ in told:
        assert await kept.reads(secret, scope=scope, vault=kept.vault)
    for begun in await kept.keys.unsettled():
        await kept.keys.seal_again(begun.scope)
        await kept.keys.settle(begun)
    await kept.rotate_master()
    assert rotated >= 1
    for scope, secret, _ in told:
        assert await kept.reads(secret, scope=scope, vault=kept.another())


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for half a minute at the most."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what a thread reads rings no bell
            await asyncio.sleep(0.01)
