"""Which token is taken, given the scores of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .engine import Array


@dataclass(frozen=True, slots=True)
class Sampling:
    """`temperature` 0 takes the best token. Otherwise one is drawn, of the likeliest that together have at least the
    probability `top_p`; the same `seed` gives the same draws."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


def choose(scores: Array, sampling: Sampling, generator: np.random.Generator) -> int:
    """A token. With temperature 0 the generator is not used."""
    if sampling.temperature <= 0:
        return int(scores.argmax())
    with np.errstate(over="ignore"):  # of a temperature next to nothing: all but the best are out of the question
        weights = np.exp((scores.astype(np.float64) - scores.max()) / sampling.temperature)
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum(weights[order] / weights.sum())
    likeliest = order[: int(np.searchsorted(reached, sampling.top_p)) + 1]
    chances = weights[likeliest] / weights[likeliest].sum()
    return int(generator.choice(likeliest, p=chances))
