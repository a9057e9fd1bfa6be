"""The scheduler: the rules of asynchronous function calling, as one pure state machine.

# Theory of operation
#
# A driver feeds events and performs the actions it gets back, in order, before it feeds the next event:
#
#     decoder --Issue, Touch, Drain-->  +-----------+  --Start, Stop-->    tools
#     tools   --Finish, Fail, End-->    | Scheduler |  --Resume, Cut-->    decoder
#     clock   --Timeout, Wake-->        +-----------+  --Settle-->         whoever watches
#
# The same object is driven by a virtual clock (simulate), by asyncio (live), and by all choices in turn (explore).
# There is no clock, no randomness and no I/O in it, and nothing depends on hash order.
#
# Rule 1: everything that decides *when* a call may run lives in this file. A driver adds time, nothing else.
# Rule 2: a fault of the driver raises ProtocolError; a fault of the program is a value.
#
# A call goes through these gates, always in this order:
#
#   issue     it becomes a future and enters the State Tree with its footprint, or with a region that bounds it; if it
#             refers to what cannot be (no earlier future, no such part), it has failed
#   known     its last argument resolved: bind, validate, compute the exact footprint, shrink what it holds.
#             An argument that is an error settles the call here, with no effect (poison).
#   barrier   only irreversible calls (and, in the modes `barrier` and `strict`, all that write): every earlier call
#             has settled. If one failed and the decoder had not been told when it issued this call: not_executed.
#   quiet     no earlier open call conflicts with it: ended, or known or bounded to be independent
#   slot      a worker is free, and no call that commutes with this one is under way on the same keys. A worker is
#             taken only here, never while a call waits: so no hold-and-wait, and the lowest open call can always go
#             (progress).
#   start     the driver runs the tool
#   settle    the future is resolved, once; its keys are free and those who wait for it are looked at again
#
# All gates but the last only ever open (a footprint only shrinks, an earlier call only ends), so a call looked at once
# need be looked at again only when the one thing it waits for changes: a producer, the barrier, its latest blocker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from . import arguments, events
from .barrier import Barrier
from .events import Action, Event, Future, Pending, ProtocolError, Resolved, Running, life
from .footprint import NOTHING, Footprint, indep
from .slots import Slots
from .state_tree import StateTree
from .syntax import Call
from .tool import Lacks, Tool, commuting
from .values import Effects, ErrorKind, ErrorValue, Value, with_origin

# How a failed call affects the calls after it:
#   poison   its dependents fail with it, the rest goes on; irreversible calls are held back (barrier)
#   barrier  so is every call that writes
#   strict   so is every call that writes, and what was issued after the failed call is cut off: fail-stop
Failure = Literal["poison", "barrier", "strict"]


class Scheduler:
    """The state of one run. `feed` is the only way in; see the theory of operation at the top of this file."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        *,
        failure: Failure = "poison",
        max_running: int = 32,
        max_running_per_tool: int = 8,
    ) -> None:
        self.tools = tools
        self.failure: Failure = failure
        self.futures: dict[int, Future] = {}  # in issue order
        self.values: dict[int, Value] = {}  # of the resolved ones
        self._tree = StateTree()
        self._producers: dict[int, int] = {}  # call -> how many futures its arguments still wait for
        self._consumers: dict[int, list[int]] = {}  # future -> calls whose arguments wait for it
        self._watchers: dict[int, list[int]] = {}  # open call -> calls that wait for it to end or shrink
        self._excluded: dict[int, list[int]] = {}  # call under way -> ready calls that commute with it
        self._barrier = Barrier()
        self._slots = Slots(tools, max_running, max_running_per_tool)
        self._touched: events.Touch | None = None
        self._touched_open: set[int] = set()  # those of the touched futures that are not resolved
        self._draining = False
        self._agenda: dict[int, None] = {}  # calls to look at again, each once
        self._actions: list[Action] = []
        self._commutes = commuting(tools)
        self._typed: dict[int, str] = {}  # future -> its tool, if that knows the type of its results

    # ---------------------------------------------------------------------------------------------- the way in

    def feed(self, event: Event) -> list[Action]:
        """Apply one event and return the actions to perform, in order. Raises ProtocolError on a driver's fault."""
        getattr(self, _RULES[type(event)])(event)
        self._run_agenda()
        actions, self._actions = self._actions, []
        return actions

    # ------------------------------------------------------------------------------------------------ the rules

    def issue(self, event: events.Issue) -> None:
        """[issue] A call becomes a future; references to futures not issued before it are errors."""
        call = event.call
        if self._touched is not None or self._draining:
            raise ProtocolError(f"{call} issued while the decoder waits or has ended")
        future = call.future
        if future <= self._barrier.last_issued:
            raise ProtocolError(f"{call} issued after future {self._barrier.last_issued}: futures must rise")
        self._barrier.issue(future)
        self.futures[future] = Pending(call, NOTHING)
        needs = arguments.needed(call)
        fault = self.fault_of(call) if needs else None
        tool = self.tools.get(call.tool)
        if tool is not None and tool.lacks is not None:
            self._typed[future] = call.tool
        if fault is not None:
            self._settle(future, fault)
            return
        waits = [need for need in needs if need not in self.values]
        self._producers[future] = len(waits)
        for need in waits:
            self._consumers.setdefault(need, []).append(future)
        if waits and call.tool in self.tools:
            self._hold(future, Pending(call, arguments.bound(call, self.tools[call.tool], self.values)))
        elif not waits:
            self._agenda[future] = None

    def start(self, future: int, call: Call, footprint: Footprint, args: Mapping[str, Any]) -> None:
        """[start j] All arguments known, behind no barrier, quiet, and a slot is free."""
        self.futures[future] = Running(call, footprint)
        self._slots.take(future, call.tool)
        self._actions.append(events.Start(future, call.tool, args, footprint))

    def finish(self, event: events.Finish) -> None:
        """[finish j] The tool returned: the future is resolved and its keys are free."""
        if isinstance(event.value, ErrorValue):
            raise ProtocolError(f"$f{event.future} finished with an error: a failure is fed as Fail")
        self._ended(event.future, event.value)

    def fail(self, event: events.Fail) -> None:
        """[fail j] The tool raised: the future is resolved to the error and its keys are free."""
        self._ended(event.future, with_origin(event.error, event.future))

    def end(self, event: events.End) -> None:
        """A tool whose call was settled before it ended has ended now."""
        if isinstance(self.futures.get(event.future), Running):
            raise ProtocolError(f"end of $f{event.future}, which was neither cancelled nor timed out")
        self._ended(event.future, None)

    def touch(self, event: events.Touch) -> None:
        """[touch] The decoder waits for these futures and is handed their values."""
        if self._touched is not None or self._draining:
            raise ProtocolError("touch while the decoder waits or has ended")
        self._require_issued(event.futures)
        self._touched = event
        self._touched_open = {future for future in event.futures if future not in self.values}
        self._resume_if_satisfied()

    def wake(self, event: events.Wake) -> None:
        """The decoder waits no longer; it is handed what is resolved by now."""
        if self._touched is None:
            raise ProtocolError("wake while the decoder does not wait")
        self._resume()

    def deliver(self, event: events.Deliver) -> None:
        """[deliver] The environment hands over resolved values: a touch that it chose, logged by the driver."""
        self._require_issued(event.futures)
        for future in event.futures:
            if future not in self.values:
                raise ProtocolError(f"deliver of $f{future}, which is not resolved")
        self._barrier.tell(event.futures)

    def cancel(self, event: events.Cancel) -> None:
        """[cancel j]"""
        self._abandon(event.future, "cancelled", "this call was cancelled before it returned")

    def timeout(self, event: events.Timeout) -> None:
        """[timeout j] Counted from the start of the call, so a pending call cannot time out."""
        if isinstance(self.futures.get(event.future), Pending):
            raise ProtocolError(f"timeout of $f{event.future}, which has not started")
        self._abandon(event.future, "timeout", "this call did not end in time")

    def drain(self, event: events.Drain) -> None:
        """The end of the program. Returning before every call has ended would lose effects and hide errors."""
        if self._touched is not None:
            raise ProtocolError("drain while the decoder waits")
        self._draining = True
        self._drained_if_idle()

    # ------------------------------------------------------------------------------------------------ the gates

    def _run_agenda(self) -> None:
        """Look again at every call for which something changed, then hand out free slots."""
        while self._agenda:
            future, _ = self._agenda.popitem()
            state = self.futures.get(future)
            if isinstance(state, Pending):
                self._pass_gates(future, state)
        self._hand_out_slots()

    def _pass_gates(self, future: int, state: Pending) -> None:
        call = state.call
        if self._producers.get(future):  # one argument more is known: perhaps a smaller region
            if call.tool in self.tools:
                self._hold(future, Pending(call, arguments.bound(call, self.tools[call.tool], self.values)))
            return
        if state.args is None:
            prepared = arguments.prepare(call, self.tools.get(call.tool), self.values)
            if isinstance(prepared, ErrorValue):
                self._settle(future, prepared)
                return
            args, footprint = prepared
            state = Pending(call, footprint, args)
            self._hold(future, state)
        tool = self.tools[state.call.tool]
        if self._needs_barrier(tool, state.footprint):
            if self._barrier.holds_back(future):
                return
            origin = self._barrier.failure_before(future)
            if origin is not None:
                message = f"{tool.name} was not run, because $f{origin} failed"
                self._settle(future, ErrorValue("not_executed", message, origin=origin))
                return
        if self._quiet(future, tool, state.footprint):
            self._slots.wait(future, tool.name)

    def _needs_barrier(self, tool: Tool, footprint: Footprint) -> bool:
        return tool.irreversible or (self.failure != "poison" and bool(footprint.writes))

    def _quiet(self, future: int, tool: Tool, footprint: Footprint) -> bool:
        """quiet(j): every earlier call has ended, is known or bounded to be independent, or commutes. If not, watch
        one that is in the way."""
        partners = self._commutes.get(tool.name)
        excused = None if partners is None else lambda other: self._tool_of(other) in partners
        blocker = self._tree.blocker(future, footprint, excused)
        if blocker:
            self._watchers.setdefault(blocker, []).append(future)
        return not blocker

    def _tool_of(self, future: int) -> str:
        """The tool of an open call."""
        state = self.futures[future]
        return state.call.tool if isinstance(state, Pending) else self._slots.running[future]

    def _hand_out_slots(self) -> None:
        """Start ready calls, the lowest future first, as long as the caps allow."""
        while future := self._slots.next(self._is_pending):
            state = self.futures[future]
            assert isinstance(state, Pending)
            assert state.args is not None
            partner = self._partner_under_way(state.call.tool, state.footprint)
            if partner:
                self._excluded.setdefault(partner, []).append(future)
            else:
                self.start(future, state.call, state.footprint, state.args)

    def _partner_under_way(self, tool: str, footprint: Footprint) -> int:
        """A call that commutes with this one, and is under way on the same keys: either may go first, but not both at
        once. 0 if there is none."""
        partners = self._commutes.get(tool)
        if partners is None:
            return 0
        for other, name in self._slots.running.items():
            if name in partners and self._tree.holds(other) and not indep(self._tree.footprint(other), footprint):
                return other
        return 0

    def _is_pending(self, future: int) -> bool:
        return isinstance(self.futures.get(future), Pending)

    # ---------------------------------------------------------------------------------------------- settlement

    def _ended(self, future: int, value: Value) -> None:
        """A tool under way has ended: its slot is free, and so are its keys."""
        if not self._slots.free(future):
            raise ProtocolError(f"$f{future} is not under way")
        match self.futures.get(future):
            case Running():
                self._settle(future, value)
            case Resolved(settled, in_doubt=True):
                self.futures[future] = Resolved(settled)
                self._release(future)
        self._drained_if_idle()

    def _abandon(self, future: int, kind: ErrorKind, message: str) -> None:
        """Settle a call before it has ended. Exact if it cannot have written anything; else it is in doubt."""
        self._require_issued((future,))
        match self.futures[future]:
            case Pending():
                self._settle(future, ErrorValue(kind, message, origin=future))
            case Running(call, footprint):
                acts = self.tools[call.tool].may_act(footprint)
                effects: Effects = "unknown" if acts else "none"
                error = ErrorValue(kind, message, origin=future, retryable=not acts, effects=effects)
                self._settle(future, error, in_doubt=acts)
                self._actions.append(events.Stop(future))

    def _settle(self, future: int, value: Value, *, in_doubt: bool = False) -> None:
        self.values[future] = value
        self.futures[future] = Resolved(value, in_doubt)
        self._actions.append(events.Settle(future, value))
        if isinstance(value, ErrorValue):
            self._barrier.fail(future, value)
        if not in_doubt:
            self._release(future)
        self._producers.pop(future, None)
        for consumer in self._consumers.pop(future, ()):
            if consumer in self._producers:
                self._producers[consumer] -= 1
                self._agenda[consumer] = None
        if future == self._barrier.lowest_open:
            self._advance_barrier()
        if self._touched is not None and future in self._touched_open:
            self._touched_open.discard(future)
            self._resume_if_satisfied()
        self._drained_if_idle()

    def _advance_barrier(self) -> None:
        for lowest in self._barrier.advance(self.values):
            if self.failure == "strict" and isinstance(self.values[lowest], ErrorValue):
                self._cut(lowest)
        for released in self._barrier.released():
            self._agenda[released] = None

    def _hold(self, future: int, state: Pending) -> None:
        """Let a call hold its footprint in the State Tree; those who waited for more of it look again."""
        self.futures[future] = state
        if not self._tree.holds(future):
            self._tree.hold(future, state.footprint)
        elif self._tree.footprint(future) != state.footprint:
            self._tree.hold(future, state.footprint)
            self._wake_watchers(future)

    def _release(self, future: int) -> None:
        if self._tree.holds(future):
            self._tree.release(future)
        self._wake_watchers(future)
        for ready in self._excluded.pop(future, ()):
            state = self.futures.get(ready)
            if isinstance(state, Pending):
                self._slots.wait(ready, state.call.tool)

    def _wake_watchers(self, future: int) -> None:
        for watcher in self._watchers.pop(future, ()):
            self._agenda[watcher] = None

    def _cut(self, failed: int) -> None:
        """[cut] strict: whatever was issued after the first failed call never was. Only reads can be under way."""
        for future in self._barrier.cut_after(failed):
            if future in self._slots.running:
                self._actions.append(events.Stop(future))
            self._release(future)
            for table in (self.futures, self.values, self._producers, self._consumers, self._typed):
                table.pop(future, None)
        self._touched, self._draining = None, False
        self._barrier.tell((failed,))
        self._actions.append(events.Cut(failed))

    # --------------------------------------------------------------------------------------------- the decoder

    def _resume_if_satisfied(self) -> None:
        assert self._touched is not None
        some = any(future in self.values for future in self._touched.futures)
        if not self._touched_open or (self._touched.any and some):
            self._resume()

    def _resume(self) -> None:
        assert self._touched is not None
        values = {future: self.values[future] for future in self._touched.futures if future in self.values}
        self._touched = None
        self._barrier.tell(values)
        self._actions.append(events.Resume(values))

    def _drained_if_idle(self) -> None:
        if self._draining and not self._slots.running and self._barrier.all_settled:
            self._draining = False
            self._actions.append(events.Drained())

    def _require_issued(self, futures: Iterable[int]) -> None:
        for future in futures:
            if future not in self.futures:
                raise ProtocolError(f"$f{future} was never issued")

    def fault_of(self, call: Call) -> ErrorValue | None:
        """Why a call that is about to be issued will be refused for what its arguments refer to; None if it will not.

        Whatever has returned by then, the answer is the same.
        """
        return arguments.reference_fault(call, self.futures, self._type_of)

    def _type_of(self, future: int) -> Lacks | None:
        return self.tools[self._typed[future]].lacks if future in self._typed else None

    def latest_conflict(self, before: int, footprint: Footprint) -> int:
        """The last open call issued before the number `before` that conflicts with `footprint`; 0 if there is none."""
        return self._tree.blocker(before, footprint)

    # ------------------------------------------------------------------------------------------ for the explorer

    def fork(self) -> Scheduler:
        """An independent copy of this state; terms, values and tools are shared."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        for name in _OWN_DICTS:
            setattr(twin, name, dict(getattr(self, name)))
        for name in _OWN_DICTS_OF_LISTS:
            setattr(twin, name, {key: list(items) for key, items in getattr(self, name).items()})
        twin._barrier = self._barrier.copy()
        twin._touched_open = set(self._touched_open)
        twin._tree = self._tree.copy()
        twin._slots = self._slots.copy()
        twin._actions = []
        return twin

    def key(self) -> tuple[object, ...]:
        """Two states with equal keys behave alike. Everything else in the state is derived from these parts."""
        return (
            tuple(life(future, state, future in self._slots.running) for future, state in self.futures.items()),
            tuple(sorted(item for item in self._slots.running.items() if item[0] not in self.futures)),  # cut calls
            self._barrier.last_issued,
            tuple(sorted(self._barrier.told.items())),
            self._touched,
            self._draining,
            tuple(self._typed.items()),
        )


_OWN_DICTS = ("futures", "values", "_producers", "_agenda", "_typed")
_OWN_DICTS_OF_LISTS = ("_consumers", "_watchers", "_excluded")

# By name, so that a subclass may change a rule.
_RULES: dict[type[Any], str] = {
    events.Issue: "issue",
    events.Finish: "finish",
    events.Fail: "fail",
    events.End: "end",
    events.Touch: "touch",
    events.Wake: "wake",
    events.Deliver: "deliver",
    events.Cancel: "cancel",
    events.Timeout: "timeout",
    events.Drain: "drain",
}
