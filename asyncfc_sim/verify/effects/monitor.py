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
from typing import Final

from asyncfc_sim.core.footprint import Footprint
from asyncfc_sim.core.values import Value

from .access import KEYS, Access, Location, conflict, outermost, told
from .declared import Declared
from .subject import Subject
from .swap import reach
from .trial import Call, Trial

KEPT: Final = 4  # calls of one tool that are kept for one place


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

    @property
    def wrote(self) -> bool:
        return any(access.writes for access in self.accesses)


def watch(subject: Subject, declared: Declared, trial: Trial) -> Watched:
    """Watch the first call of a trial."""
    reach(subject, trial)
    return watch_here(subject, declared, trial)


def watch_here(subject: Subject, declared: Declared, trial: Trial) -> Watched:
    """The same, in the state that the prefix has led to already."""
    value, accesses = subject.watched(len(trial.prefix) + 1, trial.first)
    return Watched(trial, declared.footprint(trial.first), tuple(outermost(accesses)), value, trial.first.key)


_VERBS: Final = {"r": "reads", "w": "writes", "add": "adds to"}


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two accesses of one place by two calls, of which the order matters."""

    calls: tuple[Call, Call]
    accesses: tuple[Access, Access]

    @property
    def place(self) -> Location:
        return max((access.where for access in self.accesses), key=len)

    def words(self) -> str:
        (one, other), place = self.accesses, told(self.place)
        if self.calls[0].key == self.calls[1].key:
            return f"{self.calls[0].tool} {_VERBS[one.kind]} {place}"
        if one.kind == other.kind:
            return f"both write {place}"
        return f"{self.calls[0].tool} {_VERBS[one.kind]} {place}, which {self.calls[1].tool} {_VERBS[other.kind]}"


def meeting(declared: Declared, one: Watched, other: Watched) -> Meeting | None:
    """Where two calls from one state meet, if their declarations let them overlap and they do meet."""
    if declared.related(one.call.tool, one.footprint, other.call.tool, other.footprint) != "overlap":
        return None
    calls = (one.call, other.call)
    if one.key == other.key and not one.footprint.writes:  # whatever it writes, it must not
        writes = [access for access in one.accesses if access.kind == "w"]
        worst = max(writes, key=lambda access: (access.certain, len(access.where)), default=None)
        return None if worst is None else Meeting(calls, (worst, worst))
    shared = [each for each in _shared(one, other) if each[0].certain and each[1].certain]
    if not shared:
        return None
    best = max(shared, key=lambda each: (len(each[0].where), each[0].writes and each[1].writes))
    return Meeting(calls, best)


def places_shared(both: tuple[Watched, Watched]) -> list[Location]:
    """Where two calls from one state meet, certainly or maybe; the most particular first."""
    places = [max(here.where, there.where, key=len) for here, there in _shared(*both)]
    return sorted(dict.fromkeys(places), key=len, reverse=True)


def _shared(one: Watched, other: Watched) -> list[tuple[Access, Access]]:
    return [(here, there) for here in one.accesses for there in other.accesses if conflict(here, there)]


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
