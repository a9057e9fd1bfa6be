"""When sessions begin: each time an agent is free (closed loop), at random, or as recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from asyncfc_sim.workloads.workload import Task

LAST_S = 1e9  # seconds from which on a clock no longer tells microseconds apart


class ArrivalsError(ValueError):
    """Arrivals that cannot be: the message says what was expected."""


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """So many agents; each begins the next session when it is done with one."""

    agents: int


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Sessions begin at random, `rate` a second in the mean, whatever is under way.

    The gaps are gamma distributed with the shape `burstiness`: 1 is a Poisson process, less is burstier, more is more
    regular (the meaning of `--burstiness` in vLLM's serving benchmark).
    """

    rate: float
    burstiness: float = 1.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """Sessions begin when they began as they were recorded, `speed` times as fast."""

    speed: float = 1.0


Arrivals = ClosedLoop | OpenLoop | Replayed


def arrival_times_s(arrivals: OpenLoop | Replayed, tasks: Sequence[Task], rng: np.random.Generator) -> list[float]:
    """When each of `tasks` begins, in seconds. Raises ArrivalsError."""
    match arrivals:
        case OpenLoop(rate, burstiness):
            if not (rate > 0 and burstiness > 0 and isfinite(rate) and isfinite(burstiness)):
                raise ArrivalsError(f"rate {rate}, burstiness {burstiness}: expected numbers above zero")
            gaps_s = rng.gamma(burstiness, 1 / (rate * burstiness), len(tasks))
            return _within_reach([float(at_s) for at_s in np.cumsum(gaps_s)])
        case Replayed(speed):
            if not (speed > 0 and isfinite(speed)):
                raise ArrivalsError(f"speed {speed}: expected a number above zero")
            times_s = [task.recorded.arrival_s if task.recorded is not None else None for task in tasks]
            known_s = [at_s for at_s in times_s if at_s is not None]
            if len(known_s) < len(times_s):
                missing = next(task.name for task, at_s in zip(tasks, times_s, strict=True) if at_s is None)
                raise ArrivalsError(f"{missing}: nothing says when it began; expected --agents or --rate")
            return _within_reach([(at_s - min(known_s)) / speed for at_s in known_s])


def _within_reach(times_s: list[float]) -> list[float]:
    """`times_s`, if a clock that shows them still tells microseconds apart. Raises ArrivalsError."""
    if times_s and not max(times_s) <= LAST_S:
        raise ArrivalsError(f"the last session begins after {max(times_s):.3g} s: expected {LAST_S:g} s at most")
    return times_s
