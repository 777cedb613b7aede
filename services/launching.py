"""Run as a script: prepares the process that it is, then becomes the given program.

``python -I -S launching.py PARENT SIGNAL IDENTITY PROGRAM ARGUMENT…``

The kernel sends SIGNAL to the program when PARENT dies, so that a killed supervisor leaves no orphan. With an
IDENTITY other than ``-`` the program sees itself as that user and group inside a user namespace of its own; outside
it stays who it is. A script, because code between fork and exec in a threaded process may deadlock.
"""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def take_identity(identity: int) -> None:
    """Enter a user namespace in which we are ``identity`` and nobody else exists (user_namespaces(7))."""
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{identity} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{identity} {group} 1", "ascii")


def main(parent: str, signal: str, identity: str, program: str, *arguments: str) -> None:
    """Never returns."""
    try:
        if identity != "-":
            take_identity(int(identity))
    except OSError as problem:
        sys.exit(
            f"Running {Path(program).name} here needs user namespaces, which are refused ({problem.strerror}). "
            "Start Shipbook as an ordinary user, or set SHIPBOOK_DATABASE_URL to a PostgreSQL server."
        )
    # After the change of identity, because that clears it (prctl(2)).
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("The supervisor is gone.")
    os.execv(program, [program, *arguments])  # noqa: S606 - the whole purpose; no shell is meant


if __name__ == "__main__":
    main(*sys.argv[1:])
