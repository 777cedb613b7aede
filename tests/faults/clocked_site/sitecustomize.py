"""Python loads this first in a process below libfaketime.

``time.sleep`` waits for a moment of the monotonic clock with clock_nanosleep(2), which libfaketime 0.9.10 takes for a
time of day: it would sleep for hours, or fail with EINVAL. select(2) takes a duration, which it leaves alone.
"""

import select
import time


def sleep(seconds: float) -> None:
    """``time.sleep``."""
    select.select([], [], [], seconds)


time.sleep = sleep
