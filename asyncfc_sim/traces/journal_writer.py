"""Writing a journal: one thread, group commit. Whoever must have something on disk waits for `committed`.

What is given lines up in memory. The thread takes all that is there, writes it and commits; what comes meanwhile goes
with the next commit. So a thousand calls that start at once cost one commit, and a lone one waits for its own only. A
commit is on the disk when it returns (synchronous=FULL): it outlives the machine, not just the process.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from asyncfc_sim.core.values import JSON

from .encode import encode_fields
from .journal import APPLICATION, TABLES, VERSION, JournaledRun, check_version, has_tables, readable, runs_in
from .redact import redacting
from .trace import Header, TraceError, header_to_json

_AT_ONCE: Final = 100  # rows of one statement
_Row = tuple[bool, int, int, float, str, Mapping[str, Any]]  # whether it is an event, run, seq, t, rule or kind, fields
_Cells = tuple[int, int, float, str, str]  # as in the table


class JournalError(OSError):
    """The journal cannot be written: the disk is full, say, or another process writes it."""


class JournalWriter:
    """The journal at `path`, made if it is not there; nobody else can write it meanwhile, everybody can read it.

    `begin` a run or `go_on` with one, then give events and inputs; `close` at the end. `secrets` are replaced in all
    that is written (redact.py). After the first failure nothing more is written, and whoever waits is told.

    Raises JournalError if it cannot be opened for writing, TraceError if the file is something else.
    """

    def __init__(self, path: str | os.PathLike[str], *, secrets: Iterable[str] = ()) -> None:
        self.path = os.fspath(path)
        self._redact = redacting(secrets)
        self._database = _locked(self.path)
        self._run = self._seq = 0
        self._line: SimpleQueue[_Row | Future[None] | None] = SimpleQueue()  # None: it is to end
        self._waiting: tuple[int, Future[None]] | None = None  # the last who waits, and up to which seq
        self._closed = False
        self._failed: Exception | None = None
        self._thread = Thread(target=self._write, name="asyncfc-journal", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------------------------------------- which run

    def begin(self, header: Header, plan: Mapping[str, JSON]) -> None:
        """What comes from now on belongs to a new run. It is on disk when this returns."""
        self.committed().result()
        try:
            row = [_json(self._redact(dict(part))) for part in (header_to_json(header), plan)]
            self._run = self._database.execute("INSERT INTO run (header, plan) VALUES (?, ?)", row).lastrowid or 0
            _commit(self._database)
        except sqlite3.Error as error:
            raise self._error(error) from None
        self._seq, self._waiting = 0, None

    def runs(self) -> list[JournaledRun]:
        """All runs so far. Raises TraceError if the journal is broken."""
        self.committed().result()
        with readable(self.path):
            return list(runs_in(self._database))

    def go_on(self, run: JournaledRun) -> None:
        """What comes from now on belongs to this run."""
        self._run, self._waiting = run.number, None
        self._seq = max((entry.seq for entries in (run.events, run.inputs) for entry in entries[-1:]), default=0)

    # ---------------------------------------------------------------------------------------------- what happened

    def event(self, t: float, rule: str, fields: Mapping[str, Any]) -> None:
        """An event of the trace. `fields` as for a Recorder; they are encoded later, so nobody may change them."""
        self._put(True, t, rule, fields)

    def input(self, t: float, kind: str, body: Mapping[str, JSON]) -> None:
        """Something that is about to be fed to the session."""
        self._put(False, t, kind, body)

    def _put(self, is_event: bool, t: float, name: str, fields: Mapping[str, Any]) -> None:
        self._seq += 1
        self._line.put((is_event, self._run, self._seq, t, name, fields))

    def committed(self) -> Future[None]:
        """Done when all that was given so far is on disk; holds a JournalError if that cannot be done.

        Raises JournalError if the journal is closed.
        """
        if self._closed:
            raise JournalError(errno.EBADF, "the journal is closed", self.path)
        if self._waiting is None or self._waiting[0] != self._seq:
            self._waiting = self._seq, Future()
            self._waiting[1].set_running_or_notify_cancel()  # many may wait for it: none of them can cancel it
            self._line.put(self._waiting[1])
        return self._waiting[1]

    def close(self) -> None:
        """Write what is there, and let go of the file. Raises JournalError if not all could be written."""
        if self._closed:
            return
        written = self.committed()
        self._closed = True
        self._line.put(None)
        self._thread.join()
        try:
            if self._failed is None:  # one file again, readable where nothing can be written
                self._database.execute("COMMIT")
                self._database.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError:
            pass  # somebody is reading it: it stays as it is
        finally:
            self._database.close()
        written.result()

    # ------------------------------------------------------------------------------------------------- the thread

    def _write(self) -> None:
        ended = False
        while not ended:
            taken = [self._line.get()]
            with suppress(Empty):
                while True:
                    taken.append(self._line.get_nowait())
            rows = [item for item in taken if isinstance(item, tuple)]
            if rows and self._failed is None:
                self._failed = self._written(rows)
            for item in taken:
                if isinstance(item, Future) and self._failed is None:
                    item.set_result(None)
                elif isinstance(item, Future):
                    item.set_exception(self._failed)
            ended = None in taken

    def _written(self, rows: list[_Row]) -> Exception | None:
        """Write and commit; what went wrong, if anything did."""
        events: list[_Cells] = []
        inputs: list[_Cells] = []
        try:
            for is_event, run, seq, t, name, fields in rows:
                body = encode_fields(name, fields) if is_event else fields
                (events if is_event else inputs).append((run, seq, t, name, _json(self._redact(dict(body)))))
            _insert(self._database, "event", events)
            _insert(self._database, "input", inputs)
            _commit(self._database)
        except sqlite3.Error as error:
            return self._error(error)
        except (ValueError, TypeError, RecursionError) as error:
            return TraceError(str(error), self.path)
        return None

    def _error(self, error: sqlite3.Error) -> JournalError:
        return JournalError(errno.EIO, f"the journal cannot be written: {error}", self.path)


def _json(value: JSON) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _insert(database: sqlite3.Connection, table: str, rows: list[_Cells]) -> None:
    """Many rows with one statement: after each, this thread would stand in line for the interpreter's lock again."""
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        places = ", ".join(["(?, ?, ?, ?, ?)"] * len(some))
        database.execute(f"INSERT INTO {table} VALUES {places}", [cell for row in some for cell in row])


