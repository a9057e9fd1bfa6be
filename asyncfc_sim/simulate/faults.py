"""Calls that fail: a task whose tools fail now and then, the same calls under every policy and in the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.workloads.workload import Task, World

from .durations import uniform


class RateError(ValueError):
    """A rate that is no chance."""


@dataclass(frozen=True, slots=True)
class FaultyWorld:
    """A world in which some calls fail, by their number, and then have no effect."""

    world: World
    fails: Callable[[int], bool]

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        if self.fails(future):
            return ErrorValue("tool_error", "it failed, as simulated", future, effects="none")
        return self.world.call(future, tool, args)

    def state(self) -> str:
        return self.world.state()

    def copy(self) -> FaultyWorld:
        return replace(self, world=self.world.copy())


def with_faults(task: Task, rate: float, seed: int) -> Task:
    """`task` with each call failing with chance `rate`. Rates are nested: what fails at a rate fails at any higher one.

    Raises RateError for a rate that is no chance.
    """
    if not 0 <= rate <= 1:
        raise RateError(f"failure rate {rate}: expected a chance between 0 and 1")
    fails = partial(_fails, rate, seed, task.name)
    return replace(task, make_world=partial(_make_world, task.make_world, fails)) if rate else task


def _make_world(make_world: Callable[[], World], fails: Callable[[int], bool]) -> FaultyWorld:
    return FaultyWorld(make_world(), fails)


def _fails(rate: float, seed: int, case: str, future: int) -> bool:
    return uniform(seed, f"{case}/fault", future) < rate
