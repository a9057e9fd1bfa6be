"""The same cases under two conditions: is one better, and by how much? Each case keeps its pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more the second condition scored, the mean over `n` cases, with the ends of its 95 % interval.

    `better` and `worse` count the cases in which it scored more, and less; `p` is that of the exact sign test. `low`
    and `high` are None for a single case.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    better: int
    worse: int
    p: float


def sign_test(better: int, worse: int) -> float:
    """The two-sided exact p-value for as many cases for the better as for the worse; ties are left out.

    If each case is right or wrong, this is McNemar's exact test. Without any difference it is 1.
    """
    n, fewer = better + worse, min(better, worse)
    tail = sum(comb(n, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << n))


def difference(first: Sequence[float], second: Sequence[float], rng: np.random.Generator) -> Difference:
    """Compare the scores of the same cases; the interval is a percentile bootstrap over cases.

    Raises ValueError if nothing is given, or the lengths differ.
    """
    if not first or len(first) != len(second):
        raise ValueError(f"pairs are needed: {len(first)} first scores, {len(second)} second ones")
    more = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    better, worse, n = int((more > 0).sum()), int((more < 0).sum()), more.size
    low = high = None
    if n > 1:
        means = [more[rng.integers(0, n, n)].mean() for _ in range(RESAMPLES)]
        low, high = map(float, np.percentile(means, [2.5, 97.5]))
    return Difference(float(more.mean()), low, high, n, better, worse, sign_test(better, worse))
