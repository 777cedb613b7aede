"""Master keys come from a file, a variable or a command, several of them the newest first; and are told to nobody."""

import shlex
import sys
from base64 import b64encode
from pathlib import Path
from time import monotonic

import pytest

from adapters import master_keys
from adapters.database import Unavailable
from adapters.master_keys import KeyCommand, KeyFile, KeySource, KeyVariable, MasterKeyError, MasterKeys, source_of
from adapters.settings import Settings, SettingsInvalid

pytestmark = pytest.mark.anyio

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
BOTH = f"{b64encode(NEW).decode()}, {b64encode(OLD).decode()}\n"
CELL = b"some cell"


def python(program: str) -> KeyCommand:
    """A command that runs a program."""
    return KeyCommand(shlex.join([sys.executable, "-c", program]))


def sources(tmp_path: Path) -> list[KeySource]:
    file = KeyFile(tmp_path / "master.key").made()
    file.write([NEW, OLD])
    return [file, KeyVariable(BOTH), python(f"print({BOTH!r})")]


def test_each_source_holds_several_keys_the_newest_first(tmp_path: Path) -> None:
    assert [source.read() for source in sources(tmp_path)] == [(NEW, OLD)] * 3


@pytest.mark.parametrize("text", ["", "x", b64encode(OLD[1:]).decode(), b64encode(OLD).decode() + ",", "ü" * 32])
def test_what_is_no_key_is_refused_with_what_to_do_and_without_showing_it(text: str) -> None:
    with pytest.raises(MasterKeyError, match="openssl rand -base64 32") as caught:
        KeyVariable(text).read()
    assert len(text) < 2 or text not in str(caught.value)


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        (f"import sys; print({BOTH!r}); print({BOTH!r}, file=sys.stderr); sys.exit(3)", "exit status 3"),
        (f"print({BOTH!r} * 1000)", "printed too much"),
        (f"import time; print({BOTH!r}, flush=True); time.sleep(60)", "did not end within"),
        ("import os, time; os.close(1); time.sleep(60)", "did not end within"),
    ],
)
def test_a_command_that_fails_is_told_of_without_what_it_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], program: str, complaint: str
) -> None:
    monkeypatch.setattr(master_keys, "COMMAND_SECONDS", 0.5)
    began = monotonic()

    with pytest.raises(MasterKeyError, match=complaint) as caught:
        python(program).read()

    assert monotonic() - began < 10
    assert b64encode(OLD).decode() not in str(caught.value) + "".join(capfd.readouterr())


def test_a_command_that_is_not_there_is_told_of() -> None:
    with pytest.raises(MasterKeyError, match="cannot be run"):
        KeyCommand("/does/not/exist").read()


async def test_who_cannot_unwrap_asks_the_source_again_and_who_wraps_takes_the_newest(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "master.key").made()
    running, other = MasterKeys(file), MasterKeys(file)
    before = await running.wrap(OLD, CELL)
    await other.read()

    file.write([NEW, *file.read()])

    after = await running.wrap(NEW, CELL)
    assert [await other.unwrap(one, CELL) for one in (before, after)] == [OLD, NEW]
    file.write([NEW])
    assert await MasterKeys(file).unwrap(after, CELL) == NEW
    with pytest.raises(MasterKeyError, match="not the one"):
        await MasterKeys(file).unwrap(before, CELL)
    with pytest.raises(MasterKeyError):
        await running.unwrap(after, b"another cell")


async def test_a_file_that_is_lost_is_not_made_again_by_who_runs(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "master.key").made()
    running = MasterKeys(file)
    await running.read()
    file.path.unlink()

    with pytest.raises(Unavailable, match="Put it back"):
        await running.wrap(OLD, CELL)

    assert files(tmp_path) == []


def files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def test_settings_say_where_the_keys_are_and_show_them_to_nobody(tmp_path: Path) -> None:
    environ = {"SHIPBOOK_DATA_DIR": str(tmp_path)}
    by_variable = Settings.load({}, environ | {"SHIPBOOK_MASTER_KEY": BOTH})
    by_command = Settings.load({}, environ | {"SHIPBOOK_MASTER_KEY_COMMAND": f"echo {BOTH}"})

    assert isinstance(source_of(by_variable), KeyVariable)
    assert isinstance(source_of(by_command), KeyCommand)
    assert isinstance(source_of(Settings.load({}, environ)), KeyFile)
    for shown in (by_variable, by_command, source_of(by_variable), source_of(by_command)):
        assert BOTH.split(",", maxsplit=1)[0] not in repr(shown)
    assert Settings.load({}, by_variable.environ()) == by_variable
    with pytest.raises(SettingsInvalid, match="Unset one of them"):
        Settings.load({}, environ | {"SHIPBOOK_MASTER_KEY": BOTH, "SHIPBOOK_MASTER_KEY_COMMAND": "x"})
