"""Many conversations under many policies: every run checked against running in order, and what each policy saved.

All policies see the same durations of the same calls (common random numbers), so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import fsum
from typing import Any

import numpy as np

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.traces.intervals import split
from asyncfc_sim.traces.timeline import busy
from asyncfc_sim.traces.trace import Header
from asyncfc_sim.workloads.workload import Task

from .bound import Bound, bound
from .driver import Simulation
from .metrics import CONFIDENCE, paired_speedup, summarise
from .models import Models
from .reference import Reference, difference, emitted_program, run_reference
from .script import Dependence, Messages
from .site import Site

SYNC = "sync"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run every conversation. `policy` is None for the bound, which is computed, not simulated.

    `await_rate` is the chance that the model, before a message, awaits all that it has not been shown.
    """

    label: str
    policy: Policy | None
    messages: Messages
    dependence: Dependence = "values"
    await_rate: float = 0.0

    @property
    def stream(self) -> bool:
        """Whether a turn is one request to the model."""
        return self.policy is not None and self.policy.stream


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One conversation under one arm. Seconds; `different` says what running in order would have given."""

    case: str
    makespan_s: float
    decode_s: float
    tool_tool_s: float
    decode_tool_s: float
    requests: int
    different: str | None = None
    gave_up: str | None = None


@dataclass(slots=True)
class ArmResult:
    """All conversations under one arm, in the order of the tasks."""

    arm: Arm
    cases: list[CaseResult] = field(default_factory=list)
    eq1: list[Bound] = field(default_factory=list)

    @property
    def different(self) -> list[CaseResult]:
        """The conversations in which some value or the world differs from running in order."""
        return [case for case in self.cases if case.different or case.gave_up]


def header(task: Task, arm: Arm, models: Models, seed: int) -> Header:
    """What a trace of this run says of itself."""
    assert arm.policy is not None
    grace = arm.policy.grace_s
    inputs: dict[str, Any] = {
        "decoder": models.decoder.name,
        "durations": models.durations.name,
        "messages": arm.messages,
        "dependence": arm.dependence,
        "failure": arm.policy.failure,
    }
    if arm.policy.futures:
        inputs |= {"grace_s": grace, "delivery": arm.policy.delivery}
    if arm.await_rate:
        inputs["await_rate"] = arm.await_rate
    name = f"{task.name}/{arm.label}/{arm.messages}/{arm.dependence}"
    return Header(run=name, source="simulate", policy=arm.label, case=task.name, seed=seed, inputs=inputs)


def simulate(task: Task, arm: Arm, models: Models, seed: int) -> Simulation:
    """One conversation under one arm that has a policy, on its own."""
    return simulation(task, arm, models, seed).run()


def simulation(task: Task, arm: Arm, models: Models, seed: int, site: Site | None = None) -> Simulation:
    """One conversation under one arm that has a policy, not yet begun; on a site that it shares, or on its own."""
    assert arm.policy is not None
    return Simulation(
        task,
        arm.policy,
        models,
        header(task, arm, models, seed),
        seed=seed,
        messages=arm.messages,
        dependence=arm.dependence,
        await_rate=arm.await_rate,
        site=site,
    )


def run_arms(
    tasks: Sequence[Task], arms: Sequence[Arm], models: Models, seed: int, advance: Callable[[], None] = lambda: None
) -> list[ArmResult]:
    """Run every task under every arm; `advance` is called after each task."""
    results = [ArmResult(arm) for arm in arms]
    limits = list(dict.fromkeys((arm.messages, arm.stream) for arm in arms))
    for task in tasks:
        references: dict[Failure, Reference] = {}
        in_order = run_reference(task)
        bounds = {each: bound(task, in_order, models, seed, each[0], stream=each[1]) for each in limits}
        for result in results:
            policy = result.arm.policy
            limit = bounds[result.arm.messages, result.arm.stream]
            result.eq1.append(limit)
            if policy is None:
                result.cases.append(_bound_case(task, limit))
                continue
            if policy.failure not in references:
                plain = policy.failure == "poison"
                references[policy.failure] = in_order if plain else run_reference(task, policy.failure)
            run = simulate(task, result.arm, models, seed)
            result.cases.append(case_result(task, run, references[policy.failure]))
        advance()
    return results


def case_result(task: Task, run: Simulation, reference: Reference) -> CaseResult:
    """What came out of a run, held against the same calls run in order."""
    overlap = split(*busy(run.recorder.events))
    return CaseResult(
        task.name,
        run.makespan_s,
        overlap.decode_s,
        overlap.tool_tool_s,
        overlap.decode_tool_s,
        run.requests,
        _difference(task, run, reference),
        run.gave_up,
    )


def _difference(task: Task, run: Simulation, reference: Reference) -> str | None:
    """What differs from running in order: the task's programs, or, if a call fails, what the run emitted."""
    late = {future: value for future, value in run.session.scheduler.values.items() if _is_timeout(value)}
    if not reference.fails and not late:
        return difference(reference, run.values(), run.world.state())
    world = task.make_world()
    program = emitted_program(run.recorder.events)
    # strict has cut off all that a failure must stop; what is left behaves as under `barrier`.
    failure = "barrier" if run.policy.failure == "strict" else run.policy.failure

    def call(number: int, tool: str, args: Mapping[str, JSON]) -> Value:
        """Whether a call is late depends on when it runs, so it is late in order, too; its effect it has anyway."""
        value = world.call(run.conversation.origin(number), tool, args)
        return late.get(number, value)

    in_order = run_sequential(program, task.tools, call, failure)
    emitted = Reference(in_order.values, world.state(), (None,))
    return difference(emitted, run.session.scheduler.values, run.world.state())


