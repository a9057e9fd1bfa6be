"""What a run that is to be resumed keeps on disk while it goes on."""

from __future__ import annotations

from typing import Final, Protocol

from asyncfc_sim.core import session_events as session
from asyncfc_sim.traces.trace import RawEvent


class Journal(Protocol):
    """Takes down what is fed to a session, and its trace, in the order in which they happen; neither call waits."""

    def take(self, t: float, event: session.Event) -> None: ...

    def record(self, event: RawEvent) -> None: ...

    async def committed(self) -> None:
        """Returns when all that was taken down so far is on disk. Raises OSError if that cannot be done."""
        ...


class _NoJournal:
    def take(self, t: float, event: session.Event) -> None:
        pass

    def record(self, event: RawEvent) -> None:
        pass

    async def committed(self) -> None:
        pass


no_journal: Final[Journal] = _NoJournal()
