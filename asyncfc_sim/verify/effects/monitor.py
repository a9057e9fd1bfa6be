"""Calls that meet in one place although they are declared independent.

No vocabulary is needed: a place that two calls touch, one of them writing, must be a key of both footprints, whatever
the key is called. What calls touched is kept, so that each new call is compared with all that were seen before, not
only with its partner. Where they came from other states, that is a suspicion: places may change hands between states
(the third row of a list), so both are watched once more, from one state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from asyncfc_sim.core.footprint import Footprint
from asyncfc_sim.core.values import Value

from .access import KEYS, Access, Location, conflict, outermost
from .declared import Declared
from .subject import Subject
from .swap import reach
from .trial import Call, Trial

KEPT = 4  # calls of one tool that are kept for one place


@dataclass(frozen=True, slots=True)
class Watched:
    """A call, the state it came from, and what it touched."""

    trial: Trial  # its first is the call
    footprint: Footprint
    accesses: tuple[Access, ...]
    value: Value
    key: tuple[str, str]  # one for calls that are the same

    @property
    def call(self) -> Call:
        return self.trial.first


def watch(subject: Subject, declared: Declared, trial: Trial) -> Watched:
    """Watch the first call of a trial."""
    return watch_here(subject, declared, trial, len(reach(subject, trial)))


def watch_here(subject: Subject, declared: Declared, trial: Trial, calls_before: int) -> Watched:
    """The same, in the state that the prefix has led to already."""
    value, accesses = subject.watched(calls_before + 1, trial.first)
    return Watched(trial, declared.footprint(trial.first), tuple(outermost(accesses)), value, trial.first.key)


def meeting(declared: Declared, one: Watched, other: Watched) -> tuple[Access, Access] | None:
    """Where two calls from one state meet, if their declarations let them overlap and they do meet."""
    if declared.related(one.call.tool, one.footprint, other.call.tool, other.footprint) != "overlap":
        return None
    if one.key == other.key and not one.footprint.writes:
        return next(((access, access) for access in one.accesses if access.writes), None)
    shared = [
        (here, there)
        for here in one.accesses
        for there in other.accesses
        if here.certain and there.certain and conflict(here, there)
    ]
    return max(shared, key=lambda pair: (len(pair[0].where), pair[0].writes and pair[1].writes), default=None)


class Seen:
    """All calls watched so far, by the places they touched."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._at: dict[Location, list[tuple[Access, Watched]]] = defaultdict(list)
        self._below: dict[Location, list[tuple[Access, Watched]]] = defaultdict(list)
        self._kept: dict[tuple[str, str, Location], int] = defaultdict(int)
        self._listing: dict[Location, set[str]] = defaultdict(set)
        self.calls: list[Watched] = []

    def add(self, watched: Watched) -> None:
        self.calls.append(watched)
        for access in watched.accesses:
            if access.kind == "r":
                self._listing[access.where].add(watched.call.tool)
            kept = (watched.call.tool, access.kind, access.where)
            if not access.certain or self._kept[kept] >= KEPT:
                continue
            self._kept[kept] += 1
            self._at[access.where].append((access, watched))
            for depth in range(1, len(access.where)):
                self._below[access.where[:depth]].append((access, watched))

    def listing(self, where: Location) -> set[str]:
        """The tools that were seen to go through the keys of a dict, or the rows of a table."""
        return self._listing[(*where, KEYS)] | (self._listing[where] if where[-1][0] == "table" else set())

    def suspicions(self, watched: Watched) -> Iterator[Watched]:
        """Earlier calls that may meet this one although they are declared independent of it."""
        told: set[tuple[str, str]] = set()
        for access in watched.accesses:
            for there, other in self._near(access):
                if other.key in told or not (access.certain and conflict(access, there)):
                    continue
                told.add(other.key)
                left, right = watched.call.tool, other.call.tool
                if self._declared.related(left, watched.footprint, right, other.footprint) == "overlap":
                    yield other

    def _near(self, access: Access) -> Iterator[tuple[Access, Watched]]:
        for depth in range(1, len(access.where) + 1):
            yield from self._at.get(access.where[:depth], ())
        if access.below:
            yield from self._below.get(access.where, ())
