"""Caches of builds are kept between builds, within bounds, and never taken from a build that uses them."""

import os
import time
from pathlib import Path

import pytest

from adapters.runtime.caches import UNUSED_SECONDS, CacheLimits, Caches

pytestmark = pytest.mark.anyio
ROOMY = CacheLimits(each=1 << 20, all=1 << 20)


async def used(caches: Caches, project: str, kilobytes: int = 8, ago: float = 0) -> Path:
    """A cache that a build filled, so many seconds ago."""
    async with caches.of(project) as cache:
        cache.mkdir(exist_ok=True)
        (cache / "package.tgz").write_bytes(os.urandom(kilobytes << 10))
    at = time.time() - ago
    os.utime(cache.parent / "lock", (at, at))
    return cache


def left(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def test_the_next_build_of_a_project_finds_what_the_last_one_fetched(tmp_path: Path) -> None:
    caches = Caches(tmp_path, ROOMY)
    await used(caches, "shop")
    assert caches.sweep() == 0
    async with caches.of("shop") as again, caches.of("blog") as other:
        assert (again / "package.tgz").is_file()
        assert not other.exists()


async def test_a_cache_that_grew_too_large_is_dropped(tmp_path: Path) -> None:
    caches = Caches(tmp_path, CacheLimits(each=100 << 10, all=1 << 20))
    large, small = await used(caches, "large", 128), await used(caches, "small", 64)
    assert caches.sweep() == 1
    assert (large.exists(), small.exists()) == (False, True)


async def test_of_too_many_caches_the_longest_unused_go(tmp_path: Path) -> None:
    caches = Caches(tmp_path, CacheLimits(each=1 << 20, all=100 << 10))
    oldest, newest = await used(caches, "oldest", 64, ago=60), await used(caches, "newest", 64)
    assert caches.sweep() == 1
    assert (oldest.exists(), newest.exists()) == (False, True)


async def test_a_cache_that_nobody_used_for_long_is_dropped(tmp_path: Path) -> None:
    caches = Caches(tmp_path, ROOMY)
    await used(caches, "forgotten", ago=UNUSED_SECONDS + 60)
    assert caches.sweep() == 1
    assert left(tmp_path) == []


async def test_a_cache_in_use_stays_whatever_its_size(tmp_path: Path) -> None:
    caches = Caches(tmp_path, CacheLimits(each=0, all=0))
    cache = await used(caches, "shop")
    async with caches.of("shop"), caches.of("shop"):
        assert caches.sweep() == 0
        assert cache.exists()
    assert caches.sweep() == 1


async def test_what_a_killed_sweep_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".dropped-1" / "files").mkdir(parents=True)
    assert Caches(tmp_path, ROOMY).sweep() == 0
    assert left(tmp_path) == []
