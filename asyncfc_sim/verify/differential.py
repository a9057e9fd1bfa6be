"""Random programs, every schedule of each: the real scheduler against running in order, and naive beside it.

Without the rule `quiet` a good part of the programs must differ somewhere, else they would say nothing about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import numpy as np

from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.random_programs import random_program
from asyncfc_sim.workloads.toolbox import TOOLBOX

from .baselines import Naive
from .exhaust import exhaust
from .schedules import format_schedule
from .setting import Setting

FAILURES: Final[tuple[Failure, ...]] = ("poison", "barrier", "strict")
LIMIT: Final = 2_000_000  # states; programs of this size stay far below


@dataclass(slots=True)
class Tally:
    """What was found of how many programs."""

    programs: int = 0
    states: int = 0  # visited under the real scheduler
    failing: int = 0  # programs in which some call fails
    naive_differs: int = 0
    different: list[str] = field(default_factory=list)  # programs, each with a schedule: must stay empty

    def __str__(self) -> str:
        share = 100 * self.naive_differs / max(1, self.programs)
        return (
            f"{self.programs} random programs ({self.failing} with a failing call), every schedule, "
            f"{self.states} states: {len(self.different)} differ from running in order; "
            f"without the rule {self.naive_differs} do ({share:.0f} %)"
        )


def random_settings(n: int, rng: np.random.Generator, calls: int = 5) -> Iterator[Setting]:
    """Random programs over tools whose steps interleave, with a world for each."""
    for _ in range(n):
        program, tools, values = random_program(rng, calls)
        yield Setting(program, tools, partial(KeyWorld, TOOLBOX, values), "steps")


def differential(
    n: int, rng: np.random.Generator, *, calls: int = 5, advance: Callable[[], None] = lambda: None
) -> Tally:
    """Explore `n` programs of `calls` calls, in every failure mode; `advance` is called after each."""
    tally = Tally()
    for setting in random_settings(n, rng, calls):
        _add(tally, setting)
        advance()
    return tally


def _add(tally: Tally, setting: Setting) -> None:
    tally.programs += 1
    in_order = setting.in_order()
    tally.failing += any(isinstance(value, ErrorValue) for value in in_order.outcome.values.values())
    for failure in FAILURES:
        real = replace(setting, failure=failure)
        found = exhaust(real, limit=LIMIT)
        tally.states += found.states
        differing = found.differing(real.in_order())
        if differing is not None:
            tally.different.append(f"{failure}, {format_schedule(differing)}:\n{setting.program}")
    naive = exhaust(replace(setting, scheduler=Naive), limit=LIMIT)
    tally.naive_differs += naive.differing(in_order) is not None
