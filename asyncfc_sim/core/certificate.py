"""The certificate of one run: its conflicting accesses happened in issue order, so it equals the sequential run.

If of any two conflicting accesses, those of the earlier-issued call came first, then accesses can be swapped, one
independent neighbouring pair at a time, until the calls run one by one in issue order; no swap changes what a tool
reads. So every future and the final world have the values of the sequential run of the same program, the one in which
errors are values. This needs no trust in when the scheduler started which call, and, where accesses were logged, none
in the tools' declared footprints. (That a call was given the values its references name, it does not look at.)

The verdict is one-sided. A run with conflicting accesses out of order may still have come to the same end (two writes
of the same text, say; two calls that commute by declaration): it is *not certified*, which is not *wrong*.

No clock and no I/O: positions in the log are all there is of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .footprint import Footprint, Pattern

Assumption = Literal[
    "complete log",  # every access of every call is in the log, in the order in which they took effect
    "sound footprints",  # no call went beyond its declared footprint (H1)
    "deterministic tools",  # a tool's result and writes follow from its arguments and what it reads (H2)
    "closed world",  # nobody else wrote these keys during the run (H3)
]


@dataclass(frozen=True, slots=True)
class Access:
    """One access of a call's tool: "r" if it read, "w" if it wrote; a pattern where it covered a region (a listing)."""

    future: int
    mode: Literal["r", "w"]
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Ran:
    """A call that ran: its declared footprint, and where in the log it started and ended.

    `end` is None if it is not known to have ended (in doubt). A call tried more than once has one `Ran` per attempt.
    """

    future: int
    footprint: Footprint
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Certified:
    """The run equals the sequential run, provided that what it `assumes` holds."""

    assumes: tuple[Assumption, ...]


@dataclass(frozen=True, slots=True)
class NotCertified:
    """`earlier` came first in the log, or may have, though `later` conflicts with it and its call was issued first."""

    earlier: Access
    later: Access
    why: str


Verdict = Certified | NotCertified


def certify(log: Sequence[Access], places: Sequence[int] | None = None) -> Verdict:
    """The verdict on a log of accesses, in the order in which they took effect. `places` say where each is recorded.

    If it is not certified, `later` is the first access of the log that comes too late, and `earlier` one that it should
    have preceded, of the last-issued call that made such. Takes time in proportion to the log, and to the length of
    its keys.
    """
    seen = _Seen()
    for position, access in enumerate(log):
        overtaker = seen.conflicting(access)
        if overtaker is not None and overtaker.future > access.future:
            first, second = (
                f"access {at}" if places is None else f"at {places[at]}" for at in (log.index(overtaker), position)
            )
            why = (
                f"$f{overtaker.future} {_did(overtaker)} ({first}) "
                f"before $f{access.future} {_did(access)} ({second}), but $f{access.future} was issued first"
            )
            return NotCertified(overtaker, access, why)
        seen.add(access)
    return Certified(("complete log", "deterministic tools", "closed world"))


def certify_intervals(calls: Sequence[Ran]) -> Verdict:
    """The verdict where accesses were not logged: conflicting calls must not overlap, and must run in issue order.

    Of two calls with conflicting footprints, the earlier-issued one has to end before the other starts. Unlike that of
    `certify`, this certificate assumes sound footprints, and says so. Calls that never started are left out.

    Raises ValueError if a call ends before it starts.
    """
    for call in calls:
        if call.end is not None and call.end < call.start:
            raise ValueError(f"$f{call.future} ends at {call.end}, before its start at {call.start}")
    starts = sorted(calls, key=lambda call: call.start, reverse=True)
    ends = sorted((call for call in calls if call.end is not None), key=lambda call: call.end or 0)
    seen = _Seen()
    # At the end of each call, all that have started by then are in `seen`; those in doubt end after everything.
    for call in (*ends, *(call for call in calls if call.end is None)):
        while starts and (call.end is None or starts[-1].start <= call.end):
            for access in _accesses(starts.pop()):
                seen.add(access)
        for access in _accesses(call):
            overtaker = seen.conflicting(access)
            if overtaker is not None and overtaker.future > access.future:
                ended = "which is not known to have ended" if call.end is None else f"which ended at {call.end} only"
                why = (
                    f"$f{overtaker.future} may have {_done(overtaker)} before $f{access.future}, {ended}, "
                    f"{_did(access)}, but $f{access.future} was issued first"
                )
                return NotCertified(overtaker, access, why)
    return Certified(("sound footprints", "deterministic tools", "closed world"))


def _accesses(call: Ran) -> list[Access]:
    reads = [Access(call.future, "r", pattern) for pattern in call.footprint.reads]
    return reads + [Access(call.future, "w", pattern) for pattern in call.footprint.writes]


def _did(access: Access) -> str:
    return f"{'wrote' if access.mode == 'w' else 'read'} {access.pattern}"


def _done(access: Access) -> str:
    return f"{'written' if access.mode == 'w' else 'read'} {access.pattern}"


class _Seen:
    """The accesses so far, by what they conflict with."""

    def __init__(self) -> None:
        self._writes = _Node()
        self._all = _Node()

    def add(self, access: Access) -> None:
        self._all.add(access)
        if access.mode == "w":
            self._writes.add(access)

    def conflicting(self, access: Access) -> Access | None:
        """Of the accesses seen that conflict with this one, one of the last-issued call."""
        return (self._all if access.mode == "w" else self._writes).overlapping(access.pattern)


class _Node:
    """A key in a trie of key segments. Of the accesses to this very key, to the region it heads, and to anything at it
    or below, it keeps one each: that of the last-issued call, since if any came too early, that one did."""

    __slots__ = ("below", "exact", "region", "within")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.exact: Access | None = None
        self.region: Access | None = None
        self.within: Access | None = None

    def add(self, access: Access) -> None:
        node = self
        node.within = _later_issued(node.within, access)
        for segment in access.pattern.key:
            child = node.below.get(segment)
            if child is None:
                child = node.below[segment] = _Node()
            node = child
            node.within = _later_issued(node.within, access)
        if access.pattern.below:
            node.region = _later_issued(node.region, access)
        else:
            node.exact = _later_issued(node.exact, access)

    def overlapping(self, pattern: Pattern) -> Access | None:
        node, found = self, self.region
        for segment in pattern.key:
            child = node.below.get(segment)
            if child is None:
                return found
            node = child
            found = _later_issued(found, node.region)
        return _later_issued(found, node.within if pattern.below else node.exact)


def _later_issued(first: Access | None, second: Access | None) -> Access | None:
    """The access of the later-issued call; of the same call, `first`."""
    if first is None or (second is not None and second.future > first.future):
        return second
    return first