def _commit(database: sqlite3.Connection) -> None:
    """Commit, and take the write lock again at once: as long as the process lives nobody else gets it."""
    database.execute("COMMIT")
    database.execute("BEGIN IMMEDIATE")


def _locked(path: str) -> sqlite3.Connection:
    """The database, with its tables, in a transaction that is ours alone."""
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.0)
    except sqlite3.Error as error:
        raise JournalError(errno.EIO, f"the journal cannot be opened: {error}", path) from None
    try:
        _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: str) -> None:
    try:
        if has_tables(database):
            check_version(database, path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
        time.sleep(0.01)  # whoever writes it lets go for an instant at each commit, but not twice in this way
        database.execute("BEGIN IMMEDIATE")
        database.execute("PRAGMA busy_timeout = 2000")
        if not has_tables(database):
            for statement in (*TABLES.split(";")[:-1], *_MARKS):
                database.execute(statement)
            _commit(database)
    except sqlite3.OperationalError as error:
        busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
        why = "another process is writing this journal" if busy else f"the journal cannot be opened: {error}"
        raise JournalError(errno.EBUSY if busy else errno.EIO, why, path) from None
    except sqlite3.DatabaseError as error:
        raise TraceError(f"not a journal: {error}", path) from None


_MARKS: Final = (f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {VERSION}")
