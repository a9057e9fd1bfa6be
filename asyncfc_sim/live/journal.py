"""What a run that is to be resumed keeps on disk while it goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from asyncfc_sim.traces.journal import JournaledRun
from asyncfc_sim.traces.journal_writer import JournalWriter
from asyncfc_sim.traces.trace import Header, RawEvent

from .inputs import Input, to_row


class Journal(Protocol):
    """Takes down what is fed to a session, and its trace, in the order in which they happen; neither call waits."""

    def begin(self, header: Header, plan: Mapping[str, Any]) -> None:
        """A run begins; `plan` holds what it takes to resume it. Raises OSError if it cannot be written."""
        ...

    def take(self, t: float, given: Input) -> None: ...

    def record(self, event: RawEvent) -> None: ...

    async def committed(self) -> None:
        """Returns when all that was taken down so far is on disk. Raises OSError if that cannot be done."""
        ...


class _NoJournal:
    def begin(self, header: Header, plan: Mapping[str, Any]) -> None:
        pass

    def take(self, t: float, given: Input) -> None:
        pass

    def record(self, event: RawEvent) -> None:
        pass

    async def committed(self) -> None:
        pass


no_journal: Final[Journal] = _NoJournal()


class FileJournal:
    """A journal in a file (traces/journal.py); `open_journal` gives one. `extra` is added to the plan of each run."""

    def __init__(self, writer: JournalWriter, extra: Mapping[str, Any]) -> None:
        self._writer, self._extra = writer, dict(extra)

    def begin(self, header: Header, plan: Mapping[str, Any]) -> None:
        self._writer.begin(header, {**plan, **self._extra})

    def runs(self) -> list[JournaledRun]:
        """All runs so far. Raises TraceError if the journal is broken."""
        return self._writer.runs()

    def go_on(self, run: JournaledRun) -> None:
        """What is taken down from now on belongs to this run."""
        self._writer.go_on(run)

    def take(self, t: float, given: Input) -> None:
        self._writer.input(t, *to_row(given))

    def record(self, event: RawEvent) -> None:
        self._writer.event(*event)

    async def committed(self) -> None:
        await asyncio.wrap_future(self._writer.committed())


@contextmanager
def open_journal(
    path: str | os.PathLike[str], *, secrets: Iterable[str] = (), extra: Mapping[str, Any] | None = None
) -> Iterator[FileJournal]:
    """The journal at `path`, for this process alone: new runs are added to those in it.

    `secrets` are never written: "[redacted]" stands for them, in what is resumed, too. `extra` is kept for whoever
    resumes a run.

    Raises OSError if it cannot be written, TraceError if the file is something else.
    """
    writer = JournalWriter(path, secrets=secrets)
    try:
        yield FileJournal(writer, extra or {})
    finally:
        writer.close()
