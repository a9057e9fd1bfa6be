"""A world of keys and versions, for tools of which only the effects are known: enough to tell wrong orders from right.

A call observes the versions of all keys in its footprint. The version that it gives to the keys it writes, and the
value that is made up for it, are digests of (tool, arguments, versions observed): so they are the same in every order
of independent calls, and differ where conflicting calls ran in another order. A tool that fails writes nothing.

  - Tools that commute do not observe each other's versions, which stand side by side.
  - An idempotent call that finds the keys as it left them changes nothing, and returns what it returned.
  - A canned result can hide that it was read at the wrong time. So the state also names conflicting calls that did
    not run in issue order (there are none in a legal run); futures are numbered in that order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.footprint import NOTHING, BadFootprint, Footprint, Pattern
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value, canonical, copy_json

from .key_world import Accessed, History, Returned, Step

# From the future, the tool, its arguments and a digest of all that the call saw, to what it returns.
Answer = Callable[[int, str, Mapping[str, JSON], str], Value]
Seen = Mapping[str, list[str]]  # digests of versions, by the key at which they were found
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Version:
    """What a call of `tool` left at the keys of a pattern."""

    digest: str
    tool: str


class SymbolicWorld:
    """Patterns that were written, with their versions. `made_up` names the tools some of whose values are invented."""

    def __init__(self, tools: Mapping[str, Tool], answer: Answer, made_up: frozenset[str] = frozenset()) -> None:
        self.made_up = made_up
        self._tools, self._answer = tools, answer
        self._commutes = {(one.name, other) for one in tools.values() for other in one.commutes_with}
        self._written: dict[Pattern, tuple[Version, ...]] = {}
        self._latest: dict[Pattern, Mapping[tuple[str, bool], int]] = {}  # call, by tool and whether it may write
        self._repeated: dict[str, str] = {}  # what an idempotent call observes when it is repeated -> its version
        self._disorder: frozenset[tuple[int, int]] = frozenset()

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        """Run one call: observe, answer, write."""
        if tool not in self._tools:
            return ErrorValue("invalid_argument", f"there is no tool named {tool!r}")
        try:
            footprint = self._tools[tool].footprint(args)
        except BadFootprint as fault:
            return ErrorValue("invalid_argument", f"{tool}: {fault}")
        self._note_disorder(future, tool, footprint)
        observed = self._observe(tool, args, footprint)
        repeated = self._repeated.get(observed)
        value = self._answer(future, tool, args, repeated or observed)
        if footprint.writes and repeated is None and not isinstance(value, ErrorValue):
            for pattern in footprint.writes:
                self._write(pattern, Version(observed, tool))
            if self._tools[tool].idempotent:
                self._repeated[self._observe(tool, args, footprint)] = observed
        return copy_json(value)

    def step(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Step:
        """The same call, access by access: first it observes each of its patterns, then it writes those that it writes.

        What it observes is its history, so that it can be run in any interleaving (key_world.py).
        """
        if (access := self.peek(future, tool, args, history)) is None:
            return self._return(future, tool, args, history)
        pattern = (access.pattern,)
        self._note_disorder(future, tool, Footprint(reads=pattern) if access.mode == "r" else Footprint(writes=pattern))
        if access.mode == "r":
            return Accessed(access, self._seen(tool, access.pattern))
        self._write(access.pattern, Version(self._observed(tool, args, history), tool))
        return Accessed(access, None)

    def peek(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Access | None:
        """What the next step of a call would touch; None if it would return."""
        try:
            footprint = self._tools[tool].footprint(args) if tool in self._tools else NOTHING
        except BadFootprint:
            return None
        touched = footprint.reads + footprint.writes
        if len(history) < len(touched):
            return Access(future, "r", touched[len(history)])
        left = footprint.writes[len(history) - len(touched) :]
        return Access(future, "w", left[0]) if left and self._changes(future, tool, args, history) else None

    def _return(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Returned:
        if not history:  # it touches nothing, or cannot be called
            return Returned(self.call(future, tool, args))
        observed = self._observed(tool, args, history)
        value = self._answer(future, tool, args, self._repeated.get(observed) or observed)
        footprint = self._tools[tool].footprint(args)
        if footprint.writes and self._tools[tool].idempotent and self._changes(future, tool, args, history):
            self._repeated[self._observe(tool, args, footprint)] = observed
        return Returned(copy_json(value))

    def _changes(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> bool:
        """Whether a call that has observed this much writes: not if it fails, nor if it is a mere repetition."""
        observed = self._observed(tool, args, history)
        return observed not in self._repeated and not isinstance(self._answer(future, tool, args, observed), ErrorValue)

    def _observed(self, tool: str, args: Mapping[str, JSON], history: History) -> str:
        return _digest(tool, args, [seen for seen in history if seen is not None])

    def state(self) -> str:
        """The versions by key, and the pairs of conflicting calls of which the later one ran first."""
        versions = {str(key): sorted(each.digest for each in found) for key, found in self._written.items()}
        return canonical({"versions": versions, "out_of_order": sorted(self._disorder)})

    def copy(self) -> SymbolicWorld:
        twin = SymbolicWorld(self._tools, self._answer, self.made_up)
        twin._written, twin._latest = self._written.copy(), self._latest.copy()
        twin._repeated, twin._disorder = self._repeated.copy(), self._disorder
        return twin

    def _observe(self, tool: str, args: Mapping[str, JSON], footprint: Footprint) -> str:
        """A digest of the call and of every version that it depends on."""
        return _digest(tool, args, [self._seen(tool, pattern) for pattern in footprint.reads + footprint.writes])

    def _seen(self, tool: str, pattern: Pattern) -> Seen:
        """The versions that a call of `tool` finds at a pattern, by key."""
        return {
            str(key): [each.digest for each in self._written[key] if not self._commute(tool, each.tool)]
            for key in _overlapping(self._written, pattern)
        }

    def _write(self, pattern: Pattern, version: Version) -> None:
        if not self._commutes_with_some(version.tool):
            _forget(self._written, pattern)
        self._written[pattern] = (*self._written.get(pattern, ()), version)

    def _note_disorder(self, future: int, tool: str, footprint: Footprint) -> None:
        """Remember the calls that conflict with this one, were issued after it, and have run already."""
        accesses = [*((each, False) for each in footprint.reads), *((each, True) for each in footprint.writes)]
        self._disorder |= {
            (future, latest)
            for pattern, writes in accesses
            for key in _overlapping(self._latest, pattern)
            for (other, wrote), latest in self._latest[key].items()
            if latest > future and (writes or wrote) and not self._commute(tool, other)
        }
        for pattern, writes in accesses:
            if writes and not self._commutes_with_some(tool):
                _forget(self._latest, pattern)
            found = self._latest.get(pattern, {})
            self._latest[pattern] = {**found, (tool, writes): max(future, found.get((tool, writes), 0))}

    def _commute(self, one: str, other: str) -> bool:
        return (one, other) in self._commutes or (other, one) in self._commutes

    def _commutes_with_some(self, tool: str) -> bool:
        return any(tool in pair for pair in self._commutes)


def _digest(tool: str, args: Mapping[str, JSON], observations: Sequence[Seen]) -> str:
    versions: dict[str, list[str]] = {}
    for seen in observations:
        for key, found in seen.items():
            versions.setdefault(key, found)
    pairs = sorted([key, digest] for key, found in versions.items() for digest in found)
    return hashlib.blake2b(canonical([tool, dict(args), pairs]).encode(), digest_size=8).hexdigest()


def _overlapping(table: Mapping[Pattern, T], pattern: Pattern) -> Iterator[Pattern]:
    """The patterns of `table` that overlap this one; without a scan, unless it is a region."""
    if pattern.below:
        yield from (key for key in table if key.overlaps(pattern))
        return
    if pattern in table:
        yield pattern
    for depth in range(len(pattern.key) + 1):
        above = Pattern(pattern.key[:depth], below=True)
        if above in table:
            yield above


def _forget(table: dict[Pattern, T], pattern: Pattern) -> None:
    """Drop all that a write to `pattern` covers: whoever conflicts with that conflicts with the write, and its version
    stands for theirs. (Not so if the write commutes with a call to come, which would then see only what was dropped.)
    """
    for covered in [key for key in _overlapping(table, pattern) if pattern.covers(key)]:
        del table[covered]
