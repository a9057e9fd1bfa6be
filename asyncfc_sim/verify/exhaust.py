"""The strategy `exhaust`: every schedule of a program, states that were met before left out.

Depth first over configurations, each visited once. Where it is sound, only moves of a persistent set are tried
(persistent.py); the outcomes found are the same. Outcomes are all that can be observed: the futures' values, what the
decoder saw, its answer, and the world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .configuration import Configuration, Stuck
from .moves import Move
from .persistent import Reduction, Trespass, Watch, applies
from .setting import Ending, Setting

DEFAULT_LIMIT = 200_000  # states

# Called in every state that is visited; a property of all reachable states goes here.
Visit = Callable[[Configuration], None]


class TooManyStates(Exception):
    """The limit was reached before every schedule was seen."""


@dataclass(slots=True)
class Explored:
    """What was found: each distinct ending with a schedule that leads to it, the first one found."""

    states: int = 0
    reduced: bool = False  # whether some moves were left out as redundant
    endings: list[tuple[Ending, tuple[Move, ...]]] = field(default_factory=list)
    stuck: tuple[Move, ...] | None = None  # a schedule after which nothing can happen though the run is not over
    _texts: set[str] = field(default_factory=set)

    def add(self, ending: Ending, schedule: Sequence[Move]) -> None:
        text = ending.text()
        if text not in self._texts:
            self._texts.add(text)
            self.endings.append((ending, tuple(schedule)))

    def differing(self, expected: Ending) -> tuple[Move, ...] | None:
        """A schedule that gets stuck, or whose ending is not `expected`; None if all are fine."""
        if self.stuck is not None:
            return self.stuck
        return next((schedule for ending, schedule in self.endings if ending != expected), None)


def exhaust(
    setting: Setting, *, limit: int = DEFAULT_LIMIT, reduce: bool | None = None, visit: Visit | None = None
) -> Explored:
    """Explore every schedule. `reduce=False` tries all moves; `visit` sees every state visited.

    By default moves are left out where that is known to be sound, which needs a world that can be watched.

    Raises TooManyStates.
    """
    if reduce is None:
        reduce = applies(setting)
    if reduce and hasattr(setting.make_world(), "step"):
        try:
            return _Search(limit, visit, Reduction(setting.tools)).run(setting.start())
        except Trespass:
            pass
    return _Search(limit, visit, None).run(setting.start())


class _Search:
    def __init__(self, limit: int, visit: Visit | None, reduction: Reduction | None) -> None:
        self._limit, self._visit, self._reduction = limit, visit, reduction
        self._met: set[tuple[object, ...]] = set()
        self._found: Explored = Explored(reduced=reduction is not None)

    def run(self, start: Configuration) -> Explored:
        # A stack of (configuration, the moves still to make from it, length of the schedule before it).
        if self._reduction is not None:
            start.observer = Watch(start)
        schedule: list[Move] = []
        stack = self._enter(start, schedule)
        while stack:
            run, moves, depth = stack[-1]
            del schedule[depth:]
            move = moves.pop()
            if moves:
                run = run.fork()
                if self._reduction is not None:
                    run.observer = Watch(run)
            else:
                stack.pop()  # nobody needs this configuration any more: move on in it
            run.make(move)
            schedule.append(move)
            stack += self._enter(run, schedule)
        self._found.states = len(self._met)
        return self._found

    def _enter(self, run: Configuration, schedule: list[Move]) -> list[tuple[Configuration, list[Move], int]]:
        """Visit a configuration; what is to be done from it, if it is new and not an end."""
        key = run.key()
        if key in self._met:
            return []
        self._met.add(key)
        if len(self._met) > self._limit:
            raise TooManyStates(f"more than {self._limit} states")
        if self._visit is not None:
            self._visit(run)
        if run.over():
            self._found.add(Ending(run.outcome(), run.world.state()), schedule)
            return []
        try:
            moves: Sequence[Move] = run.moves()
        except Stuck:
            self._found.stuck = self._found.stuck or tuple(schedule)
            return []
        if self._reduction is not None:
            moves = self._reduction.enough(run, moves)
        return [(run, list(moves)[::-1], len(schedule))]
