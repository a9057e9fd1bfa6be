"""Least squares with an interval for each coefficient: what a line through measured times is, and how sure it is.

Steps of one session resemble each other and their spread grows with their length, so an interval is made from the sums
of each session's residuals and not from single ones: the cluster-robust variance of Liang and Zeger, Longitudinal data
analysis using generalized linear models, Biometrika 73, 1986. With too few sessions for that, each step counts alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE: Final = 0.95
FEW_SESSIONS: Final = 10


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient with its interval at CONFIDENCE."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fit of `y` on named columns. `units` says what was taken for independent: "sessions" or "steps"."""

    coefficients: Mapping[str, Coefficient]
    n: int
    units: str

    def value(self, name: str) -> float:
        """The coefficient of a column; 0 for one that was not fitted."""
        return self.coefficients[name].value if name in self.coefficients else 0.0


def linear_fit(columns: Mapping[str, Floats], y: Floats, sessions: NDArray[np.int64]) -> LinearFit:
    """Ordinary least squares of `y` on `columns` (a constant is a column of ones), without any other term.

    `sessions` numbers the session of each row.
    """
    x = np.column_stack(list(columns.values()))
    # Columns of one size, or squares of token counts would drown the rest.
    scale = np.abs(x).max(axis=0)
    scale[scale == 0] = 1.0
    x = x / scale
    best, *_ = np.linalg.lstsq(x, y, rcond=None)
    few = len(np.unique(sessions)) < FEW_SESSIONS
    errors = _standard_errors(x, y - x @ best, np.arange(len(y)) if few else sessions)
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * errors
    values, low, high = best / scale, (best - reach) / scale, (best + reach) / scale
    coefficients = {
        name: Coefficient(float(values[i]), float(low[i]), float(high[i])) for i, name in enumerate(columns)
    }
    return LinearFit(coefficients, len(y), "steps" if few else "sessions")


def _standard_errors(x: Floats, residuals: Floats, groups: NDArray[np.int64]) -> Floats:
    _, places = np.unique(groups, return_inverse=True)
    count = int(places.max()) + 1
    sums = np.zeros((count, x.shape[1]))
    np.add.at(sums, places, x * residuals[:, None])
    inverse = np.linalg.pinv(x.T @ x)
    # Without count / (count - 1) intervals of few sessions would be too narrow.
    variance = inverse @ (sums.T @ sums) @ inverse * count / max(1, count - 1)
    return np.asarray(np.sqrt(np.diag(variance)), dtype=np.float64)


def r2(y: Floats, predicted: Floats) -> float:
    """The share of the variance of `y` that is predicted; below zero if the mean alone would predict better."""
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - predicted) ** 2).sum()) / spread if spread > 0 else 0.0
