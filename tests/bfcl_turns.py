"""Golden turns of BFCL as they were run one by one, and the changes of order that footprints allow in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asyncfc_sim.core.footprint import NOTHING, Footprint, Pattern, indep
from asyncfc_sim.core.order import Issued, happens_before, observe
from asyncfc_sim.core.syntax import Call, Touch
from asyncfc_sim.core.values import bind
from asyncfc_sim.workloads.bfcl_world import BfclWorld
from asyncfc_sim.workloads.workload import Task

Family = tuple[str, ...]  # the first two segments of a key


@dataclass(frozen=True)
class Bound:
    """A call with its arguments bound, and its place in the happens-before order."""

    future: int
    tool: str
    args: dict[str, Any]
    issued: Issued


@dataclass(frozen=True)
class Recorded:
    """A golden turn: the world before it, its calls, and what running them in issue order gave."""

    where: str
    before: BfclWorld
    calls: tuple[Bound, ...]
    results: dict[int, Any]
    after: str

    def differs(self, order: Sequence[Bound]) -> bool:
        """Run the calls in another order: is any result, or anything in the final state, another?"""
        world = self.before.copy()
        results = {call.future: world.call(call.future, call.tool, call.args) for call in order}
        return results != self.results or world.state() != self.after


def recorded_turns(tasks: Iterable[Task], at_least: int = 2) -> Iterator[Recorded]:
    """Every turn of at least so many calls."""
    for task in tasks:
        world, values = task.make_world(), dict[int, Any]()
        assert isinstance(world, BfclWorld)
        for number, turn in enumerate(task.turns):
            before, calls, touched = world.copy(), list[Bound](), set[int]()
            for statement in turn.program.body:
                if isinstance(statement, Touch):
                    touched.update(statement.futures)
                if isinstance(statement, Call):
                    issued = observe(statement, task.tools[statement.tool], values, touched=touched)
                    args: Any = bind(dict(statement.args), values)
                    values[statement.future] = world.call(statement.future, statement.tool, args)
                    calls.append(Bound(statement.future, statement.tool, args, issued))
            if len(calls) >= at_least:
                results = {call.future: values[call.future] for call in calls}
                yield Recorded(f"{task.name} turn {number}", before, tuple(calls), results, world.state())


def swaps(turn: Recorded, ignored: frozenset[Family] = frozenset()) -> set[tuple[int, int]]:
    """Positions i < j of calls that may change places: neither depends on the other, nor on a call between them."""
    calls = turn.calls
    data = happens_before([Issued(c.future, NOTHING, c.issued.producers, c.issued.touched) for c in calls])
    footprints = [without(call.issued.footprint, ignored) for call in calls]

    def free(i: int, j: int) -> bool:
        return indep(footprints[i], footprints[j]) and calls[i].future not in data.predecessors[calls[j].future]

    return {
        (i, j)
        for j in range(len(calls))
        for i in range(j)
        if all(free(i, k) for k in range(i + 1, j + 1)) and all(free(k, j) for k in range(i, j))
    }


def swapped(turn: Recorded, i: int, j: int) -> list[Bound]:
    calls = list(turn.calls)
    calls[i], calls[j] = calls[j], calls[i]
    return calls


def families(footprint: Footprint) -> set[Family]:
    return {pattern.key[:2] for pattern in footprint.reads + footprint.writes}


def without(footprint: Footprint, ignored: frozenset[Family]) -> Footprint:
    """The footprint as it would be, had nobody thought of some resources."""

    def kept(patterns: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
        return tuple(pattern for pattern in patterns if pattern.key[:2] not in ignored)

    return Footprint(kept(footprint.reads), kept(footprint.writes))
