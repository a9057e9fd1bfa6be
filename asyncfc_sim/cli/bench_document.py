"""The results of `asyncfc bench`, and their JSON document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, cast

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.live.injected import INPUT
from asyncfc_sim.studies.bench import Found, Outcome, Plan
from asyncfc_sim.studies.bench_compare import Comparison, comparisons
from asyncfc_sim.studies.bench_measures import DEFINITIONS, Measures, Metric
from asyncfc_sim.studies.bench_rows import ArmRow, Place, Request, answered, row, verdicts
from asyncfc_sim.traces.redact import redacting

from .agent_options import secrets
from .bench_request import BenchRequest
from .output import document


@dataclass(frozen=True)
class Results:
    """A benchmark, whole or interrupted. `shown` are the metrics that the tables have."""

    name: str
    plan: Plan
    policies: Mapping[str, Policy]
    found: Found
    wanted: Request
    shown: Sequence[Metric]
    metadata: Mapping[str, str]
    warnings: Sequence[str]
    interrupted: bool
    request: BenchRequest
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y%m%d-%H%M%S"))

    @cached_property
    def runs(self) -> dict[str, dict[Place, Measures]]:
        """The measures of the answered runs of each arm."""
        return {arm: answered(self.found, arm) for arm in self.plan.arms}

    @cached_property
    def rows(self) -> list[ArmRow]:
        return [row(self.plan, self.found, arm, self.runs[arm], self.wanted) for arm in self.plan.arms]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        return comparisons(self.plan, self.found, self.runs)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.found.outcomes if not outcome.completed]

    @property
    def failures(self) -> list[tuple[str, int, list[str]]]:
        """Each reason for which runs failed: how often, and under which arms; the most frequent first."""
        reasons = Counter(outcome.reason or "" for outcome in self.failed)
        failed = {(outcome.reason, outcome.arm) for outcome in self.failed}
        return [
            (reason, count, [arm for arm in self.plan.arms if (reason, arm) in failed])
            for reason, count in reasons.most_common()
        ]

    @property
    def notes(self) -> list[tuple[str, int]]:
        """What was odd about the server or the runs, and in how many of them."""
        runs = [outcome.run for outcome in self.found.outcomes if outcome.run is not None]
        return Counter(note for run in runs for note in dict.fromkeys(run.notes)).most_common()

    @property
    def injected(self) -> str | None:
        """Where latencies of tools came from that no tool took, if there were any."""
        runs = [outcome.run for outcome in self.found.outcomes if outcome.run is not None]
        return next((str(run.trace.header.inputs[INPUT]) for run in runs if INPUT in run.trace.header.inputs), None)

    @property
    def served(self) -> tuple[str, str]:
        """The model's name, and where it is served."""
        inputs = [outcome.run.trace.header.inputs for outcome in self.found.outcomes if outcome.run is not None]
        given = self.request.endpoint
        first: Mapping[str, Any] = inputs[-1] if inputs else {"model": given.model, "endpoint": given.base_url}
        return str(first["model"] or "the first model"), str(first["endpoint"] or "the default endpoint")


def json_document(results: Results, *, runs: bool = False) -> dict[str, Any]:
    """All that came out, as JSON, without secrets. `runs` adds each conversation; what was answered is in it only if
    that was asked for."""
    plan, request, found = results.plan, results.request, results.found
    model, endpoint = results.served
    config = {
        "model": model,
        "base_url": endpoint,
        "tools": list(request.tools),
        "prompts": None if request.prompts is None else str(request.prompts),
        "tasks": request.tasks,
        "num_prompts": len(plan.prompts),
        "repeats": plan.repeats,
        "num_warmups": plan.warmups,
        "max_concurrency": plan.max_concurrency,
        "request_rate": _finite(plan.request_rate),
        "burstiness": plan.burstiness,
        "injected": results.injected,
        "policies": {name: _policy(policy) for name, policy in results.policies.items()},
    }
    limits_s = results.wanted.goodput_s
    whole = document(
        "bench/1",
        seed=plan.seed,
        config=config,
        run=results.name,
        date=results.date,
        metadata=dict(results.metadata),
        planned=plan.size,
        completed=len(found.outcomes) - len(results.failed),
        failed=len(results.failed),
        interrupted=results.interrupted,
        stopped=found.stopped,
        failures=[{"reason": reason, "count": count, "policies": arms} for reason, count, arms in results.failures],
        warnings=list(results.warnings),
        notes=[{"note": note, "runs": count} for note, count in results.notes],
        definitions=dict(DEFINITIONS),
        goodput_ms=None if limits_s is None else {metric: 1000 * limit_s for metric, limit_s in limits_s.items()},
        policies=[one.to_json() for one in results.rows],
        comparisons=[one.to_json() for one in results.comparisons],
        **({"runs": _runs(results)} if runs else {}),
    )
    # Through JSON, so that nothing in it is hidden from `redact` in a tuple.
    redact = redacting(secrets(request.endpoint, request.tools))
    return cast("dict[str, Any]", redact(json.loads(json.dumps(whole, allow_nan=False))))


def _runs(results: Results) -> list[dict[str, Any]]:
    right = {arm: verdicts(results.plan, results.found, arm) for arm in results.plan.arms}
    return [_run(results, outcome, right[outcome.arm]) for outcome in results.found.outcomes]


def _run(results: Results, outcome: Outcome, right: Mapping[Place, bool]) -> dict[str, Any]:
    """One conversation, in the order in which they ended."""
    place = (outcome.prompt, outcome.repeat)
    one = results.runs[outcome.arm].get(place) if outcome.completed else None
    run = outcome.run
    told: dict[str, Any] = {
        "run": None if run is None else run.trace.header.run,
        "policy": outcome.arm,
        "prompt": results.plan.prompts[outcome.prompt].id,
        "repeat": outcome.repeat + 1,
        "failed": outcome.reason,
        "correct": right.get(place),
        "e2el_ms": None if one is None else 1000 * one.e2el_s,
        "wait_ms": None if one is None else 1000 * one.wait_s,
        "ttfts_ms": None if one is None else [1000 * value for value in one.ttft_s],
        "requests": None if run is None else run.requests,
        "input_tokens": None if run is None else run.usage.prompt_tokens,
        "output_tokens": None if run is None else run.usage.completion_tokens,
        "certified": None if one is None else one.certified,
        "guards": {} if run is None else dict(run.guards),
        "in_doubt": [] if run is None else list(run.in_doubt),
    }
    if results.request.save_detailed:
        told["generated_text"] = None if run is None else run.output
    return told


def _policy(policy: Policy) -> dict[str, Any]:
    return {name: _finite(value) for name, value in asdict(policy).items()}


def _finite(value: Any) -> Any:
    return "inf" if value == float("inf") else value
