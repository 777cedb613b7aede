"""How a command ends: its exit statuses, and the exceptions that lead to them."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit statuses of ``shipbook``, for scripts."""

    OK = 0
    FAILED = 1
    """The deployment failed or was cancelled, or the plane refused the request."""
    WRONG_USAGE = 2
    """The command or a setting cannot be used as given."""
    UNREACHABLE = 3
    """The plane does not answer, or does not know who we are."""
    INTERRUPTED = 130
    """Ctrl-C, as of a shell."""


class CommandFailed(Exception):
    """The command cannot do what was asked; the message says what, where, and how to mend it."""

    exit: Exit = Exit.FAILED


class WrongUsage(CommandFailed):
    """What was asked for cannot be meant."""

    exit = Exit.WRONG_USAGE


class Unreachable(CommandFailed):
    """The plane does not answer, or refuses our credentials."""

    exit = Exit.UNREACHABLE
