"""Is a recorded run a path of the explored graph? Its trace is played to a fresh scheduler, event by event.

What the drivers tell the scheduler (calls issued, ended, cancelled, ...) is fed to it at the place where the trace has
it. What the scheduler does about it (starts with their arguments and footprints, settled values, cuts) must stand in
the trace right after, in the same order, and nothing else may: so a start that came too early, too late or not at all
is found, whichever driver recorded it. Given the tools as they really act, it is also checked that they return what was
recorded, if each acts at once when it ends: then the run is one of those that the explorer visits.

Some of what drivers do leaves no mark in a trace, or a late one:

  - A touch is written when it is answered. When it was asked changes nothing but when the decoder may issue, and an
    answer may come while other actions of the same event are still to be written.
  - A session may answer an action (deliver after a touch or a cut, end after a stop) before the next one is written.
  - A call that a person must approve is written as started once it is approved, if it ever is. One that is tried again
    is written once more.
  - Once a run was given up, nothing is started any more, unless it is gone on with later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asyncfc_sim.core import events
from asyncfc_sim.core.events import Action, Cut, Event, ProtocolError, Resume, Running, Settle, Start, Stop
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.sequential import Execute
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import ErrorValue, canonical, with_origin
from asyncfc_sim.traces import trace
from asyncfc_sim.traces.encode import encode_fields, error_from_json, template_from_json
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Run, TraceError

_RULES = frozenset({"issue", "start", "finish", "fail", "touch", "deliver", "cancel", "timeout", "end", "cut"})


@dataclass(frozen=True, slots=True)
class Deviation:
    """The first event of a trace that the scheduler does not explain."""

    event: int  # from 1; one more than there are if something is missing at the end
    line: int | None  # of the file, if the trace was read from one
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"event {self.event}" + ("" if self.line is None else f" (line {self.line})")
        return f"{where}: expected {self.expected}; found {self.found}"


def conforms(run: Run, scheduler: Scheduler, *, retries: int = 0, execute: Execute | None = None) -> Deviation | None:
    """Play `run` to `scheduler`, a fresh one with the tools and options of the run; the first deviation, or None.

    `retries` is how often the run's policy tries a call again. `execute` runs a tool in a fresh world of the run.

    Raises TraceError if the trace holds previews instead of values: they cannot be handed to other calls.
    """
    if run.header.values == "preview":
        raise TraceError(f"run {run.header.run!r} holds previews of long values; conformance needs them in full")
    replay = _Replay(scheduler, retries, execute)
    for number, event in enumerate(run.events, 1):
        replay.given_up = replay.given_up or event.rule == "give_up"
        if event.rule not in _RULES:
            continue
        try:
            replay.take(event)
        except _Deviates as deviates:
            return Deviation(number, run.lines[number - 1] if run.lines else None, *deviates.args)
    expected = replay.expected
    return None if expected is None else Deviation(len(run.events) + 1, None, _described(expected), "the end")


class _Deviates(Exception):
    """Expected, found."""


class _Replay:
    def __init__(self, scheduler: Scheduler, retries: int, execute: Execute | None) -> None:
        self._scheduler, self._retries, self._execute = scheduler, retries, execute
        self._due: deque[Action] = deque()  # what the scheduler has done, and the trace has not shown yet
        self._last: Action | None = None  # the action shown last
        self._stopped: list[int] = []  # calls the scheduler has asked to stop since then: a trace does not show it
        self.given_up = False
        self._held: dict[int, Start] = {}  # made, and written later, if ever
        self._under_way: dict[int, Start] = {}
        self._attempts: dict[int, int] = {}

    @property
    def expected(self) -> Action | None:
        """What the trace must show next, if anything."""
        while self._due and (trace_entry(self._due[0]) is None or self._held_back(self._due[0])):
            passed = self._due.popleft()
            if isinstance(passed, Stop):
                self._stopped.append(passed.future)
        return self._due[0] if self._due else None

    def take(self, event: trace.Event) -> None:
        """Check one event of the trace. Raises _Deviates."""
        expected = self.expected
        match event.rule:
            case "start" | "cut":
                self._take_action(event, expected)
            case "finish" | "fail" if isinstance(expected, Settle):
                self._match(expected, event)
            case "touch" if expected is None or self._answers_touch(event):
                self._feed(_fed(event), event)
                self._take_action(event, self.expected)
            case _ if expected is None or self._answers_action(event):
                self._feed(_fed(event), event)
                if event.rule in ("finish", "fail"):
                    self._take_action(event, self.expected)
            case _:
                raise _Deviates(_described(expected), _shown(event))

    # ----------------------------------------------------------------------------------- what the scheduler is told

    def _feed(self, told: Event, event: trace.Event) -> None:
        """Feed the scheduler; what it does about it comes before what was due."""
        if isinstance(told, events.Finish | events.Fail | events.End):
            self._end(told, event)
        try:
            actions = self._scheduler.feed(told)
        except ProtocolError as error:
            raise _Deviates(f"no such event, for {error}", _shown(event)) from None
        self._due.extendleft(reversed(actions))

    def _end(self, told: events.Finish | events.Fail | events.End, event: trace.Event) -> None:
        """A tool has ended. If it can be run, it must return what was recorded; of a call given up, nobody knows."""
        start = self._under_way.pop(told.future, None)
        if self._execute is None or start is None:
            return
        value = self._execute(start.future, start.tool, start.args)
        if isinstance(told, events.End):
            return
        recorded = told.error if isinstance(told, events.Fail) else told.value
        if isinstance(value, ErrorValue):
            value = with_origin(value, told.future)
        if isinstance(value, ErrorValue) != isinstance(recorded, ErrorValue) or canonical(value) != canonical(recorded):
            raise _Deviates(f"$f{told.future} to give {canonical(value):.200}", _shown(event))

    # ------------------------------------------------------------------------------------- what the scheduler does

    def _take_action(self, event: trace.Event, expected: Action | None) -> None:
        if event.rule == "start" and not isinstance(expected, Start) and (late := self._late_start(event)) is not None:
            _compare(late, event)
            self._under_way[late.future] = late
            return
        if expected is None:
            raise _Deviates("nothing of the kind: the scheduler does not do it here", _shown(event))
        self._match(expected, event)

    def _match(self, expected: Action, event: trace.Event) -> None:
        _compare(expected, event)
        self._last = self._due.popleft()
        self._stopped.clear()
        if isinstance(expected, Start):
            self._under_way[expected.future] = expected

    def _late_start(self, event: trace.Event) -> Start | None:
        """The start that is written now though the scheduler made it before: approved, or made another attempt."""
        future = event.fields["future"]
        if not isinstance(self._scheduler.futures.get(future), Running):
            return None
        if future in self._held:
            return self._held.pop(future)
        start = self._under_way.get(future)
        if start is None or not self._scheduler.tools[start.tool].idempotent:
            return None
        self._attempts[future] = self._attempts.get(future, 0) + 1
        return start if self._attempts[future] <= self._retries else None

    def _held_back(self, action: Action) -> bool:
        if isinstance(action, Start) and (self.given_up or self._scheduler.tools[action.tool].approval):
            self._held[action.future] = action
            return True
        return False

    def _answers_touch(self, event: trace.Event) -> bool:
        """Whether this touch may have been answered by the value that was settled last."""
        return isinstance(self._last, Settle) and self._last.future in event.fields["futures"]

    def _answers_action(self, event: trace.Event) -> bool:
        """Whether a session may have answered the last action with this, before the next one was written."""
        match event.rule:
            case "deliver":
                return isinstance(self._last, Resume | Cut)
            case "end":
                return event.fields["future"] in self._stopped
            case _:
                return False


def _fed(event: trace.Event) -> Event:
    """What a driver told the scheduler, by what the trace has of it."""
    fields: Mapping[str, Any] = event.fields
    match event.rule:
        case "issue":
            args = {name: template_from_json(value) for name, value in fields["args"].items()}
            return events.Issue(Call(fields["future"], fields["tool"], args))
        case "finish":
            return events.Finish(fields["future"], fields["value"])
        case "fail":
            try:
                return events.Fail(fields["future"], error_from_json(fields["error"]))
            except ValueError as fault:
                raise _Deviates("the error of a tool", f"one of which {fault}") from None
        case "touch":
            return events.Touch(tuple(fields["futures"]))
        case "deliver":
            return events.Deliver(tuple(fields["futures"]))
        case "cancel":
            return events.Cancel(fields["future"])
        case "timeout":
            return events.Timeout(fields["future"])
        case "end":
            return events.End(fields["future"])
    raise AssertionError(f"{event.rule} is the scheduler's own")


def _compare(expected: Action, event: trace.Event) -> None:
    """Raise _Deviates unless the event shows this action. It may say more than the action does."""
    entry = trace_entry(expected)
    assert entry is not None
    rule, fields = entry
    encoded = encode_fields(rule, fields)
    if rule != event.rule or encoded.get("future") != event.fields.get("future"):
        raise _Deviates(_described(expected), _shown(event))
    for name, value in encoded.items():
        if canonical(event.fields.get(name)) != canonical(value):
            found = f"{name} {canonical(event.fields.get(name)):.200}"
            raise _Deviates(f"{_described(expected)} with {name} {canonical(value):.200}", found)


def _described(action: Action | None) -> str:
    entry = None if action is None else trace_entry(action)
    assert entry is not None
    return _shown(trace.Event(0.0, *entry))


def _shown(event: trace.Event) -> str:
    """`start $f3`, `touch $f1, $f2`."""
    futures = event.fields.get("futures", [event.fields.get("future")])
    return f"{event.rule} " + ", ".join(f"$f{future}" for future in futures)
