"""Memory is given back to the system by a process that runs with the C library's allocator."""

import os
import subprocess
import sys

from adapters.memory import ALLOCATOR

_CROWD = """
from adapters.memory import give_back

def private():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))

before = private()
crowd = [{"number": number, "name": str(number)} for number in range(100_000)]
some = crowd[::1000]
crowd.clear()
give_back()
print(before, private())
"""


def test_what_a_crowd_took_is_given_back_though_some_of_it_stays() -> None:
    argv = [sys.executable, "-c", _CROWD]
    said = subprocess.run(argv, env=os.environ | ALLOCATOR, capture_output=True, text=True, check=True).stdout
    before, after = map(int, said.split())
    assert after < before + 4096, f"{before} kB before, {after} kB after a crowd of some 30 MB"
