"""A sweep: a study at every combination of knobs, in chunks that any process can run and that need not be run twice.

All points and policies meet the same draws (common random numbers: a draw depends on seed, case and call alone). Points
that differ only in how the model is served, not in what is drawn, share their runs: each arm is run once. Here is what
to run, how parts are put together, and when it is enough; where the work is done is up to the caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from asyncfc_sim.workloads.workload import Task

from .durations import uniform
from .experiment import Arm, ArmResult, Row, run_arms, summarise_arms
from .knobs import KnobValue, Point, SweepError, columns
from .metrics import NoSpeedup
from .models import Models
from .parallel import Source, joined
from .precision import Looks, half_width
from .scaling import scaled_decoder, scaled_durations, scaled_recording

RUNS_A_CHUNK = 60  # conversations times arms: some tenths of a second, which outweigh handing the chunk over
ModelsOf = Callable[[str, str], Models]  # the models of a decoder's and a duration profile's name


@dataclass(frozen=True, slots=True)
class Condition:
    """What some points share, models, seed, and what recordings are scaled by; with all arms that are run for them."""

    models: Models
    seed: int
    tool_scale: float
    decode_scale: float
    arms: tuple[Arm, ...]

    def adapted(self, task: Task) -> Task:
        """The task with its recorded times made longer or shorter, as those of the models are."""
        if task.recorded is None or (self.tool_scale, self.decode_scale) == (1, 1):
            return task
        return replace(task, recorded=scaled_recording(task.recorded, self.tool_scale, self.decode_scale))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some samples of one condition: the place of a task in the workload, and the how manieth time it is drawn."""

    condition: int
    picks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: the conditions, and for each the points (by number) that it serves.

    `order` holds the places of the tasks in the order in which they are sampled. A chunk has about `runs_a_chunk` runs.
    """

    points: tuple[Point, ...]
    conditions: tuple[Condition, ...]
    served: tuple[tuple[int, ...], ...]
    order: tuple[int, ...]
    runs_a_chunk: int = RUNS_A_CHUNK

    def chunks(self, condition: int, first: int, last: int) -> list[Chunk]:
        """The samples from `first` up to `last` of a condition. After the last task the first comes once more."""
        size = max(1, self.runs_a_chunk // len(self.conditions[condition].arms))
        n = len(self.order)
        picks = [(self.order[number % n], number // n) for number in range(first, last)]
        return [Chunk(condition, tuple(picks[at : at + size])) for at in range(0, len(picks), size)]


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One arm at one point. `cases` counts the different tasks among the `row.n` samples.

    `half_width` is that of the interval, as a fraction of the speed-up; `reached`: whether that was as asked.
    """

    knobs: dict[str, KnobValue | None]
    row: Row
    cases: int
    half_width: float | None
    reached: bool | None


RunChunks = Callable[[Sequence[Chunk]], Iterable[tuple[Chunk, list[ArmResult]]]]


def plan(points: Sequence[Point], tasks: Sequence[Task], models_of: ModelsOf, *, shuffled: bool) -> Plan:
    """Points that draw alike become one condition. `shuffled`: sample the tasks in a random order, the same each time.

    The order of a file is often by kind, so that its beginning is no sample of it. Raises what `models_of` raises.
    """
    groups: dict[tuple[str, str, float, float, int], list[int]] = {}
    for number, point in enumerate(points):
        key = (point.decoder, point.durations, point.tool_scale, point.decode_scale, point.seed)
        groups.setdefault(key, []).append(number)
    conditions = []
    for (decoder, durations, tool_scale, decode_scale, seed), numbers in groups.items():
        arms = dict.fromkeys(arm for number in numbers for arm in points[number].arms())
        models = models_of(decoder, durations)
        models = replace(
            models,
            decoder=scaled_decoder(models.decoder, decode_scale),
            durations=scaled_durations(models.durations, tool_scale),
        )
        conditions.append(Condition(models, seed, tool_scale, decode_scale, tuple(arms)))
    order = list(range(len(tasks)))
    if shuffled:
        order.sort(key=lambda place: uniform(0, f"order of {tasks[place].name}", place))
    return Plan(tuple(points), tuple(conditions), tuple(map(tuple, groups.values())), tuple(order))


def run_chunk(given: Source, condition: Condition, chunk: Chunk) -> list[ArmResult]:
    """Run a chunk, in whatever process this is. A task drawn again has another name, and so other draws."""
    tasks = given.tasks()
    picked = []
    for place, time in chunk.picks:
        task = condition.adapted(tasks[place])
        picked.append(replace(task, name=f"{task.name}~{time + 1}") if time else task)
    return run_arms(picked, condition.arms, condition.models, condition.seed)


def condition_key(identity: str, condition: Condition) -> str:
    """A name for all that the results of a condition depend on; `identity` is that of the workload and our version."""
    return _digest((identity, condition))


def chunk_key(condition: str, chunk: Chunk) -> str:
    """A name for all that the results of a chunk depend on; `condition` is the key of its condition."""
    return _digest((condition, chunk.picks))


def _digest(parts: tuple[object, ...]) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def run_plan(plan: Plan, looks: Looks, run: RunChunks) -> list[SweepRow]:
    """Run conditions until each is precise enough, or the looks are at an end; rows in the order of the points.

    `run` gives the results of chunks in any order. Arms that are alike at several points are one row.
    Raises SweepError where nothing takes time.
    """
    results = [[ArmResult(arm) for arm in condition.arms] for condition in plan.conditions]
    found: dict[int, list[SweepRow]] = {}
    going_on = list(range(len(plan.conditions)))
    done = 0
    for n in looks.at:
        chunks = [chunk for condition in going_on for chunk in plan.chunks(condition, done, n)]
        parts = dict(run(chunks))
        for number in going_on:
            own = [parts.pop(chunk) for chunk in chunks if chunk.condition == number]
            results[number] = joined(plan.conditions[number].arms, [results[number], *own])
        for number in list(going_on):
            rows = {point: _rows(plan, point, results[number], looks) for point in plan.served[number]}
            found |= rows
            if looks.enough([row.row for each in rows.values() for row in each]):
                going_on.remove(number)
                results[number] = []
        done = n
        if not going_on:
            break
    alike: dict[tuple[object, ...], SweepRow] = {}
    for point in sorted(found):
        for row in found[point]:
            alike.setdefault(tuple(row.knobs.values()), row)
    return list(alike.values())


def _rows(plan: Plan, number: int, results: Sequence[ArmResult], looks: Looks) -> list[SweepRow]:
    point = plan.points[number]
    by_arm = {result.arm: result for result in results}
    own = [by_arm[arm] for arm in point.arms()]
    try:
        rows = summarise_arms(own, point.seed, looks.confidence)
    except NoSpeedup:
        raise SweepError(
            f"tool_scale={point.tool_scale:g}, decode_scale={point.decode_scale:g}: nothing takes any time, "
            "so there is no speed-up"
        ) from None
    return [
        SweepRow(
            columns(point, result.arm),
            row,
            min(row.n, len(plan.order)),
            width if isfinite(width := half_width(row)) else None,
            looks.reached(row),
        )
        for result, row in zip(own, rows, strict=True)
        if point.asked(result.arm)
    ]
