"""Where managed databases and their backups lie on this machine, and who this machine is."""

import os
from pathlib import Path
from secrets import token_hex, token_urlsafe

import msgspec

from commands.ports import SecretValue
from domain.identifiers import BackupId, MachineId, uuid7

DUMP = "dump"
"""The file of a backup, in its directory."""


class Places(msgspec.Struct, frozen=True):
    """The directories below the plane's own."""

    data_dir: Path

    @property
    def databases(self) -> Path:
        """Everything of managed databases but their backups."""
        return self.data_dir / "databases"

    @property
    def servers(self) -> Path:
        """The state of each server that runs."""
        return self.databases / "servers"

    @property
    def files(self) -> Path:
        """One directory a server, for what it holds."""
        return self.databases / "files"

    @property
    def work(self) -> Path:
        """What passes: backups that are being made, and scratch databases."""
        return self.databases / "work"

    @property
    def backups(self) -> Path:
        """One directory a backup."""
        return self.data_dir / "backups"

    def backup(self, backup_id: BackupId) -> Path:
        """The file of a backup."""
        return self.backups / backup_id / DUMP


class Machine(msgspec.Struct, frozen=True):
    """This machine, as the databases on it know it: ``password`` is that of their superusers, and never leaves it."""

    id: MachineId
    password: str

    @property
    def secret(self) -> SecretValue:
        """The password, which does not show itself."""
        return SecretValue(self.password)

    def __repr__(self) -> str:
        return f"Machine({self.id!r})"


def this_machine(places: Places) -> Machine:
    """Who we are; made once, whole or not at all, for the owner's eyes only. Blocks for a moment."""
    places.databases.mkdir(mode=0o700, parents=True, exist_ok=True)
    places.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = places.databases / "machine.json"
    if not file.exists():
        _make(file, Machine(id=MachineId(uuid7()), password=token_urlsafe(24)))
    return msgspec.json.decode(file.read_bytes(), type=Machine)


def _make(file: Path, machine: Machine) -> None:
    draft = file.with_name(f".{file.name}.{token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(msgspec.json.encode(machine))
            stream.flush()
            os.fsync(stream.fileno())
        file.hardlink_to(draft)  # unlike a rename, it leaves one alone that another process made meanwhile
    except FileExistsError:
        return
    finally:
        draft.unlink()
