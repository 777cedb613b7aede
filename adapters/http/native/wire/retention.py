"""How long things are kept."""

from typing import Annotated

from msgspec import Meta

from adapters.http.native.wire.shapes import In, Out, Reason, said


class RetentionIn(In):
    """How many of the newest releases stay in each environment; left out or null: as the installation has it."""

    releases_per_environment: Annotated[int, Meta(ge=1, le=1000)] | None = None
    reason: Reason | None = None


class ReleasesKept(Out):
    """How many releases stay in each environment, besides those in use and those that are pinned."""

    count: int
    own: Annotated[bool, said("Whether the workspace set it.")]
    usual: Annotated[int, said("What the installation has for a workspace that sets nothing.")]


class LogsKept(Out):
    """How long the lines of logs stay."""

    days: Annotated[int | None, said("null: for ever.")]


class CachesKept(Out):
    """What builds leave for the next build of the same project."""

    unused_days: Annotated[int, said("A cache that no build has used for so long is dropped.")]
    megabytes: Annotated[int, said("So does one that is larger.")]


class BackupsKept(Out):
    """How long scheduled backups stay where a database's schedule does not say; others stay until they are deleted."""

    count: int
    days: int


class RetentionOut(Out):
    """How long the workspace's things are kept. Releases are the workspace's to set, all else the installation's."""

    releases_per_environment: ReleasesKept
    logs: LogsKept
    build_caches: CachesKept
    backups: BackupsKept
