"""A live run, taken down while it goes on: its trace in memory, and all of it in a journal if there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from asyncfc_sim.core.events import Start
from asyncfc_sim.traces.entries import is_traced, trace_entry
from asyncfc_sim.traces.trace import Header, RawEvent, Recorder

from .inputs import Closing, Input
from .journal import Journal, no_journal

# When something happened, what (of the session, or a rule and its fields), and how many requests there had been.
_Moment = tuple[float, object, int]


class Recording:
    """What happened, in order. `texts` keeps what was said in the trace, too; a journal always has it, to resume by.

    What the session does is kept as it is, and made an event only when the trace is asked for: that takes less memory.
    """

    def __init__(self, header: Header, journal: Journal = no_journal, *, texts: bool = False) -> None:
        self.journal = journal
        self._header = header
        self._moments: list[_Moment] = []
        self.turns = self.requests = 0
        self.closing = False
        self._texts = texts
        self._clock: Callable[[], float] = lambda: 0.0
        self._began_s = 0.0

    def begin(self, clock: Callable[[], float], past: list[RawEvent] | None = None) -> None:
        """The run begins now by `clock`, or goes on from the events of its `past`."""
        for event in past or []:
            self._moments.append((event[0], event[1:], self.requests))
            self.turns += event[1] == "user"
            self.requests += event[1] == "request"
        self._clock, self._began_s = clock, clock() - (past[-1][0] if past else 0.0)

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began_s

    def close(self) -> None:
        """From now on nothing is started."""
        self.closing = True
        self.take(Closing())

    def take(self, given: Input) -> None:
        """This is about to be fed to the session."""
        self.journal.take(self.now_s, given)

    def note(self, rule: str, fields: Mapping[str, Any]) -> None:
        """What the driver does itself."""
        self._take_down((rule, fields))

    def user(self, text: str) -> None:
        """The user speaks."""
        self.turns += 1
        self.note("user", {"turn": self.turns, **({"text": text} if self._texts else {})})

    def request(self) -> int:
        """The model is asked; returns the number of the message that it is to write."""
        self.requests += 1
        self.note("request", {"turn": self.requests})
        return self.requests

    def message(self, turn: int, text: str | None, tokens: Mapping[str, int]) -> None:
        """The model's message is complete."""
        self.note("message", {"turn": turn, **tokens, **({"text": text or ""} if self._texts else {})})

    def log(self, entry: object) -> None:
        """What the session does. What it starts while the run is being closed does not run: a resumed run does it."""
        if is_traced(entry):
            self._take_down(entry, in_trace=not (self.closing and isinstance(entry, Start)))

    @property
    def recorder(self) -> Recorder:
        """What has happened so far, as the events of a trace."""
        recorder = Recorder(self._header)
        for moment in self._moments:
            for event in self._events(moment):
                recorder.record(event)
        return recorder

    def _take_down(self, entry: object, *, in_trace: bool = True) -> None:
        moment = self.now_s, entry, self.requests
        if in_trace:
            self._moments.append(moment)
        if self.journal is not no_journal:
            for event in self._events(moment):
                self.journal.record(event)

    def _events(self, moment: _Moment) -> Iterator[RawEvent]:
        """The event of a trace that a moment is, if it is one."""
        t, entry, requests = moment
        traced = entry if isinstance(entry, tuple) else trace_entry(entry, requests)
        if traced is not None:
            rule, fields = traced
            yield t, rule, {} if rule == "answer" and not self._texts else fields
