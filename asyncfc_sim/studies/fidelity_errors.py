"""How far predictions are from what happened: relative errors, the noise beside them, the order of the policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from statistics import fmean

import numpy as np

from asyncfc_sim.simulate.metrics import percentile

from .paired import difference


@dataclass(frozen=True, slots=True)
class Spread:
    """Relative errors, as fractions: the median and the 90th percentile of their sizes; the median with its sign."""

    n: int
    median: float
    p90: float
    bias: float

    def of_means(self, runs: int) -> Spread:
        """What is left of it in means over so many runs, were these independent of one another; the bias is."""
        return replace(self, median=self.median / sqrt(runs), p90=self.p90 / sqrt(runs))


def spread(errors: Sequence[float]) -> Spread | None:
    """None if there is no error."""
    if not errors:
        return None
    sizes = [abs(error) for error in errors]
    return Spread(len(errors), percentile(sizes, 50), percentile(sizes, 90), percentile(errors, 50))


def noise(rounds: Sequence[Mapping[int, float]]) -> Spread | None:
    """How much the same task differs from itself: of each two rounds, the later against the earlier, by task."""
    pairs = [
        later[task] / earlier[task] - 1
        for earlier, later in combinations(rounds, 2)
        for task in sorted(earlier.keys() & later.keys())
        if earlier[task] > 0
    ]
    return spread(pairs)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two policies: `quicker` took less time than `slower`, and whether that is more than chance (the 95 % interval of
    their difference over tasks excludes 0); `predicted`: whether it was predicted to."""

    quicker: str
    slower: str
    resolved: bool
    predicted: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Policies from the quickest to the slowest, by the mean over the tasks that all have answered.

    `right`: no two policies that can be told apart were predicted in the other order; None if there are no such two.
    `same`: the order is the same.
    """

    measured: tuple[str, ...]
    predicted: tuple[str, ...]
    pairs: tuple[Pair, ...]

    @property
    def right(self) -> bool | None:
        resolved = [pair.predicted for pair in self.pairs if pair.resolved]
        return all(resolved) if resolved else None

    @property
    def same(self) -> bool:
        return self.measured == self.predicted


def ranking(
    measured: Mapping[str, Mapping[int, float]], predicted: Mapping[str, Mapping[int, float]], seed: int
) -> Ranking | None:
    """The order of policies, by seconds of each task; None if there is no task that all have answered."""
    tables = [*measured.values(), *predicted.values()]
    tasks = sorted(set.intersection(*(set(table) for table in tables))) if tables else []
    if not tasks or len(measured) < 2:
        return None

    def order(of: Mapping[str, Mapping[int, float]]) -> list[str]:
        return sorted(of, key=lambda policy: fmean(of[policy][task] for task in tasks))

    pairs = []
    for quicker, slower in combinations(order(measured), 2):
        found = difference(
            [measured[quicker][task] for task in tasks],
            [measured[slower][task] for task in tasks],
            np.random.default_rng(seed),
        )
        gained = fmean(predicted[slower][task] - predicted[quicker][task] for task in tasks)
        pairs.append(Pair(quicker, slower, found.low is not None and found.low > 0, gained > 0))
    return Ranking(tuple(order(measured)), tuple(order(predicted)), tuple(pairs))


@dataclass(frozen=True, slots=True)
class Goal:
    """What was aimed at, in words, what came out, and whether that is enough; None if nothing came out."""

    what: str
    limit: float | None
    found: float | None
    met: bool | None


CONDITIONAL_MEDIAN, CONDITIONAL_P90, FORECAST_MEDIAN = 0.03, 0.08, 0.10


def goals(
    conditional: Mapping[str, Spread | None],
    forecast: Mapping[str, Spread | None],
    floor: Spread | None,
    order: Ranking | None,
) -> list[Goal]:
    """The goals, each for the policy that is furthest from it. A conditional error below `floor`, the noise, is not
    asked for."""
    median = max(CONDITIONAL_MEDIAN, floor.median if floor is not None else 0.0)
    p90 = max(CONDITIONAL_P90, floor.p90 if floor is not None else 0.0)
    return [
        _goal(
            "conditional: median error, or that of the noise",
            median,
            [None if one is None else one.median for one in conditional.values()],
        ),
        _goal(
            "conditional: p90 error, or that of the noise",
            p90,
            [None if one is None else one.p90 for one in conditional.values()],
        ),
        Goal("conditional: policies in the right order", None, None, None if order is None else order.right),
        _goal(
            "forecast: median error",
            FORECAST_MEDIAN,
            [None if one is None else one.median for one in forecast.values()],
        ),
    ]


def _goal(what: str, limit: float, found: Sequence[float | None]) -> Goal:
    known = [value for value in found if value is not None]
    if not known or len(known) < len(found):
        return Goal(what, limit, None, None)
    return Goal(what, limit, max(known), max(known) <= limit)
