"""Least squares with an interval for each coefficient: what a line through measured times is, and how sure it is.

Steps of one session resemble each other, so whole sessions are resampled (cluster bootstrap, percentile intervals);
where there are too few sessions to resample, single steps are. The sums that a fit needs add up over sessions, so a
resample costs a few sums and not another pass over the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES: Final = 1000
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
    """A fit of `y` on named columns. `resampled` says what the intervals were made from: "sessions" or "steps"."""

    coefficients: Mapping[str, Coefficient]
    n: int
    resampled: str

    def value(self, name: str) -> float:
        """The coefficient of a column; 0 for one that was not fitted."""
        return self.coefficients[name].value if name in self.coefficients else 0.0


def linear_fit(
    columns: Mapping[str, Floats], y: Floats, sessions: NDArray[np.int64], rng: np.random.Generator
) -> LinearFit:
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
    _, groups = np.unique(np.arange(len(y)) if few else sessions, return_inverse=True)
    drawn = _resampled(x, y, groups, rng)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    coefficients = {
        name: Coefficient(*(float(value) for value in (best[i] / scale[i], low[i] / scale[i], high[i] / scale[i])))
        for i, name in enumerate(columns)
    }
    return LinearFit(coefficients, len(y), "steps" if few else "sessions")


def _resampled(x: Floats, y: Floats, groups: NDArray[np.intp], rng: np.random.Generator) -> Floats:
    """The coefficients of each resample of groups, one a row."""
    count, width = int(groups.max()) + 1, x.shape[1]
    squares, products = np.zeros((count, width, width)), np.zeros((count, width))
    np.add.at(squares, groups, x[:, :, None] * x[:, None, :])
    np.add.at(products, groups, x * y[:, None])
    drawn = np.empty((RESAMPLES, width))
    for index in range(RESAMPLES):  # one at a time: a matrix of all weights would be large where steps are resampled
        weights = np.bincount(rng.integers(count, size=count), minlength=count).astype(np.float64)
        drawn[index] = np.linalg.pinv(np.tensordot(weights, squares, axes=1)) @ (weights @ products)
    return drawn


def r2(y: Floats, predicted: Floats) -> float:
    """The share of the variance of `y` that is predicted; below zero if the mean alone would predict better."""
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - predicted) ** 2).sum()) / spread if spread > 0 else 0.0
