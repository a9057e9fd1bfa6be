"""Which moves suffice: a persistent set (Godefroid 1996), found as one component of the calls that may still meet.

Two moves that commute need not be tried in both orders. The next statement of the decoder and the return of a tool
commute with everything that other tools do, so where there is one, it alone is enough (local steps first). Among the
steps of tools, those of one connected component of the dependence graph are enough: calls are connected if their
footprints conflict or if one needs the other's value; the calls that are not issued yet count as one.

Footprints are trusted no further than they are watched: `Trespass` is raised at the first access that a tool did not
declare, and the search starts again without the reduction. This is sound, because moving independent steps ahead of
the first trespass of a run changes nothing that its call has read, so the call trespasses all the same: the reduced
search meets one if the full search does.

It relies on the rule `quiet`, or on no rule at all: in a state of the real scheduler, or of the naive one, a call that
might start is not held back by independent calls, nor by later ones. Where that does not hold all moves are tried:
under other schedulers, with too few workers, with moves of the environment, and for tools that commute by declaration,
of which whichever is ready first goes first (that is not watched: it may be false). In the mode `strict` a failure cuts
off what is independent of it: there only accesses are moved ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from asyncfc_sim.core import arguments
from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.events import Action, Event, Pending
from asyncfc_sim.core.footprint import NOTHING, Footprint, indep
from asyncfc_sim.core.interpreter import Cursor
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call, calls_in
from asyncfc_sim.core.tool import Tool

from .baselines import Naive
from .configuration import Configuration
from .moves import DECODE, Move
from .setting import Setting

REST = 0  # the node that stands for all calls that are not issued yet


class Trespass(Exception):
    """A tool accessed a key that it did not declare: footprints say too little about this program."""


class Watch:
    """An observer of a configuration: no access outside the footprint with which its call started."""

    def __init__(self, configuration: Configuration) -> None:
        self._under_way = configuration.under_way

    def __call__(self, happened: Event | Access | Action) -> None:
        if isinstance(happened, Access):
            footprint = self._under_way[happened.future].start.footprint
            allowed = footprint.writes if happened.mode == "w" else footprint.reads + footprint.writes
            if not any(pattern.covers(happened.pattern) for pattern in allowed):
                raise Trespass(f"$f{happened.future} touched {happened.pattern}, which it does not declare")


def applies(setting: Setting) -> bool:
    """Whether fewer moves can be enough."""
    calls = list(calls_in(setting.program.body))
    tools = {call.tool: setting.tools[call.tool] for call in calls if call.tool in setting.tools}
    workers = [setting.workers, *(tool.concurrency for tool in tools.values() if tool.concurrency is not None)]
    commute = any(partner in tools for tool in tools.values() for partner in tool.commutes_with)
    ruled = setting.scheduler is Scheduler or (setting.scheduler is Naive and setting.failure != "strict")
    return ruled and len(calls) <= min(workers) and not commute and not setting.environment


class Reduction:
    """Chooses moves that suffice. One object serves all configurations of one program."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools
        self._bounds: dict[int, Footprint] = {}  # of calls not issued yet, by identity
        self._meets: dict[tuple[Footprint, Footprint], bool] = {}

    def enough(self, run: Configuration, moves: Sequence[Move]) -> Sequence[Move]:
        """Some of `moves`, from which every outcome can be reached that all of them can reach."""
        if run.scheduler.failure == "strict":
            return self._an_access(run, moves) or moves
        if DECODE in moves:
            return (DECODE,)
        if len(moves) == 1:
            return moves
        if run.granularity == "steps":
            for move in moves:
                if isinstance(move, int) and run.peek(move) is None:
                    return (move,)
        return min(self._components(run, moves), key=len)

    def _an_access(self, run: Configuration, moves: Sequence[Move]) -> Sequence[Move]:
        """An access of a tool that is independent of all others under way commutes with all that can happen, also with
        a failure that cuts its call off; its return does not."""
        if run.granularity == "atomic":
            return ()
        footprints = {future: each.start.footprint for future, each in run.under_way.items()}
        for move in moves:
            if isinstance(move, int) and move != DECODE and run.peek(move) is not None:
                others = (footprint for future, footprint in footprints.items() if future != move)
                if not any(self._conflict(footprints[move], other) for other in others):
                    return (move,)
        return ()

    def _components(self, run: Configuration, moves: Sequence[Move]) -> Iterable[Sequence[Move]]:
        """The moves of each component that has some."""
        calls = {future: each.start.footprint for future, each in run.under_way.items()}
        waiting = {future: state for future, state in run.scheduler.futures.items() if isinstance(state, Pending)}
        calls |= {future: state.footprint for future, state in waiting.items()}
        rest = [] if run.decoder.ended else list(_calls_ahead(run.decoder.cursor))
        edges: dict[int, set[int]] = {future: set() for future in calls}
        if rest:
            awaited = run.decoder.awaited
            edges[REST] = {future for future in calls if future in awaited or self._meets_rest(calls[future], rest)}
        order = list(calls)
        for position, one in enumerate(order):
            edges[one] |= {other for other in order[:position] if self._conflict(calls[one], calls[other])}
        for future, state in waiting.items():
            edges[future] |= arguments.needed(state.call) & edges.keys()
        return [[move for move in moves if move in part] for part in _connected(edges) if part & set(moves)]

    def _meets_rest(self, footprint: Footprint, rest: Iterable[Call]) -> bool:
        return any(self._conflict(footprint, self._bound(call)) for call in rest)

    def _bound(self, call: Call) -> Footprint:
        found = self._bounds.get(id(call))
        if found is None:
            tool = self._tools.get(call.tool)
            found = NOTHING if tool is None else arguments.bound(call, tool, {})
            self._bounds[id(call)] = found
        return found

    def _conflict(self, one: Footprint, other: Footprint) -> bool:
        meets = self._meets.get((one, other))
        if meets is None:
            meets = self._meets[one, other] = not indep(one, other)
        return meets


def _calls_ahead(cursor: Cursor | None) -> Iterable[Call]:
    while cursor is not None:
        yield from calls_in(cursor.body[cursor.position :])
        cursor = cursor.outer


def _connected(edges: Mapping[int, set[int]]) -> Iterable[set[int]]:
    """The connected components of a graph whose edges are given from one side only."""
    parts: list[set[int]] = []
    for node, others in edges.items():
        joined = {node} | others
        apart = []
        for part in parts:
            if part.isdisjoint(joined):
                apart.append(part)
            else:
                joined |= part
        parts = [*apart, joined]
    return parts
