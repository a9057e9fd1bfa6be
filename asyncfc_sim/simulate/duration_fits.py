"""Lognormal and Weibull distributions fitted to durations by maximum likelihood, and how well they fit.

Both are families of location and scale in the logarithm (a lognormal is normal there, a Weibull is a least extreme
value), which is used throughout: a Weibull's shape is 1 / scale, its scale exp(location).

Goodness is the Kolmogorov-Smirnov distance D. Since the parameters are fitted to the same data, D is smaller than the
textbook's tables expect and its p-value would be far too kind (Lilliefors, On the Kolmogorov-Smirnov test for normality
with mean and variance unknown, JASA 62, 1967). So p is found by parametric bootstrap: samples of the fitted
distribution, each fitted anew. In a family of location and scale the distribution of D depends on neither, only on n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Family = Literal["lognormal", "weibull"]

MOST_RESAMPLES: Final = 999
LEAST_RESAMPLES: Final = 99
WORK: Final = 2_000_000  # numbers drawn in all, as far as LEAST_RESAMPLES allows
TOGETHER: Final = 100_000  # numbers at once
NEWTON_STEPS: Final = 60
TOLERANCE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class DurationFit:
    """A fitted family. `location` and `scale` are those of the logarithm of seconds; `distance` is D, `p` its p-value.

    `resamples` says how many made p: it is never below 1 / (resamples + 1). `log_likelihood` is of the seconds.
    """

    family: Family
    location: float
    scale: float
    log_likelihood: float
    distance: float
    p: float
    resamples: int

    @property
    def aic(self) -> float:
        """Akaike's criterion, of two parameters; less is better."""
        return 4 - 2 * self.log_likelihood

    def __str__(self) -> str:
        match self.family:
            case "lognormal":
                parameters = f"lognormal mu {self.location:.4g} sigma {self.scale:.4g}"
            case "weibull":
                parameters = f"weibull shape {1 / self.scale:.4g} scale {math.exp(self.location):.4g} s"
        return f"{parameters} (KS {self.distance:.3g}, p {self.p:.2g})"


def fit_durations(seconds: Floats, rng: np.random.Generator, resamples: int = MOST_RESAMPLES) -> list[DurationFit]:
    """Both families fitted to durations above 0, the better by AIC first; none if all durations are equal.

    p is made from `resamples` samples drawn with `rng`, from fewer where the data are many.
    """
    logs = np.sort(np.log(seconds))
    if logs[0] == logs[-1]:
        return []
    return sorted((_fit(family, logs, rng, resamples) for family in _FAMILIES), key=lambda fit: fit.aic)


@dataclass(frozen=True, slots=True)
class _FamilyOfLogs:
    """One family, standardised: `estimate` gives location and scale of each row of sorted logarithms."""

    estimate: Callable[[Floats], tuple[Floats, Floats]]
    cdf: Callable[[Floats], Floats]
    log_density: Callable[[Floats], Floats]
    draw: Callable[[np.random.Generator, tuple[int, int]], Floats]


def _fit(family: Family, logs: Floats, rng: np.random.Generator, most: int) -> DurationFit:
    of = _FAMILIES[family]
    rows = logs[None, :]
    location, scale = of.estimate(rows)
    standard = (logs - location) / scale
    likelihood = float((of.log_density(standard) - np.log(scale) - logs).sum())  # of seconds: less log x each
    distance = float(_distance(of, rows, location, scale)[0])
    resamples = min(most, max(LEAST_RESAMPLES, WORK // len(logs)))
    at_least = 0
    together = max(1, TOGETHER // len(logs))
    for first in range(0, resamples, together):
        drawn = np.sort(of.draw(rng, (min(together, resamples - first), len(logs))), axis=1)
        at_least += int((_distance(of, drawn, *of.estimate(drawn)) >= distance).sum())
    p = (1 + at_least) / (resamples + 1)
    return DurationFit(family, float(location[0]), float(scale[0]), likelihood, distance, p, resamples)


def _distance(of: _FamilyOfLogs, rows: Floats, location: Floats, scale: Floats) -> Floats:
    """The Kolmogorov-Smirnov distance of each sorted row to the distribution of its parameters."""
    n = rows.shape[1]
    expected = of.cdf((rows - location[:, None]) / scale[:, None])
    above = np.arange(1, n + 1) / n - expected
    below = expected - np.arange(n) / n
    distance: Floats = np.maximum(above.max(axis=1), below.max(axis=1))
    return distance


# ------------------------------------------------------------------------------------------------ the normal


def _normal_estimate(rows: Floats) -> tuple[Floats, Floats]:
    return rows.mean(axis=1), rows.std(axis=1)


@cache
def _normal_table() -> tuple[Floats, Floats]:
    z = np.linspace(-9.0, 9.0, 18_001)
    return z, np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])


def _normal_cdf(z: Floats) -> Floats:
    """By a table of steps of 0.001, good to 1e-7: NumPy has no error function, and D needs no more."""
    at, values = _normal_table()
    return np.asarray(np.interp(z, at, values), dtype=np.float64)


def _normal_log_density(z: Floats) -> Floats:
    return -0.5 * z * z - 0.5 * math.log(2 * math.pi)


# ------------------------------------------------------------------------------------------------ the least extreme


def _extreme_estimate(rows: Floats) -> tuple[Floats, Floats]:
    """Maximum likelihood by Newton's method on the shape k: sum z e^(kz) / sum e^(kz) - 1/k = mean z, rising in k."""
    mean, spread = rows.mean(axis=1), rows.std(axis=1)
    z = (rows - mean[:, None]) / spread[:, None]
    top = z.max(axis=1)
    k = np.full(len(rows), math.pi / math.sqrt(6))  # by moments
    for _ in range(NEWTON_STEPS):
        weights = np.exp(k[:, None] * (z - top[:, None]))
        total = weights.sum(axis=1)
        first = (weights * z).sum(axis=1) / total
        second = (weights * z * z).sum(axis=1) / total
        step = (first - 1 / k) / (second - first**2 + 1 / k**2)
        k_next = np.maximum(k - step, k / 2)  # a step never goes below half: k stays positive
        done = np.abs(k_next - k) <= TOLERANCE * k
        k = k_next
        if done.all():
            break
    location = top + np.log(np.exp(k[:, None] * (z - top[:, None])).mean(axis=1)) / k
    return mean + spread * location, spread / k


def _extreme_cdf(z: Floats) -> Floats:
    return -np.expm1(-np.exp(np.minimum(z, 50.0)))


def _extreme_log_density(z: Floats) -> Floats:
    return z - np.exp(z)


_FAMILIES: Final[dict[Family, _FamilyOfLogs]] = {
    "lognormal": _FamilyOfLogs(
        _normal_estimate, _normal_cdf, _normal_log_density, lambda rng, shape: rng.standard_normal(shape)
    ),
    "weibull": _FamilyOfLogs(
        _extreme_estimate,
        _extreme_cdf,
        _extreme_log_density,
        lambda rng, shape: np.log(rng.standard_exponential(shape)),
    ),
}
