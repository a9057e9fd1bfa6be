"""Run what the reproductions of a paper need, each point once, on as many processes as there are.

A point is a workload with its models; every policy that some claim asks for there runs on the same conversations with
the same durations (common random numbers), so that speed-ups are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import fsum

import numpy as np

from asyncfc_sim.simulate.experiment import Arm, run_arms
from asyncfc_sim.simulate.metrics import Speedup, paired_speedup
from asyncfc_sim.workloads import bfcl
from asyncfc_sim.workloads.bfcl_classes import CLASSES, load_class
from asyncfc_sim.workloads.processes import in_processes
from asyncfc_sim.workloads.shape_file import load_shape
from asyncfc_sim.workloads.shapes import Shape, ShapeError
from asyncfc_sim.workloads.workload import Task

from .paper_files import Paper, Reproduction, Workload
from .setting import DEFAULTS, POLICY_INPUTS, Input, arm_of, figures_of, grid, models_of

SEED = 0  # of durations, of drawn conversations, and of the resamples behind the intervals

Pairs = tuple[tuple[str, Input], ...]  # a setting that can be looked up
Figures = tuple[tuple[str, float], ...]  # those of a shape that are changed
Point = tuple[Workload, Pairs]  # with the inputs on which workload and models depend


@dataclass(frozen=True, slots=True)
class Estimate:
    """What we got at one point: the speed-up, or seconds, with its interval.

    `longest_path` is the speed-up, or the seconds, of a schedule that knows all in advance; `different` counts the
    runs, out of `runs`, that differ from running in order.
    """

    setting: Mapping[str, Input]
    value: float
    low: float | None
    high: float | None
    n: int
    longest_path: float
    runs: int
    different: int


@dataclass(frozen=True, slots=True)
class Cases:
    """One arm at one point, case by case: seconds taken, seconds of the longest path, and how many runs differ."""

    makespans_s: tuple[float, ...]
    longest_s: tuple[float, ...]
    different: int


def estimates(
    paper: Paper,
    workers: int | None = None,
    advance: Callable[[], None] = lambda: None,
    most: int | None = None,
) -> list[list[Estimate]]:
    """For each reproduction of a paper, an estimate at each of its points. `most` cuts workloads short.

    Raises what reading models and shapes raises, and MissingBfcl.
    """
    needed = _needed(paper, most)
    for work, inputs in needed:  # what is wrong with any of them is told before the first is run
        models_of(dict(inputs))
        if _shape(work, _figures(inputs)) is None:
            _check_bfcl()
    jobs = [partial(_run, point, tuple(arms)) for point, arms in needed.items()]
    cases: dict[tuple[Point, Arm], Cases] = {}
    for (point, arms), results in zip(needed.items(), in_processes(jobs, workers), strict=True):
        cases.update({(point, arm): result for arm, result in zip(arms, results, strict=True)})
        advance()
    return [_estimates(each, cases, most) for each in paper.reproductions]


def points(paper: Paper) -> int:
    """How many points a paper takes: `advance` is called as often."""
    return len(_needed(paper, None))


def _needed(paper: Paper, most: int | None) -> dict[Point, list[Arm]]:
    needed: dict[Point, list[Arm]] = {}
    for each in paper.reproductions:
        for setting in grid(each.given, each.scan):
            arms = needed.setdefault(_point(each, setting, most), [])
            arms += [arm for arm in _arms(each, setting) if arm not in arms]
    return needed


def _point(each: Reproduction, setting: Mapping[str, Input], most: int | None) -> Point:
    work = each.workload
    inputs = {key: value for key, value in setting.items() if key not in POLICY_INPUTS and DEFAULTS.get(key) != value}
    return replace(work, n=min(work.n, most or work.n)), tuple(sorted(inputs.items()))


def _arms(each: Reproduction, setting: Mapping[str, Input]) -> list[Arm]:
    """The arm whose time it is, and the one that it is compared with."""
    arms = [arm_of(each.faster.policy, each.faster.messages, setting)]
    if each.than is not None:
        arms.append(arm_of(each.than.policy, each.than.messages, {}))
    return arms


def _run(point: Point, arms: Sequence[Arm]) -> list[Cases]:
    work, inputs = point
    results = run_arms(_tasks(work, _figures(inputs)), arms, models_of(dict(inputs)), SEED)
    return [
        Cases(
            tuple(case.makespan_s for case in result.cases),
            tuple(limit.longest_path_s for limit in result.eq1),
            len(result.different),
        )
        for result in results
    ]


def _figures(inputs: Pairs) -> Figures:
    return tuple(sorted(figures_of(dict(inputs)).items()))


@lru_cache(maxsize=8)
def _tasks(work: Workload, figures: Figures) -> list[Task]:
    shape = _shape(work, figures)
    if shape is None:
        assert work.bfcl is not None
        return spread(bfcl.load(work.bfcl), work.n)
    return shape.conversations(work.n, np.random.default_rng(SEED))


def spread(tasks: Sequence[Task], n: int) -> list[Task]:
    """`n` of them, evenly spaced: those of BFCL stand in the order of its tools."""
    n = min(n, len(tasks))
    return [tasks[place * len(tasks) // n] for place in range(n)]


@lru_cache
def _check_bfcl() -> None:
    """Raise MissingBfcl here, rather than in every process, if something that the benchmark needs is not there."""
    for name in CLASSES:
        load_class(name)


@lru_cache
def _shape(work: Workload, figures: Figures) -> Shape | None:
    """The shape of a workload, with some figures changed; None for BFCL."""
    if work.shape is None:
        if figures:
            raise ShapeError(f"{work.name}: BFCL has no figures of a shape to change: {figures[0][0]}")
        return None
    shape = load_shape(work.shape)
    for name, value in figures:
        shape = shape.with_value(name, value)
    return shape


def _estimates(each: Reproduction, cases: Mapping[tuple[Point, Arm], Cases], most: int | None) -> list[Estimate]:
    found = []
    for setting in grid(each.given, each.scan):
        point = _point(each, setting, most)
        ran = [cases[point, arm] for arm in _arms(each, setting)]
        times_s = ran[0].makespans_s
        n = len(times_s)
        # Of a claim about seconds, the mean is the ratio to cases that take one second each.
        base_s, other_s = (ran[1].makespans_s, times_s) if len(ran) == 2 else (times_s, (1.0,) * n)
        ratio: Speedup = paired_speedup(base_s, other_s, np.random.default_rng(SEED))
        least_s = fsum(ran[0].longest_s)
        best = fsum(base_s) / least_s if len(ran) == 2 else least_s / n
        different = sum(one.different for one in ran)
        found.append(Estimate(setting, ratio.ratio, ratio.low, ratio.high, n, best, len(ran) * n, different))
    return found
