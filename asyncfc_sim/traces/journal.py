"""The journal of live runs: an SQLite file that holds their traces, and what it takes to go on with one that broke off.

Tables

    run     run, header, plan           a run: the header of its trace, and what it was asked to do (`plan`: free)
    event   run, seq, t, rule, fields   the trace, event by event (trace.py says what they mean)
    input   run, seq, t, kind, body     what was fed to the session: fed it once more, a session does the same again

`seq` counts events and inputs of a run together, in the order in which they happened; an input stands before the
events that it led to. header, plan, fields and body are JSON. A run that was killed is a trace that ends early.

While a run is written, and after a kill, the newest part lies in FILE-wal beside the file (SQLite's write-ahead log):
the two belong together. A journal that was closed is one file.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from asyncfc_sim.core.values import JSON

from .rules import check_event
from .trace import Event, Header, Run, TraceError, header_from_json, replay_told

MAGIC: Final = b"SQLite format 3\0"
APPLICATION: Final = 0x61736663  # "asfc", in the header of the file
VERSION: Final = 1

TABLES: Final = """
CREATE TABLE run (run INTEGER PRIMARY KEY, header TEXT NOT NULL, plan TEXT NOT NULL);
CREATE TABLE event (run INTEGER NOT NULL, seq INTEGER NOT NULL, t REAL NOT NULL, rule TEXT NOT NULL,
                    fields TEXT NOT NULL, PRIMARY KEY (run, seq)) WITHOUT ROWID;
CREATE TABLE input (run INTEGER NOT NULL, seq INTEGER NOT NULL, t REAL NOT NULL, kind TEXT NOT NULL,
                    body TEXT NOT NULL, PRIMARY KEY (run, seq)) WITHOUT ROWID;
"""


class Entry(NamedTuple):
    """A row of `event` or of `input`: its place in the run, its time, the rule or the kind, the fields or the body."""

    seq: int
    t: float
    name: str
    body: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class JournaledRun:
    """A run as the journal has it. `number` is its key in the file."""

    number: int
    header: Header
    plan: Mapping[str, Any]
    events: tuple[Entry, ...]
    inputs: tuple[Entry, ...]

    def trace(self) -> Run:
        """Its trace. Raises TraceError for an event that is none."""
        last_t = 0.0
        for number, (_, t, rule, fields) in enumerate(self.events, 1):
            try:
                check_event(t, rule, fields, last_t)
            except ValueError as error:
                raise TraceError(f"run {self.header.run!r}, event {number}: {error}") from None
            last_t = t
        return replay_told(Run(self.header, tuple(Event(t, rule, fields) for _, t, rule, fields in self.events)))


def is_journal(path: str | os.PathLike[str]) -> bool:
    """Whether a file is an SQLite database; a pipe is not looked into. Raises OSError if it cannot be opened."""
    file = Path(path)
    if file.exists() and not file.is_file():
        return False
    with file.open("rb") as data:
        return data.read(len(MAGIC)) == MAGIC


def read_journal(path: str | os.PathLike[str]) -> list[JournaledRun]:
    """All runs of a journal, one that is being written too. Raises TraceError if it is none or broken, or OSError."""
    if not is_journal(path):
        raise TraceError("not a journal: no SQLite database", os.fspath(path))
    with readable(path), closing(_connect(path)) as database:
        database.execute("BEGIN")  # one moment of it, though it may be written meanwhile
        runs = []
        if has_tables(database):  # else it was cut short when it was made
            check_version(database, path)
            runs = list(runs_in(database))
    if not runs:
        raise TraceError("no run in this journal", os.fspath(path))
    return runs


def _connect(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """To read only, unless a kill has left it in the middle of a change: that is to be undone first, by SQLite.

    Where SQLite cannot put its own files beside it, nobody writes it: it is read as it stands.
    """
    address = f"file:{quote(os.path.abspath(path))}"
    try:
        return _opened(f"{address}?mode=ro")
    except sqlite3.OperationalError as error:
        match error.sqlite_errorcode & 0xFF:
            case sqlite3.SQLITE_READONLY:
                return _opened(f"{address}?mode=rw")
            case sqlite3.SQLITE_CANTOPEN if not Path(f"{os.fspath(path)}-wal").exists():
                return _opened(f"{address}?mode=ro&immutable=1")
        raise


def _opened(address: str) -> sqlite3.Connection:
    database = sqlite3.connect(address, uri=True)
    try:
        database.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


@contextmanager
def readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Around reading a journal: whatever is wrong with it is a TraceError that names the file."""
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
        if isinstance(error, TraceError):
            raise
        raise TraceError(f"a broken journal: {error}", os.fspath(path)) from None


def has_tables(database: sqlite3.Connection) -> bool:
    """Whether there is anything in this database."""
    return bool(database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def check_version(database: sqlite3.Connection, path: str | os.PathLike[str]) -> None:
    """Raise TraceError unless this is a journal that this version can read."""
    application, version = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in _MARKS)
    if application != APPLICATION:
        raise TraceError("an SQLite database, but not a journal of runs", os.fspath(path))
    if version != VERSION:
        raise TraceError(f"a journal of version {version}; this version reads version {VERSION}", os.fspath(path))


_MARKS: Final = ("application_id", "user_version")


def runs_in(database: sqlite3.Connection) -> Iterator[JournaledRun]:
    """The runs, in the order in which they began."""
    for number, header, plan in database.execute("SELECT run, header, plan FROM run ORDER BY run").fetchall():
        events, inputs = (
            tuple(Entry(seq, t, name, json.loads(body)) for seq, t, name, body in database.execute(query, (number,)))
            for query in (
                "SELECT seq, t, rule, fields FROM event WHERE run = ? ORDER BY seq",
                "SELECT seq, t, kind, body FROM input WHERE run = ? ORDER BY seq",
            )
        )
        yield JournaledRun(number, header_from_json(json.loads(header)), json.loads(plan), events, inputs)
