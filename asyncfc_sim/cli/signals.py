"""Ctrl-C and SIGTERM end a verb alike, in an orderly way, whatever it is just doing."""

from __future__ import annotations

import asyncio
import os
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


def eof_interrupts() -> None:
    """From now on the end of standard input, too, ends this process as SIGTERM does: whoever started it has gone."""
    threading.Thread(target=_terminate_at_eof, daemon=True).start()


def _terminate_at_eof() -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    signal.raise_signal(signal.SIGTERM)


def _interrupt(*args: object) -> None:
    raise KeyboardInterrupt
