"""Waiting for what happens by itself, on a machine that may be busy."""

import time
from collections.abc import Callable


def within(limit_s: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold in this time."""
    ends_s = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.01)
    return True
