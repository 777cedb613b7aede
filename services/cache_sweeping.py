"""Sweeps the caches of builds on this executor's machine, so that they stay within their bounds."""

import asyncio
from dataclasses import dataclass
from typing import NoReturn

import structlog

from adapters.runtime.caches import CacheLimits, Caches
from adapters.settings import Settings

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 600.0


@dataclass(frozen=True)
class CacheSweeper:
    """Sweeps again and again."""

    caches: Caches

    async def run(self) -> NoReturn:
        """Sweep until cancelled; what a sweep fails at, the next one tries again."""
        while True:
            try:
                if dropped := await asyncio.to_thread(self.caches.sweep):
                    log.info("caches of builds were dropped", caches=dropped)
            except OSError as problem:
                log.warning("the caches of builds could not be swept", reason=str(problem))
            await asyncio.sleep(PERIOD_SECONDS)


def caches(settings: Settings) -> Caches:
    """The caches of this machine, within the operator's bounds."""
    limits = CacheLimits(each=settings.build_cache_mb << 20, all=settings.build_caches_mb << 20)
    return Caches(settings.caches_dir, limits)
