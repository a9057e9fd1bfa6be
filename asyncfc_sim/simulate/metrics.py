"""Summary statistics of simulated runs: quantiles, and the speed-up over a baseline with its confidence interval.

It knows nothing of what the numbers mean. Randomness comes from the caller's Generator alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
BEYOND = 50  # resamples that lie beyond each end of an interval: fewer would leave the ends to chance
BLOCK = 1_000_000  # resampled indices held at once, so that memory does not grow with cases x resamples


class NoSpeedup(ValueError):
    """Cases that take no time: no ratio of times is defined over them."""


@dataclass(frozen=True, slots=True)
class Summary:
    """`n` values, in their own unit. Quantiles are interpolated linearly between order statistics (numpy's default)."""

    n: int
    total: float
    mean: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times faster than the baseline: the ratio of total times, with the ends of its confidence interval.

    `low` and `high` are None for a single case, which says nothing about its own spread.
    """

    ratio: float
    low: float | None
    high: float | None
    n: int


def summarise(values: Sequence[float] | NDArray[np.float64]) -> Summary:
    """Summarise at least one value. Raises ValueError if there is none, or one is not finite."""
    array = _finite(values)
    return Summary(array.size, float(array.sum()), float(array.mean()), percentile(array, 50), percentile(array, 99))


def percentile(values: Sequence[float] | NDArray[np.float64], p: float) -> float:
    """The `p`-th percentile, p in [0, 100]. Raises ValueError as `summarise` does."""
    return float(np.percentile(_finite(values), p))


def paired_speedup(
    baseline_s: Sequence[float] | NDArray[np.float64],
    other_s: Sequence[float] | NDArray[np.float64],
    rng: np.random.Generator,
    resamples: int | None = None,
    confidence: float = CONFIDENCE,
) -> Speedup:
    """The speed-up of `other_s` over `baseline_s`, seconds of the same cases in the same order.

    It is the ratio of total makespans, sum(baseline) / sum(other): the time that a batch of all cases saves, in which
    long cases weigh more. A mean of per-case ratios would give a case of a millisecond the weight of one of an hour.
    The interval is a percentile bootstrap over cases (Efron 1979): each case keeps its pair. By default there are so
    many resamples that 50 lie beyond each end.

    Raises NoSpeedup if the other total is zero, ValueError if the lengths differ or nothing is given.
    """
    baseline, other = _finite(baseline_s), _finite(other_s)
    if baseline.size != other.size:
        raise ValueError(f"pairs are needed: {baseline.size} baseline values, {other.size} others")
    if not other.sum() > 0:
        raise NoSpeedup("no speed-up is defined over cases that take no time")
    n = baseline.size
    ratio = float(baseline.sum() / other.sum())
    if n < 2:
        return Speedup(ratio, None, None, n)
    ratios: list[NDArray[np.float64]] = []
    resamples = resamples or round(BEYOND * 2 / (1 - confidence))
    step = max(1, BLOCK // n)
    for done in range(0, resamples, step):
        picked = rng.integers(0, n, size=(min(step, resamples - done), n))
        totals = other[picked].sum(axis=1)
        # A resample made only of cases that take no time has no ratio; it is left out.
        ratios.append(baseline[picked].sum(axis=1)[totals > 0] / totals[totals > 0])
    tail = 50 * (1 - confidence)
    low, high = np.percentile(np.concatenate(ratios), [tail, 100 - tail])
    return Speedup(ratio, float(low), float(high), n)


def _finite(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError("at least one value is needed, and each must be finite")
    return array
