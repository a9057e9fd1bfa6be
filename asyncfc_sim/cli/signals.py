"""Ctrl-C and SIGTERM end a verb alike, in an orderly way, whatever it is just doing."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from typing import Any


def sigterm_interrupts() -> None:
    """From now on SIGTERM ends this process as Ctrl-C does. For verbs that others start and stop: servers, runs."""
    if threading.current_thread() is threading.main_thread():  # only there can it be said
        signal.signal(signal.SIGTERM, _interrupt)


def signals_cancel(running: asyncio.Future[Any]) -> None:
    """From now on both cancel what runs on this event loop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # not everywhere can a loop watch signals
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)


def _interrupt(*args: object) -> None:
    raise KeyboardInterrupt
