"""When a sweep may stop: at the first of a few looks, fixed in advance, at which every interval is narrow enough.

Who looks again and again and stops at the first narrow interval is right less often than the 95 % on it: that holds
only in the limit of narrow intervals (Chow and Robbins 1965), and repeated looks cost confidence (Pocock 1977). With K
looks each interval is therefore one of 1 - 0.05 / K. By the union bound (Bonferroni) all K hold together with 95 %, so
the one that is reported does, whichever it is: an error, if any, on the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from .experiment import Row
from .metrics import CONFIDENCE

FIRST = 100  # samples at the first look at least: before that, a bootstrap knows too little


@dataclass(frozen=True, slots=True)
class Looks:
    """The numbers of samples at which the intervals are looked at, and how narrow they should be.

    `precision` is half the width of an interval over its speed-up; None asks for nothing.
    """

    at: tuple[int, ...]
    precision: float | None = None

    @property
    def confidence(self) -> float:
        """Of each interval, at each look; over all looks together it is 0.95."""
        return 1 - (1 - CONFIDENCE) / len(self.at)

    def reached(self, row: Row) -> bool | None:
        """Whether a row is as precise as asked; None if nothing was asked."""
        return None if self.precision is None else half_width(row) <= self.precision

    def enough(self, rows: list[Row]) -> bool:
        """Whether all rows are as precise as asked."""
        return self.precision is not None and all(self.reached(row) for row in rows)


def once(n: int) -> Looks:
    """A single look, after `n` samples."""
    return Looks((n,))


def doubling(precision: float, most: int) -> Looks:
    """Looks that come after twice as many samples each, up to `most`."""
    at = [most]
    while at[0] >= 2 * FIRST:
        at.insert(0, -(-at[0] // 2))
    return Looks(tuple(at), precision)


def half_width(row: Row) -> float:
    """Half the width of the interval of a row's speed-up, as a fraction of it; infinite where there is no interval."""
    if row.speedup_low is None or row.speedup_high is None:
        return inf
    return (row.speedup_high - row.speedup_low) / 2 / row.speedup
