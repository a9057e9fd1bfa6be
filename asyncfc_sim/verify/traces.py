"""The strategy `traces`: one execution for each Mazurkiewicz trace, with sleep sets (Godefroid 1996).

Two executions are of one trace if they differ only in the order of neighbouring independent steps; they end alike.
Under the rule `quiet` all schedules of a program are of one trace, which is what the theorem says (formal.md 1.5), so
exactly one execution must be found. Without the rule their number shows how many meanings a program has.

States are not remembered here: this counts executions, and is meant for small programs. Steps are independent if what
they touch is: for a tool that acts step by step its next access, for an atomic one its declared footprint, which is
watched (persistent.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.footprint import NOTHING, Footprint, indep

from .configuration import Configuration
from .moves import DECODE, Move
from .persistent import Reduction, Trespass, Watch, applies
from .setting import Setting


class TooManyExecutions(Exception):
    """The limit was reached before every trace was seen."""


@dataclass(slots=True)
class Traces:
    """How many executions were run to their end, of how many different traces, and how many nodes that took."""

    executions: int = 0
    traces: int = 0
    blocked: int = 0  # executions given up, because all that could come next had been seen
    nodes: int = 0  # steps of tools made, each on each execution but for the shared beginnings


def explore_traces(setting: Setting, *, limit: int = 100_000) -> Traces | None:
    """Execute each trace of the setting's program; `limit` is on the nodes.

    None if it is not known what is independent: where `applies` says so (persistent.py), in the mode `strict`, and if a
    tool touched what it did not declare.

    Raises TooManyExecutions.
    """
    if setting.failure == "strict" or not applies(setting):
        return None
    try:
        return _Search(setting, limit).run()
    except Trespass:
        return None


class _Search:
    def __init__(self, setting: Setting, limit: int) -> None:
        self._start = setting.start()
        self._start.observer = Watch(self._start)
        self._limit = limit
        self._reduction = Reduction(setting.tools)
        self._seen: set[frozenset[tuple[object, object]]] = set()
        self._found = Traces()

    def run(self) -> Traces:
        self._visit(self._start, {}, ())
        self._found.traces = len(self._seen)
        return self._found

    def _visit(self, run: Configuration, asleep: dict[Move, Footprint], done: tuple[_Step, ...]) -> None:
        """Run every execution from here but those that begin with a move asleep, up to equivalence."""
        moves = self._branches(run)
        while len(moves) == 1 and moves[0] not in asleep:
            step = self._step(run, moves[0], done)
            run.make(moves[0])
            done, asleep = (*done, step), step.wakes(asleep)
            moves = self._branches(run)
        if run.over():
            self._found.executions += 1
            self._seen.add(_order(done))
            return
        awake = [move for move in moves if move not in asleep]
        if not awake:
            self._found.blocked += 1
        for move in awake:
            step = self._step(run, move, done)
            twin = run.fork()
            twin.observer = Watch(twin)
            twin.make(move)
            self._visit(twin, step.wakes(asleep), (*done, step))
            asleep = {**asleep, move: step.footprint}

    def _step(self, run: Configuration, move: Move, done: tuple[_Step, ...]) -> _Step:
        self._found.nodes += move != DECODE
        if self._found.nodes > self._limit:
            raise TooManyExecutions(f"more than {self._limit} nodes")
        return _Step((move, sum(step.name[0] == move for step in done)), _touched(run, move))

    def _branches(self, run: Configuration) -> list[Move]:
        return [] if run.over() else list(self._reduction.enough(run, run.moves()))


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of a tool (its future, how many steps that had made before), and what it touches."""

    name: tuple[Move, int]
    footprint: Footprint

    def wakes(self, asleep: dict[Move, Footprint]) -> dict[Move, Footprint]:
        """What stays asleep after this step: what is independent of it."""
        return {move: each for move, each in asleep.items() if move != self.name[0] and indep(each, self.footprint)}


def _touched(run: Configuration, move: Move) -> Footprint:
    if move == DECODE or not isinstance(move, int):
        return NOTHING
    running = run.under_way[move]
    if run.granularity == "atomic":
        return running.start.footprint
    access: Access | None = run.peek(move)
    if access is None:
        return NOTHING
    return Footprint(**{"reads" if access.mode == "r" else "writes": (access.pattern,)})


def _order(done: tuple[_Step, ...]) -> frozenset[tuple[object, object]]:
    """The order of dependent steps, by which a trace is known."""
    return frozenset(
        (one.name, other.name)
        for position, other in enumerate(done)
        for one in done[:position]
        if not indep(one.footprint, other.footprint)
    )
