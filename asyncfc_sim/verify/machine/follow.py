"""Follow a run of the real scheduler on the machine: each step by the rule that allows it, or say that none does.

The follower is told everything that happens: what the driver tells the scheduler (events), what the scheduler does
about it (actions), what the tools touch (accesses). An event or an access is a step of the decoder, the environment or
a tool; an action is a step that the scheduler chose. When it has answered an event, no step may be left that the rules
force: those that wait for nothing but the scheduler itself. So it is found if a call starts too early, too late, or
not at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from asyncfc_sim.core import events
from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.events import Action, Event
from asyncfc_sim.core.values import ErrorValue, Value, canonical, with_origin

from . import calls, conditions, decoder
from .states import Given, Pending, Refused, Running, State

Happened = Event | Access | Action


class Deviation(AssertionError):
    """What the scheduler did and no rule allows, or what the rules force and it did not do."""


def forced(given: Given, state: State) -> str:
    """A step that the scheduler owes in this state; "" if it has done all that it can."""
    for entry in state.pool:
        if not isinstance(entry.status, Pending):
            continue
        prepared = conditions.known(given, state, entry.call)
        if isinstance(prepared, ErrorValue):
            return f"$f{entry.future} to be settled: {prepared.message}"
        if not conditions.why_not_start(given, state, entry):
            return f"start $f{entry.future}"
        if (
            prepared is not None
            and conditions.behind_barrier(given, entry.call.tool, prepared[1])
            and conditions.settled_before(state, entry.future)
            and conditions.unknown_failure(state, entry) is not None
        ):
            return f"$f{entry.future} to be held back"
    if not decoder.why_not_touch(state):
        return "resume"
    if future := decoder.to_cut(given, state):
        return f"cut $f{future}"
    return "" if decoder.why_not_drained(state) else "drained"


class Follower:
    """Follows one run from `state` on. `state` is where the machine is now, `wrote` who made the writes so far."""

    def __init__(self, given: Given, state: State, wrote: tuple[int, ...] = ()) -> None:
        self.given, self.state, self.wrote = given, state, wrote
        self._unsaid: dict[int, Value] = {}  # settled by an event; the scheduler has to say so
        self._to_stop: set[int] = set()
        self._stopped: set[int] = set()  # of the calls that a cut is about to cut off
        self._woken = False

    def saw(self, happened: Happened) -> None:
        """Take one step. Raises Deviation if no rule allows it."""
        if isinstance(happened, Event):
            self.rest()
        try:
            self.state = self._step(happened)
        except Refused as refused:
            raise Deviation(f"{refused}") from None

    def rest(self) -> None:
        """The scheduler has answered the last event. Raises Deviation if it owes something."""
        owed = [f"settle $f{future}" for future in self._unsaid] + [f"stop $f{future}" for future in self._to_stop]
        owed += ["resume"] if self._woken else []
        missing = owed[0] if owed else forced(self.given, self.state)
        if missing:
            raise Deviation(f"the rules force it, and the scheduler does not do it: {missing}")

    def _step(self, happened: Happened) -> State:
        given, state = self.given, self.state
        match happened:
            case events.Issue(call):
                return decoder.issue(state, call)
            case events.Touch():
                return decoder.ask(state, happened)
            case events.Wake():
                return self._wake()
            case events.Deliver(futures):
                return decoder.deliver(state, futures)
            case events.Drain():
                return decoder.drain(state)
            case events.Finish(_, ErrorValue()):
                raise Refused("finish with an error: that is a failure")
            case events.Finish(future, value):
                return self._finish(future, value)
            case events.Fail(future, error):
                return self._finish(future, error)
            case events.End(future):
                return calls.end(state, future)
            case events.Cancel(future):
                return self._abandon(calls.cancel(given, state, future), future)
            case events.Timeout(future):
                return self._abandon(calls.timeout(given, state, future), future)
            case Access(future, mode, pattern):
                self.wrote += (future,) if mode == "w" else ()
                return (calls.read if mode == "r" else calls.write)(given, state, future, pattern)
            case events.Start():
                return self._start(happened)
            case events.Settle(future, value):
                return self._settle(future, value)
            case events.Stop(future):
                return self._stop(future)
            case events.Resume(values):
                return self._resume(values)
            case events.Cut(future):
                return self._cut(future)
            case events.Drained():
                return decoder.drained(state)

    def _finish(self, future: int, reported: Value) -> State:
        ghost = self.state.ghost(future) is not None
        state = calls.finish(self.given, self.state, future, reported)
        if not ghost:
            value = state.values[future]
            found = with_origin(reported, future) if isinstance(reported, ErrorValue) else reported
            _same(f"$f{future} returned", found, value)
            self._unsaid[future] = value
        return state

    def _abandon(self, state: State, future: int) -> State:
        if state is not self.state:
            self._unsaid[future] = state.values[future]
            if isinstance(self.state.issued(future).status, Running):
                self._to_stop.add(future)
        return state

    def _start(self, action: events.Start) -> State:
        state = calls.start(self.given, self.state, action.future)
        status = state.issued(action.future).status
        assert isinstance(status, Running)
        _same(f"the arguments of $f{action.future}", dict(action.args), dict(status.process.args))
        if action.footprint != status.process.footprint:
            raise Refused(f"start $f{action.future} with {action.footprint}: it is {status.process.footprint}")
        return state

    def _settle(self, future: int, value: Value) -> State:
        state = self.state
        if future in self._unsaid:
            _same(f"settle $f{future}", value, self._unsaid.pop(future))
            return state
        held = isinstance(conditions.known(self.given, state, state.issued(future).call), tuple)
        after = (calls.hold_back if held else calls.poison)(self.given, state, future)
        _same(f"settle $f{future}", value, after.values[future])
        return after

    def _stop(self, future: int) -> State:
        if future in self._to_stop:
            self._to_stop.discard(future)
        elif future in decoder.cut_off(self.state, decoder.to_cut(self.given, self.state)):
            self._stopped.add(future)
        else:
            raise Refused(f"stop $f{future}: nobody gave it up")
        return self.state

    def _cut(self, future: int) -> State:
        if self._stopped != decoder.cut_off(self.state, future):
            raise Refused(f"cut $f{future}: of the calls cut off, those under way are to be stopped first")
        self._stopped.clear()
        return decoder.cut(self.given, self.state, future)

    def _wake(self) -> State:
        decoder.wake(self.state)  # raises Refused; what is handed over comes as Resume
        self._woken = True
        return self.state

    def _resume(self, values: Mapping[int, Value]) -> State:
        rule, self._woken = decoder.wake if self._woken else decoder.touch, False
        after = rule(self.state)
        touched = self.state.touched
        assert touched is not None
        wanted = decoder.handed(self.state, touched.futures)
        _same("resume", _texts(values), _texts(wanted))
        return after


def _same(what: str, found: Value, wanted: Value) -> None:
    """Raises Refused if the two are not the same, letter by letter; an error is not a value that looks like it."""
    if isinstance(found, ErrorValue) != isinstance(wanted, ErrorValue) or canonical(found) != canonical(wanted):
        raise Refused(f"{what}: {canonical(found):.300}, where it is {canonical(wanted):.300}")


def _texts(values: Mapping[int, Value]) -> dict[str, str]:
    return {
        f"$f{future}": ("error " if isinstance(value, ErrorValue) else "") + canonical(value)
        for future, value in values.items()
    }
