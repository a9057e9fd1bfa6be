"""A driver that also cancels and times calls out, and the sequential run in which the same calls meet the same fate.

A call that was abandoned before it started never ran. One that was abandoned while it ran may or may not have had its
effect by the time its end is known; which of the two is chosen here, as a world would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any
from unittest.mock import patch

from asyncfc_sim.core import sequential
from asyncfc_sim.core.arguments import bound, needed, prepare
from asyncfc_sim.core.events import (
    Action,
    Cancel,
    Cut,
    Drained,
    End,
    Event,
    Fail,
    Finish,
    Pending,
    Resolved,
    Running,
    Settle,
    Start,
    Timeout,
)
from asyncfc_sim.core.footprint import Footprint, indep
from asyncfc_sim.core.interpreter import Interpreter, Outcome
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import Execute, run_sequential
from asyncfc_sim.core.syntax import Call, Program, calls_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.verify.configuration import MakeScheduler

Choose = Callable[[int], int]


class Chaos:
    """One run under one schedule, with the invariants of the scheduler checked after every event."""

    def __init__(
        self,
        program: Program,
        tools: Mapping[str, Tool],
        execute: Execute,
        choose: Choose,
        *,
        failure: Failure = "poison",
        max_running: int = 32,
        abandon: bool = True,
        make: MakeScheduler = Scheduler,
    ) -> None:
        self.scheduler = make(tools, failure=failure, max_running=max_running)
        self.decoder = Interpreter(program)
        self.invariants = Invariants(self.scheduler, program, max_running)
        self.schedule: list[str] = []
        self.never_ran: dict[int, ErrorValue] = {}  # abandoned before it started
        self.abandoned: dict[int, ErrorValue] = {}  # abandoned while it ran
        self.had_effect: set[int] = set()  # of those
        self._execute, self._choose, self._abandon = execute, choose, abandon
        self._under_way: dict[int, Start] = {}

    def run(self) -> Outcome:
        while not self.decoder.ended or self._under_way:
            moves = self._moves()
            assert moves, f"stuck after {self.schedule}"
            name, move = moves[self._choose(len(moves))]
            self.schedule.append(name)
            move()
        self.invariants.at_the_end()
        return self.decoder.outcome(self.scheduler.values)

    def _moves(self) -> list[tuple[str, Callable[[], None]]]:
        moves: list[tuple[str, Callable[[], None]]] = []
        if self.decoder.ready:
            moves += [("decode", self._decode)] * 2  # so that calls pile up
        for start in self._under_way.values():
            moves.append((f"end f{start.future}", partial(self._end, start)))
        if self._abandon and self._choose(5) == 4:
            moves += self._ways_to_abandon()
        return moves

    def _ways_to_abandon(self) -> list[tuple[str, Callable[[], None]]]:
        ways: list[tuple[str, Callable[[], None]]] = []
        for future, state in self.scheduler.futures.items():
            if not isinstance(state, Resolved):
                ways.append((f"cancel f{future}", partial(self._give_up, Cancel(future))))
            if isinstance(state, Running):
                ways.append((f"timeout f{future}", partial(self._give_up, Timeout(future))))
        return ways

    def _decode(self) -> None:
        event = self.decoder.next_event()
        assert event is not None
        self._feed(event)

    def _end(self, start: Start) -> None:
        future = start.future
        del self._under_way[future]
        if future in self.abandoned:
            if self._choose(2):
                self.had_effect.add(future)
                self._execute(future, start.tool, start.args)
            self._feed(End(future))
            return
        value = self._execute(future, start.tool, start.args)
        self._feed(Fail(future, value) if isinstance(value, ErrorValue) else Finish(future, value))

    def _give_up(self, event: Cancel | Timeout) -> None:
        future, ran = event.future, event.future in self._under_way
        self._feed(event)
        value = self.scheduler.values.get(future)
        if isinstance(value, ErrorValue):  # not if the call was cut, as one after the first failure
            (self.abandoned if ran else self.never_ran)[future] = value

    def _feed(self, event: Event) -> None:
        actions = self.scheduler.feed(event)
        self._under_way.update((action.future, action) for action in actions if isinstance(action, Start))
        self.invariants.after(actions)
        answers = [self.decoder.receive(action) for action in actions]
        for answer in answers:
            if answer is not None:
                self._feed(answer)

    def sequential(self, tools: Mapping[str, Tool], execute: Execute, failure: Failure) -> Outcome:
        """The same program, call by call, each abandoned call ending as it did here."""
        never_ran, abandoned, had_effect = self.never_ran, self.abandoned, self.had_effect

        class Fated(sequential._Sequential):
            def _value(self, call: Call) -> Value:
                return never_ran[call.future] if call.future in never_ran else super()._value(call)

        def fated(future: int, tool: str, args: Mapping[str, Any]) -> Value:
            if future not in abandoned:
                return execute(future, tool, args)
            if future in had_effect:
                execute(future, tool, args)
            return abandoned[future]

        with patch.object(sequential, "_Sequential", Fated):
            return run_sequential(self.invariants.program, tools, fated, failure)


class Invariants:
    """What holds of a scheduler in every reachable state, said without its data structures."""

    def __init__(self, scheduler: Scheduler, program: Program, max_running: int) -> None:
        self.scheduler, self.program = scheduler, program
        self.calls = {call.future: call for call in calls_in(program.body)}
        self.started: set[int] = set()
        self.settled: set[int] = set()
        self.held: dict[int, Footprint] = {}
        self.most_under_way = 0
        self.without_caps = False  # then whatever may start has started
        self._max_running = max_running

    def after(self, actions: list[Action]) -> None:
        scheduler = self.scheduler
        for action in actions:
            match action:
                case Start(future, _, _, footprint):
                    assert future not in self.started, f"$f{future} starts twice"
                    assert future not in self.settled, f"$f{future} starts though it is settled"
                    assert footprint == self.footprint(future), f"$f{future} starts with a wrong footprint"
                    self.started.add(future)
                case Settle(future, value):
                    assert future not in self.settled, f"$f{future} settles twice"
                    assert scheduler.values.get(future, value) is value
                    self.settled.add(future)
                case Cut(future):
                    assert max(scheduler.futures) == future
                case Drained():
                    self.at_the_end()
        assert len(scheduler._slots.running) <= self._max_running
        holders = [future for future, state in scheduler.futures.items() if acts(state)]
        self.most_under_way = max(self.most_under_way, len(holders))
        for one, other in combinations(holders, 2):
            assert indep(self.footprint(one), self.footprint(other)), f"$f{one} and $f{other} run at the same time"
        for future, state in scheduler.futures.items():
            assert scheduler._tree.holds(future) is (acts(state) or self._waits(future, state))
            if scheduler._tree.holds(future):
                footprint = scheduler._tree.footprint(future)
                assert footprint.within(self.held.get(future, footprint)), f"$f{future} holds more than before"
                self.held[future] = footprint
        if self.without_caps:
            self._whatever_may_start_has_started()

    def _whatever_may_start_has_started(self) -> None:
        for future, state in self.scheduler.futures.items():
            if isinstance(state, Pending):
                assert not self.may_start(future), f"$f{future} might have started"
            if isinstance(state, Running):
                assert self.may_start(future), f"$f{future} should not have started"

    def _waits(self, future: int, state: object) -> bool:
        return isinstance(state, Pending) and self.calls[future].tool in self.scheduler.tools

    def at_the_end(self) -> None:
        scheduler = self.scheduler
        assert all(isinstance(state, Resolved) and not state.in_doubt for state in scheduler.futures.values())
        assert set(scheduler.values) == set(scheduler.futures) <= self.settled
        assert not scheduler._slots.running
        assert not scheduler._tree._held

    # The gate `quiet`, as formal.md 1.4 has it ------------------------------------------------------------------

    def footprint(self, future: int) -> Footprint:
        """What is known of a call's footprint: the exact one, or what bounds it."""
        call, tools, values = self.calls[future], self.scheduler.tools, self.scheduler.values
        if needed(call) <= values.keys():
            prepared = prepare(call, tools[call.tool], values)
            assert not isinstance(prepared, ErrorValue)
            return prepared[1]
        return bound(call, tools[call.tool], values)

    def may_start(self, future: int) -> bool:
        """[start j]: all arguments of j resolved, the barrier open, and quiet(j). For a state without caps."""
        scheduler, call = self.scheduler, self.calls[future]
        tool = scheduler.tools.get(call.tool)
        if tool is None or not needed(call) <= scheduler.values.keys():
            return False
        footprint = self.footprint(future)
        earlier = [other for other in scheduler.futures if other < future]
        barrier = tool.irreversible or (scheduler.failure != "poison" and bool(footprint.writes))
        if barrier and not all(other in scheduler.values for other in earlier):
            return False
        return self.quiet(future, footprint, tool)

    def quiet(self, future: int, footprint: Footprint, tool: Tool) -> bool:
        for other, state in self.scheduler.futures.items():
            if other == future or not (acts(state) or self._waits(other, state)):
                continue
            partner = self.scheduler.tools[self.calls[other].tool]
            commutes = partner.name in tool.commutes_with or tool.name in partner.commutes_with
            in_the_way = (other < future and not commutes) or (commutes and acts(state))
            if in_the_way and not indep(self.footprint(other), footprint):
                return False
        return True


def acts(state: object) -> bool:
    """Whether the call's tool may be acting on its keys."""
    return isinstance(state, Running) or (isinstance(state, Resolved) and state.in_doubt)
