"""A file of recorded runs or sessions, served while a block runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.trace import TraceError, read_trace

from .http_server import serving
from .replay_reading import replays
from .replay_server import ReplayServer


@contextmanager
def serve_replay(path: str | os.PathLike[str], *, speed: float = 1.0) -> Iterator[str]:
    """Serve what a file has recorded, on a free port; gives the base URL. `asyncfc replay` is the same at the shell.

    Each run or session is a model of its name, and the first answers to any other. No model is behind it.

    Raises ImportFault if the file is no trace, ReplayError if it has no messages, OSError if it cannot be opened.
    """
    try:
        recorded = replays(read_trace(path))
    except TraceError:
        recorded = replays(read_sessions(os.fspath(path)).sessions)
    with serving(ReplayServer(recorded, "127.0.0.1", 0, speed=speed)) as base_url:
        yield base_url
