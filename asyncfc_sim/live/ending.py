"""Work that cannot be stopped is waited for, whoever gives it up: what it does is not over before it has ended."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(running: asyncio.Future[T]) -> T:
    """Returns or raises as `running` does, and only when it has ended, also if this task is cancelled meanwhile."""
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            continue  # it goes on; what comes of it is known, whoever has a use for it
        except BaseException:
            break
    return running.result()
