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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.footprint import BadFootprint, Footprint, Pattern, parse_pattern
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value, canonical, copy_json

from .key_world import Accessed, History, Returned, Step, all_steps

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
        """Run one call to its end: observe, write, answer."""
        return all_steps(self, future, tool, args)

    def step(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Step:
        """Observe one of the patterns of the call, or write one of those that it writes.

        What it observes is its history. Nothing else says what it returns, so that it can be run in any interleaving
        (key_world.py).
        """
        access = self.peek(future, tool, args, history)
        if access is None:
            return Returned(copy_json(self._value(future, tool, args, history)))
        self._note_disorder(tool, access)
        if access.mode == "r":
            return Accessed(access, self._seen(tool, access.pattern))
        self._leave(future, tool, args, history, access.pattern)
        return Accessed(access, None)

    def peek(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Access | None:
        """What the next step of a call would touch; None if it would return.

        A call that changes nothing, as it fails or is a repetition, touches what it declares all the same.
        """
        footprint = self._footprint(tool, args)
        if isinstance(footprint, ErrorValue):
            return None
        touched = footprint.reads + footprint.writes
        if len(history) < len(touched):
            return Access(future, "r", touched[len(history)])
        left = footprint.writes[len(history) - len(touched) :]
        return Access(future, "w", left[0]) if left else None

    def _footprint(self, tool: str, args: Mapping[str, JSON]) -> Footprint | ErrorValue:
        if tool not in self._tools:
            return ErrorValue("invalid_argument", f"there is no tool named {tool!r}")
        try:
            return self._tools[tool].footprint(args)
        except BadFootprint as fault:
            return ErrorValue("invalid_argument", f"{tool}: {fault}")

    def _value(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Value:
        footprint = self._footprint(tool, args)
        if isinstance(footprint, ErrorValue):
            return footprint
        observed = _digest(tool, args, _merged(history))
        return self._answer(future, tool, args, self._repeated.get(observed, observed))

    def _leave(self, future: int, tool: str, args: Mapping[str, JSON], history: History, pattern: Pattern) -> None:
        """Write a pattern, unless the call fails or repeats another."""
        seen = _merged(history)
        observed = _digest(tool, args, seen)
        if observed in self._repeated or isinstance(self._answer(future, tool, args, observed), ErrorValue):
            return
        self._write(pattern, Version(observed, tool))
        footprint = self._tools[tool].footprint(args)
        if self._tools[tool].idempotent and len(history) + 1 == len(footprint.reads + 2 * footprint.writes):
            self._repeated[_digest(tool, args, self._left(tool, footprint, seen, observed))] = observed

    def _left(self, tool: str, footprint: Footprint, seen: Seen, observed: str) -> Seen:
        """What a call that has `seen` this would see next, once it has written, if nobody had come between."""
        for pattern in footprint.writes:
            if not self._commutes_with_some(tool):
                seen = {key: found for key, found in seen.items() if not pattern.covers(parse_pattern(key))}
            if not self._commute(tool, tool):
                seen = {**seen, str(pattern): [*seen.get(str(pattern), ()), observed]}
        return seen

    def state(self) -> str:
        """The versions by key, and the pairs of conflicting calls of which the later one ran first."""
        versions = {str(key): sorted(each.digest for each in found) for key, found in self._written.items()}
        return canonical({"versions": versions, "out_of_order": sorted(self._disorder)})

    def copy(self) -> SymbolicWorld:
        twin = SymbolicWorld(self._tools, self._answer, self.made_up)
        twin._written, twin._latest = self._written.copy(), self._latest.copy()
        twin._repeated, twin._disorder = self._repeated.copy(), self._disorder
        return twin

    def _seen(self, tool: str, pattern: Pattern) -> Seen:
        """The versions that a call of `tool` finds at a pattern, by key."""
        return {
            str(key): [each.digest for each in self._written[key] if not self._commute(tool, each.tool)]
            for key in _overlapping(self._written, pattern)
        }

    def _write(self, pattern: Pattern, version: Version) -> None:
        """Whoever conflicts with what this covers conflicts with the write, and its version stands for theirs. (Not so
        if the write commutes with a call to come, which would then see only what was dropped.)
        """
        if not self._commutes_with_some(version.tool):
            for covered in [key for key in _overlapping(self._written, pattern) if pattern.covers(key)]:
                del self._written[covered]
        self._written[pattern] = (*self._written.get(pattern, ()), version)

    def _note_disorder(self, tool: str, access: Access) -> None:
        """Remember the calls that conflict with this access, were issued after its call, and have made theirs already.

        Nothing of it is forgotten, so that the table follows from which accesses were made, in whatever order.
        """
        future, writes = access.future, access.mode == "w"
        self._disorder |= {
            (future, latest)
            for key in _overlapping(self._latest, access.pattern)
            for (other, wrote), latest in self._latest[key].items()
            if latest > future and (writes or wrote) and not self._commute(tool, other)
        }
        found = self._latest.get(access.pattern, {})
        self._latest[access.pattern] = {**found, (tool, writes): max(future, found.get((tool, writes), 0))}

    def _commute(self, one: str, other: str) -> bool:
        return (one, other) in self._commutes or (other, one) in self._commutes

    def _commutes_with_some(self, tool: str) -> bool:
        return any(tool in pair for pair in self._commutes)


def _merged(history: History) -> Seen:
    versions: dict[str, list[str]] = {}
    for seen in history:
        for key, found in (seen or {}).items():
            versions.setdefault(key, found)
    return versions


def _digest(tool: str, args: Mapping[str, JSON], seen: Seen) -> str:
    """A digest of a call and of every version that it depends on."""
    pairs = sorted([key, digest] for key, found in seen.items() for digest in found)
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
