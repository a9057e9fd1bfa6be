"""When a simulated figure agrees with a claimed one, and for which values of an unknown input it does.

Agreement is that our estimate lies within a relative tolerance of the claim. Between two neighbouring values of a
numeric input, one giving too little and the other too much, some value in between gives what is claimed. A claim is
missed if not even an interval reaches it; if one does, more conversations would have to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["agrees", "holds for some inputs", "crossed between inputs", "undecided", "missed"]


@dataclass(frozen=True, slots=True)
class Band:
    """A claimed figure and how far from it, relatively, is still agreement."""

    claimed: float
    tolerance: float

    def holds(self, estimate: float) -> bool:
        return abs(estimate - self.claimed) <= self.tolerance * self.claimed

    def reached(self, low: float | None, high: float | None) -> bool:
        """Whether an interval has something within the tolerance. There may be none, for a single conversation."""
        if low is None or high is None:
            return False
        return low <= self.claimed * (1 + self.tolerance) and high >= self.claimed * (1 - self.tolerance)

    def off(self, estimate: float) -> float:
        """How far an estimate is from the claim, as a fraction of it; below zero if it is too small."""
        return estimate / self.claimed - 1


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring values of an input, by their places: from `first` to `last` the claim holds, or (`crossed`) it is
    passed between the two."""

    first: int
    last: int
    crossed: bool = False


def spans(estimates: Sequence[float], band: Band, *, between: bool = True) -> list[Span]:
    """Where along a line of values the claim holds. Without `between`, nothing is said of what lies between them."""
    found: list[Span] = []
    for place, estimate in enumerate(estimates):
        if band.holds(estimate):
            if found and not found[-1].crossed and found[-1].last == place - 1:
                found[-1] = Span(found[-1].first, place)
            else:
                found.append(Span(place, place))
        elif between and place and _crossed(estimates[place - 1], estimate, band):
            found.append(Span(place - 1, place, crossed=True))
    return found


def _crossed(one: float, other: float, band: Band) -> bool:
    return not band.holds(one) and (band.off(one) < 0) != (band.off(other) < 0)


def verdict(lines: Sequence[Sequence[Span]], *, scanned: bool, reached: bool = False) -> Verdict:
    """What all lines together say. `reached`: some interval reaches the claim."""
    every = [span for line in lines for span in line]
    if any(not span.crossed for span in every):
        return "holds for some inputs" if scanned else "agrees"
    return "crossed between inputs" if every else "undecided" if reached else "missed"


def nearest(estimates: Sequence[float], band: Band) -> int:
    """The place of the estimate that is nearest to the claim; of several the first."""
    return min(range(len(estimates)), key=lambda place: (abs(band.off(estimates[place])), place))
