"""Recorded sessions in their own form, one a line, described in traces/sessions.py. Nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from asyncfc_sim.traces.sessions import RecordedSession, session_line


def workload_lines(sessions: Iterable[RecordedSession]) -> Iterator[str]:
    """A line for each session."""
    for session in sessions:
        line = session_line(session)
        try:
            line.encode()
        except UnicodeEncodeError:  # half of a surrogate pair: legal in a JSON string, but only escaped
            line = json.dumps(json.loads(line))
        yield line
