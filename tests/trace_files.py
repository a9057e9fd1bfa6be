"""Trace files for tests: those written by hand in tests/data/traces, and the real ones, where they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncfc_sim.traces.importers.formats import Imported, reader
from asyncfc_sim.traces.importers.source import Source
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, check_session

HAND_MADE = Path(__file__).parent / "data" / "traces"
REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


def hand_made(name: str) -> str:
    return str(HAND_MADE / name)


def real(name: str) -> str:
    """The path of a real file; a test that needs one is skipped without it."""
    path = REAL / name
    if not path.exists():
        pytest.skip(f"the recorded data {name} are not here")
    return str(path)


def read(path: str, form: str, broken: str = "fail") -> Imported:
    """The checked sessions of a file of a format that its reader recognises."""
    source = Source(path, broken)  # type: ignore[arg-type]
    module = reader(form)
    assert module.looks_like(source)
    sessions = [check_session(session) for _, session in module.read(source)]
    return Imported(sessions, {path: form}, source.faults)


def by_name(imported: Imported) -> dict[str, RecordedSession]:
    sessions = {session.session: session for session in imported.sessions}
    assert len(sessions) == len(imported.sessions)
    return sessions


def steps(imported: Imported) -> list[RecordedStep]:
    return [step for session in imported.sessions for step in session.steps()]


def calls(imported: Imported) -> Iterator[RecordedCall]:
    return (call for session in imported.sessions for call in session.calls())
