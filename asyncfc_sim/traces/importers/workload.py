"""Workload v1 itself: sessions one a line, described in traces/sessions.py."""

from __future__ import annotations

from collections.abc import Iterator

from asyncfc_sim.traces.sessions import RecordedSession, SessionError, parse_session

from .source import Source


def looks_like(source: Source) -> bool:
    return str(source.first.get("schema", "")).startswith("asyncfc.workload/")


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    for number, record in source.records():
        try:
            yield number, parse_session(record)
        except SessionError as error:
            source.fault(str(error), number)
