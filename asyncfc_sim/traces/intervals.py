"""Intervals of time: their union, the paper's split of the time saved, and lanes. Knows nothing of runs or traces.

All times are seconds, or any one unit throughout. An interval is `(start, end)` with `start <= end`, half open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

Interval = tuple[float, float]


def summed_length(intervals: Iterable[Interval]) -> float:
    """S: the lengths added up, time that several intervals share counted once for each."""
    return sum(end - start for start, end in _checked(intervals))


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The union as disjoint intervals that do not touch, rising. Empty intervals vanish."""
    union: list[Interval] = []
    for start, end in sorted(_checked(intervals)):
        if start == end:
            continue
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return union


def covered_length(intervals: Iterable[Interval]) -> float:
    """D: the length of the union, each instant counted once."""
    return sum(end - start for start, end in merged(intervals))


@dataclass(frozen=True, slots=True)
class Split:
    """Where overlap saved time (the AsyncFC paper, App. B.2), in seconds.

    With M the decoding intervals and E the running times of the calls,
    `T_saving = S(M) + S(E) - D(M u E) = d_F||F + d_D||E`. It is measured against the same decoding and the same calls
    laid end to end, so it is *not* the difference to a synchronous run: tokens and turns that only the asynchronous
    run decodes are in S(M). Time in which nothing happened counts for neither side.
    """

    decode_s: float  # S(M)
    calls_s: float  # S(E)
    tool_tool_s: float  # d_F||F = S(E) - D(E): calls that ran beside other calls
    decode_tool_s: float  # d_D||E = D(M) + D(E) - D(M u E): decoding beside calls

    @property
    def saving_s(self) -> float:
        """T_saving, the sum of the two parts."""
        return self.tool_tool_s + self.decode_tool_s


def split(decode: Iterable[Interval], calls: Iterable[Interval]) -> Split:
    """Split the overlap of one run. One decoder is serial, so of decode intervals the union counts: S(M) = D(M)."""
    decode, calls = merged(decode), list(calls)
    union_of_calls = merged(calls)
    decode_s, calls_s, covered_s = covered_length(decode), summed_length(calls), covered_length(union_of_calls)
    both_s = covered_length([*decode, *union_of_calls])
    tool_tool_s, decode_tool_s = calls_s - covered_s, decode_s + covered_s - both_s
    # Differences of sums: what is only their rounding must not show as a saving.
    least = 1e-12 * (decode_s + calls_s)
    return Split(
        decode_s,
        calls_s,
        tool_tool_s if tool_tool_s > least else 0.0,
        decode_tool_s if decode_tool_s > least else 0.0,
    )


def lanes(intervals: Iterable[Interval]) -> list[int]:
    """A lane for each interval, counted from 0, so that no two in one lane overlap; as few lanes as possible.

    Each takes the lowest lane that is free at its start, the earlier start first.
    """
    intervals = list(_checked(intervals))
    assigned = [0] * len(intervals)
    busy: list[tuple[float, int]] = []  # (end, lane)
    free: list[int] = []
    count = 0
    for index in sorted(range(len(intervals)), key=lambda index: intervals[index]):
        start, end = intervals[index]
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        if free:
            lane = heappop(free)
        else:
            lane, count = count, count + 1
        assigned[index] = lane
        heappush(busy, (end, lane))
    return assigned


def _checked(intervals: Iterable[Interval]) -> Iterable[Interval]:
    for start, end in intervals:
        if not start <= end:
            raise ValueError(f"an interval ends before it starts, or is not a time: ({start}, {end})")
        yield start, end
