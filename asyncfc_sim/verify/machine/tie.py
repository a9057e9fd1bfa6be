"""The tie between the proofs and the code: runs of the real scheduler, each followed on the machine of the proofs.

A run is followed move by move; at its end, what the machine says of it (values, what the decoder saw, its answer, the
world) must be what the run says, and what both sequential machines say of the program. Where nothing interferes and
footprints are true, every single move must leave `completion` as it is: the lemma of the proofs, in every state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asyncfc_sim.core.interpreter import Outcome
from asyncfc_sim.core.values import ErrorValue, canonical
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
from .states import Fate, Given, State

LIMIT = 200_000  # states


@dataclass(frozen=True, slots=True)
class At:
    """Where a run is on the machine, and who has made its writes so far: the log of proofs/GivenUp.v."""

    state: State
    wrote: tuple[int, ...] = ()

    def fates(self) -> dict[int, Fate]:
        """The calls that were given up, as the log tells of them."""
        return {
            future: Fate(value, self.wrote.count(future))
            for future, value in self.state.values.items()
            if isinstance(value, ErrorValue) and value.kind in ("cancelled", "timeout") and value.origin == future
        }


class Tie:
    """A program to follow: how it is scheduled and run, and what its tools do.

    `in_order` asks that the run comes to what running in order comes to, its calls given up as they were: right for
    true footprints, and an environment that delivers nothing.

    Raises Deviation if the two sequential machines, this one and core/sequential, differ.
    """

    def __init__(self, setting: Setting, bodies: Mapping[str, Body], *, in_order: bool = True) -> None:
        world = setting.make_world()
        assert isinstance(world, KeyWorld)
        self.setting = setting
        self.given = Given(setting.tools, bodies, setting.failure, setting.workers, UNCAPPED)
        self.begin = At(begin(setting.program, dict(world.values)))
        self.expected, found = setting.in_order().text(), completion(self.given, self.begin.state).text()
        if found != self.expected:
            raise Deviation(f"in order: the machine comes to {found}, core/sequential to {self.expected}")
        self._in_order = in_order
        # Not so where calls change places by declaration, which the proofs do not cover, or are given up.
        commuting = any(tool.commutes_with for tool in setting.tools.values())
        self._every_state = in_order and not commuting and not setting.environment

    def make(self, run: Configuration, at: At, move: Move) -> At:
        """Make a move of the run, and follow it on the machine. Raises Deviation."""
        follower = Follower(self.given, at.state, at.wrote)
        run.observer = follower.saw
        run.make(move)
        follower.rest()
        after = At(follower.state, follower.wrote)
        if run.over():
            self._ended(run, after)
        elif self._every_state:
            found = completion(self.given, after.state).text()
            if found != self.expected:
                raise Deviation(f"in order, this state comes to {found}, and the program to {self.expected}")
        return after

    def _ended(self, run: Configuration, at: At) -> None:
        state, ended = at.state, Ending(run.outcome(), run.world.state()).text()
        outcome = Outcome(state.values, state.seen, state.answer, state.cut or None)
        found = Ending(outcome, canonical(dict(state.world))).text()
        if found != ended or not state.ended:
            raise Deviation(f"the machine ends with {found}, the run with {ended}")
        in_order = completion(replace(self.given, fates=at.fates()), self.begin.state).text()
        if self._in_order and in_order != ended:
            raise Deviation(f"in order, the program comes to {in_order}, and the run to {ended}")


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
    run, at, found = tie.setting.start(), tie.begin, Followed()
    met: dict[tuple[object, ...], State] = {run.key(): at.state}
    stack: list[tuple[Configuration, At, tuple[Move, ...]]] = [(run, at, ())]
    while stack:
        run, at, schedule = stack.pop()
        if run.over():
            found.ends += 1
            continue
        for move in run.moves():
            twin, moves = run.fork(), (*schedule, move)
            found.moves += 1
            try:
                after = tie.make(twin, at, move)
                known = met.setdefault(twin.key(), after.state)
                if known != after.state:
                    raise Deviation(f"one state of the scheduler is two of the machine: {known} and {after.state}")
            except Deviation as deviation:
                raise Deviation(f"{deviation}\nschedule: {format_schedule(moves)}\n{tie.setting.program}") from None
            if known is after.state:
                stack.append((twin, after, moves))
            if len(met) > limit:
                raise TooManyStates(f"more than {limit} states")
    found.states = len(met)
    return found


def follow_one(tie: Tie, choose: Choose) -> tuple[tuple[Move, ...], At]:
    """Follow one schedule, chosen move by move; the schedule, and its end. Raises Deviation and Stuck."""
    run, at = tie.setting.start(), tie.begin
    schedule: list[Move] = []
    while not run.over():
        moves = run.moves()
        schedule.append(moves[choose(len(moves))])
        try:
            at = tie.make(run, at, schedule[-1])
        except Deviation as deviation:
            raise Deviation(f"{deviation}\nschedule: {format_schedule(schedule)}\n{tie.setting.program}") from None
    return tuple(schedule), at