def _is_timeout(value: Value) -> bool:
    return isinstance(value, ErrorValue) and value.kind == "timeout"


def _bound_case(task: Task, limit: Bound) -> CaseResult:
    return CaseResult(task.name, limit.longest_path_s, limit.decode_s, 0.0, 0.0, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One arm, summed up. `alpha` is the decoding beyond sync's, as a fraction of it; `eq1` the paper's R."""

    label: str
    messages: Messages
    dependence: Dependence
    n: int
    mean_s: float
    p50_s: float
    p99_s: float
    speedup: float
    speedup_low: float | None
    speedup_high: float | None
    tool_tool_s: float | None
    decode_tool_s: float | None
    alpha: float | None
    eq1: float
    requests: int
    different: int
    await_rate: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise_arms(results: Iterable[ArmResult], seed: int, confidence: float = CONFIDENCE) -> list[Row]:
    """One row per arm; speed-ups are over the sync arm with the same messages, which must be among them.

    Raises NoSpeedup where nothing takes time.
    """
    results = list(results)
    sync = {result.arm.messages: result for result in results if result.arm.label == SYNC}
    return [_row(result, sync[result.arm.messages], seed, confidence) for result in results]


def _row(result: ArmResult, sync: ArmResult, seed: int, confidence: float) -> Row:
    times = [case.makespan_s for case in result.cases]
    n = len(times)
    summary = summarise(times)
    # The same resamples for every arm: rows differ by what they measured, not by the draw.
    rng = np.random.default_rng(seed)
    speedup = paired_speedup([case.makespan_s for case in sync.cases], times, rng, confidence=confidence)
    sync_decode_s = fsum(case.decode_s for case in sync.cases)
    simulated = result.arm.policy is not None
    work_s = fsum(one.decode_s + one.tool_s for one in result.eq1)
    return Row(
        result.arm.label,
        result.arm.messages,
        result.arm.dependence,
        n,
        summary.mean,
        summary.p50,
        summary.p99,
        speedup.ratio,
        speedup.low,
        speedup.high,
        fsum(case.tool_tool_s for case in result.cases) / n if simulated else None,
        fsum(case.decode_tool_s for case in result.cases) / n if simulated else None,
        fsum(case.decode_s for case in result.cases) / sync_decode_s - 1 if simulated and sync_decode_s else None,
        work_s / fsum(one.least_s for one in result.eq1),
        sum(case.requests for case in result.cases),
        len(result.different),
        result.arm.await_rate,
    )
