"""The states of the machine that the theorems speak of, as values: nothing in here changes, and equal states are equal.

Written after `state` in proofs/Machine.v: the rest of the program, the issue-ordered futures with their status, the
world. What Python has beyond that is named where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from asyncfc_sim.core.events import Touch
from asyncfc_sim.core.footprint import Footprint
from asyncfc_sim.core.interpreter import Seen
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.syntax import Call, Statement
from asyncfc_sim.core.tool import Tool, commuting
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.workloads.key_world import Body, History


class Refused(AssertionError):
    """A step that no rule of the machine allows."""


@dataclass(frozen=True, slots=True)
class Fate:
    """A call that was given up: the error that it has for a value, and how many writes it made."""

    value: Value
    writes: int


@dataclass(frozen=True, slots=True)
class Given:
    """What holds for a whole run: the `Variables` of the proofs.

    `bodies` are what the tools do, step by step; None if that is not looked at, so that a tool may return anything.
    With `fates`, running in order gives up these calls (`with_fates` of proofs/GivenUp.v).
    """

    tools: Mapping[str, Tool]
    bodies: Mapping[str, Body] | None = None
    failure: Failure = "poison"
    workers: int = 32
    per_tool: int = 8
    fates: Mapping[int, Fate] = field(default_factory=dict)

    def commute(self, one: str, other: str) -> bool:
        return other in commuting(self.tools).get(one, ())


@dataclass(frozen=True, slots=True)
class Process:
    """A tool under way: the interaction tree `proc` of the proofs, as its arguments and what it was sent so far."""

    tool: str
    args: Mapping[str, JSON]
    footprint: Footprint
    history: History = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """Issued, not started."""


@dataclass(frozen=True, slots=True)
class Running:
    """Started."""

    process: Process


@dataclass(frozen=True, slots=True)
class Resolved:
    """Resolved, once and for ever. Errors are values."""

    value: Value


@dataclass(frozen=True, slots=True)
class Entry:
    """A future. `knew`: where the failures began that the decoder had been told of when it issued the call."""

    call: Call
    knew: frozenset[int]
    status: Pending | Running | Resolved = Pending()

    @property
    def future(self) -> int:
        return self.call.future


@dataclass(frozen=True, slots=True)
class Ghost:
    """A tool still under way though its call was settled (cancel, timeout) or cut. In doubt, it holds its keys."""

    future: int
    process: Process
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class State:
    """The machine at one moment.

    `code` is the rest of the program; None for a decoder of which nothing is known, which may do as it likes. `told`
    is the other side of `knew`. `last` is the last number issued, and `cut` the failed call at which a strict run was
    cut last (0: none). `answered` and `ended` say that the program is over, and that it has been drained as well.
    """

    code: tuple[Statement, ...] | None
    world: Mapping[str, JSON]
    pool: tuple[Entry, ...] = ()
    ghosts: tuple[Ghost, ...] = ()
    told: frozenset[int] = frozenset()
    touched: Touch | None = None
    draining: bool = False
    last: int = 0
    cut: int = 0
    seen: tuple[Seen, ...] = ()
    answer: tuple[Value, ...] = ()
    answered: bool = False
    ended: bool = False

    @property
    def values(self) -> dict[int, Value]:
        """Of the resolved futures."""
        return {entry.future: entry.status.value for entry in self.pool if isinstance(entry.status, Resolved)}

    def entry(self, future: int) -> Entry | None:
        return next((entry for entry in self.pool if entry.future == future), None)

    def issued(self, future: int) -> Entry:
        """Raises Refused if it never was."""
        entry = self.entry(future)
        if entry is None:
            raise Refused(f"$f{future} was never issued")
        return entry

    def ghost(self, future: int) -> Ghost | None:
        return next((ghost for ghost in self.ghosts if ghost.future == future), None)

    def before(self, future: int) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.pool if entry.future < future)

    def put(self, future: int, status: Pending | Running | Resolved) -> State:
        """`put` of the proofs: another status for one future."""
        pool = (replace(entry, status=status) if entry.future == future else entry for entry in self.pool)
        return replace(self, pool=tuple(pool))

    def without_ghost(self, future: int) -> State:
        return replace(self, ghosts=tuple(ghost for ghost in self.ghosts if ghost.future != future))

    def under_way(self) -> list[tuple[int, Process]]:
        """Every tool that is, whether its call is settled or not."""
        running = [(entry.future, entry.status.process) for entry in self.pool if isinstance(entry.status, Running)]
        return running + [(ghost.future, ghost.process) for ghost in self.ghosts]
