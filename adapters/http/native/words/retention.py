"""How long things are kept."""

from adapters.http.native.wire.retention import BackupsKept, CachesKept, LogsKept, ReleasesKept, RetentionOut
from adapters.runtime.caches import UNUSED_SECONDS
from adapters.settings import Settings
from domain.database import BackupSchedule
from domain.retention import RetentionPolicy


def retention(policy: RetentionPolicy, settings: Settings) -> RetentionOut:
    """A workspace's policy, over what the installation has."""
    usual, scheduled = settings.releases_kept, BackupSchedule(cron="")
    return RetentionOut(
        releases_per_environment=ReleasesKept(
            count=usual if policy.releases is None else policy.releases, own=policy.releases is not None, usual=usual
        ),
        logs=LogsKept(days=settings.log_retention_days or None),
        build_caches=CachesKept(unused_days=UNUSED_SECONDS // 86_400, megabytes=settings.build_cache_mb),
        backups=BackupsKept(count=scheduled.keep_count, days=scheduled.keep_days),
    )
