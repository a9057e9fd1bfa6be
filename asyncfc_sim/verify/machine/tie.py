"""The tie between the proofs and the code: runs of the real scheduler, each followed on the machine of the proofs.

A run is followed move by move; at its end, what the machine says of it (values, what the decoder saw, its answer, the
world) must be what the run says, and what both sequential machines say of the program. Where nothing interferes and
footprints are true, every single move must leave `completion` as it is: the lemma of the proofs, in every state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asyncfc_sim.core.interpreter import Outcome
from asyncfc_sim.core.values import canonical
from asyncfc_sim.verify.configuration import UNCAPPED, Configuration
from asyncfc_sim.verify.exhaust import TooManyStates
from asyncfc_sim.verify.moves import Move
from asyncfc_sim.verify.schedules import format_schedule
from asyncfc_sim.verify.setting import Ending, Setting
from asyncfc_sim.verify.walk import Choose
from asyncfc_sim.workloads.key_world import Body, KeyWorld

from .decoder import begin
from .follow import Deviation, Follower
from .in_order import completion
from .states import Given, State

LIMIT = 200_000  # states


class Tie:
    """A program to follow: how it is scheduled and run, and what its tools do.

    `in_order` asks that the run comes to what running in order comes to: right for true footprints, and an environment
    that does not interfere.

    Raises Deviation if the two sequential machines, this one and core/sequential, differ.
    """

    def __init__(self, setting: Setting, bodies: Mapping[str, Body], *, in_order: bool = True) -> None:
        world = setting.make_world()
        assert isinstance(world, KeyWorld)
        self.setting = setting
        self.given = Given(setting.tools, bodies, setting.failure, setting.workers, UNCAPPED)
        self.begin = begin(setting.program, dict(world.values))
        self.expected, found = setting.in_order().text(), completion(self.given, self.begin).text()
        if found != self.expected:
            raise Deviation(f"in order: the machine comes to {found}, core/sequential to {self.expected}")
        self._in_order = in_order
        # Calls that change places by declaration: the proofs do not cover that, and on the way `completion` changes.
        self._commuting = any(tool.commutes_with for tool in setting.tools.values())

    def make(self, run: Configuration, state: State, move: Move) -> State:
        """Make a move of the run, and follow it from the machine's `state`. Raises Deviation."""
        follower = Follower(self.given, state)
        run.observer = follower.saw
        run.make(move)
        follower.rest()
        if run.over():
            _same_end(run, follower.state)
        if self._in_order and (run.over() or not self._commuting):
            found = completion(self.given, follower.state).text()
            if found != self.expected:
                raise Deviation(f"in order, this state comes to {found}, and the program to {self.expected}")
        return follower.state


def _same_end(run: Configuration, state: State) -> None:
    outcome = Outcome(state.values, state.seen, state.answer, state.cut or None)
    found = Ending(outcome, canonical(dict(state.world))).text()
    expected = Ending(run.outcome(), run.world.state()).text()
    if found != expected or not state.ended:
        raise Deviation(f"the machine ends with {found}, the run with {expected}")


@dataclass(slots=True)
class Followed:
    """How much was followed."""

    states: int = 0
    moves: int = 0
    ends: int = 0


def follow_all(tie: Tie, limit: int = LIMIT) -> Followed:
    """Follow every schedule; a state of the scheduler must be one state of the machine, whichever way leads there.

    Raises Deviation with the schedule, Stuck, and TooManyStates.
    """
    run, state, found = tie.setting.start(), tie.begin, Followed()
    met: dict[tuple[object, ...], State] = {run.key(): state}
    stack: list[tuple[Configuration, State, tuple[Move, ...]]] = [(run, state, ())]
    while stack:
        run, state, schedule = stack.pop()
        if run.over():
            found.ends += 1
            continue
        for move in run.moves():
            twin, moves = run.fork(), (*schedule, move)
            found.moves += 1
            try:
                after = tie.make(twin, state, move)
                known = met.setdefault(twin.key(), after)
                if known != after:
                    raise Deviation(f"one state of the scheduler is two of the machine: {known} and {after}")
            except Deviation as deviation:
                raise Deviation(f"{deviation}\nschedule: {format_schedule(moves)}\n{tie.setting.program}") from None
            if known is after:
                stack.append((twin, after, moves))
            if len(met) > limit:
                raise TooManyStates(f"more than {limit} states")
    found.states = len(met)
    return found


def follow_one(tie: Tie, choose: Choose) -> tuple[Move, ...]:
    """Follow one schedule, chosen move by move; the schedule. Raises Deviation and Stuck."""
    run, state = tie.setting.start(), tie.begin
    schedule: list[Move] = []
    while not run.over():
        moves = run.moves()
        schedule.append(moves[choose(len(moves))])
        try:
            state = tie.make(run, state, schedule[-1])
        except Deviation as deviation:
            raise Deviation(f"{deviation}\nschedule: {format_schedule(schedule)}\n{tie.setting.program}") from None
    return tuple(schedule)
