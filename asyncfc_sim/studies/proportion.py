"""A share of cases with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n` cases, and the ends of the interval for the chance behind them."""

    count: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.n


def wilson(count: int, n: int, confidence: float = 0.95) -> Share:
    """The score interval (Wilson 1927): it stays within [0, 1], and has a width also where `count` is 0 or `n`.

    It takes the cases to be independent. Raises ValueError if there is none, or more are counted than there are.
    """
    if not 0 <= count <= n or n == 0:
        raise ValueError(f"{count} of {n} cases: expected at least one case, and no more counted than there are")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, weight = count / n, z * z / n
    middle = (p + weight / 2) / (1 + weight)
    half = z / (1 + weight) * sqrt(p * (1 - p) / n + weight / (4 * n))
    # The ends are exact where nothing, or everything, is counted; rounding must not move them.
    return Share(count, n, 0.0 if count == 0 else middle - half, 1.0 if count == n else middle + half)
