"""Many conversations at once: agents that share an LLM server and the workers of their tools.

A conversation on its own shows what a schedule saves. Here a policy also changes what the others wait for: it asks the
server more often, or has more in flight. Every run is checked against running in order, as on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import fsum, inf
from typing import Any

import numpy as np

from asyncfc_sim.workloads.workload import Task

from .arrivals import LAST_S, Arrivals, ArrivalsError, ClosedLoop, arrival_times_s
from .batcher import Batcher, Load
from .clock import Clock
from .driver import Simulation
from .experiment import SYNC, Arm, CaseResult, case_result, simulation
from .metrics import paired_speedup, percentile
from .models import Models
from .prefix_cache import PrefixCache
from .reference import run_reference
from .site import Site
from .tool_pools import ToolPools

MAX_BATCH = 256  # vLLM's `max_num_seqs`


@dataclass(frozen=True, slots=True)
class Setup:
    """What is shared, and when sessions begin.

    `cache_tokens` is the capacity of the prefix cache, `capacity` the workers of each kind of tool (a kind without one
    has as many as it takes), `think_s` the pause of a user before a message, and of an agent before its next session.
    """

    arrivals: Arrivals
    max_batch: int = MAX_BATCH
    cache_tokens: float = inf
    capacity: Mapping[str, int] = field(default_factory=dict)
    think_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FleetResult:
    """All conversations under one arm, in the order of the tasks: how long each took, and when it began."""

    arm: Arm
    cases: list[CaseResult]
    begun_s: list[float]
    load: Load
    hit_rate: float
    tool_waits_s: list[float]

    @property
    def makespan_s(self) -> float:
        """From the first beginning to the last end."""
        ends_s = [at_s + case.makespan_s for at_s, case in zip(self.begun_s, self.cases, strict=True)]
        return max(ends_s) - min(self.begun_s)

    @property
    def queued_s(self) -> float:
        """How long a request waited for the server, in the mean."""
        return fsum(self.load.queued_s) / len(self.load.queued_s) if self.load.queued_s else 0.0


def run_fleet(tasks: Sequence[Task], arm: Arm, models: Models, setup: Setup, seed: int) -> FleetResult:
    """Run all tasks under one arm that has a policy. Raises ArrivalsError.

    The same seed gives every arm the same arrivals and the same durations (common random numbers).
    """
    if setup.max_batch < 1:
        raise ArrivalsError(f"a batch of {setup.max_batch}: expected at least one request")
    if not 0 <= setup.think_s <= LAST_S:
        raise ArrivalsError(f"a pause of {setup.think_s} s: expected 0 to {LAST_S:g} s")
    clock = Clock()
    cache = PrefixCache(setup.cache_tokens)
    server = Batcher(clock, models.decoder, max_batch=setup.max_batch, cache=cache)
    pools = ToolPools(clock, setup.capacity)
    site = Site(clock, server, pools, setup.think_s)
    runs = [simulation(task, arm, models, seed, site) for task in tasks]
    _begin(runs, tasks, clock, setup, seed)
    clock.run()
    assert arm.policy is not None
    return FleetResult(
        arm,
        [
            case_result(task, run, run_reference(task, arm.policy.failure))
            for task, run in zip(tasks, runs, strict=True)
        ],
        [run.started_s for run in runs],
        server.load,
        cache.hit_rate,
        [wait_s for pool in pools.pools.values() for wait_s in pool.waits_s],
    )


def _begin(runs: Sequence[Simulation], tasks: Sequence[Task], clock: Clock, setup: Setup, seed: int) -> None:
    """Have every run begin in its time."""
    match setup.arrivals:
        case ClosedLoop(agents):
            if agents < 1:
                raise ArrivalsError(f"{agents} agents: expected at least one")
            waiting = iter(runs)

            def next_session() -> None:
                run = next(waiting, None)
                if run is not None:
                    run.start(_later(clock, setup.think_s, next_session))

            for _ in range(agents):
                clock.after(0.0, next_session)
        case arrivals:
            times_s = arrival_times_s(arrivals, tasks, np.random.default_rng([seed, len(tasks)]))
            for run, at_s in zip(runs, times_s, strict=True):
                clock.after(at_s, run.start)


def _later(clock: Clock, delay_s: float, action: Callable[[], None]) -> Callable[[], None]:
    return partial(clock.after, delay_s, action)


def summarise_fleet(results: Sequence[FleetResult], seed: int) -> list[dict[str, Any]]:
    """A row for each arm, sync with the same messages being among them. Latencies are of whole conversations."""
    return [_row(result, results, seed) for result in results]


def _row(result: FleetResult, results: Sequence[FleetResult], seed: int) -> dict[str, Any]:
    arm = result.arm
    base = next(one for one in results if one.arm.label == SYNC and one.arm.messages == arm.messages)
    latencies_s = [case.makespan_s for case in result.cases]
    speedup = paired_speedup([case.makespan_s for case in base.cases], latencies_s, np.random.default_rng(seed))
    waits_s = result.tool_waits_s
    return {
        "label": arm.label,
        "messages": arm.messages,
        "dependence": arm.dependence,
        "n": len(latencies_s),
        "latency_mean_s": fsum(latencies_s) / len(latencies_s),
        "latency_p50_s": percentile(latencies_s, 50),
        "latency_p90_s": percentile(latencies_s, 90),
        "latency_p99_s": percentile(latencies_s, 99),
        "speedup": speedup.ratio,
        "speedup_low": speedup.low,
        "speedup_high": speedup.high,
        "makespan_s": result.makespan_s,
        "sessions_per_s": len(latencies_s) / result.makespan_s,
        "server_busy": result.load.decoding_s / result.makespan_s,
        "requests": result.load.requests,
        "queued_mean_s": result.queued_s,
        "batch_mean": result.load.mean_batch,
        "cache_hit_rate": result.hit_rate,
        "tool_wait_mean_s": fsum(waits_s) / len(waits_s) if waits_s else None,
        "different": sum(1 for case in result.cases if case.different or case.gave_up),
    }
