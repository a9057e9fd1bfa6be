"""The results of `asyncfc fidelity`, and their JSON document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, cast

from asyncfc_sim.live.injected import INPUT
from asyncfc_sim.studies.fidelity import SYNC, Findings, Predicted, Study, rounds_s
from asyncfc_sim.studies.fidelity_conditional import CAUSES
from asyncfc_sim.studies.fidelity_errors import Goal, Ranking, Spread, goals, noise, ranking
from asyncfc_sim.studies.fidelity_rows import Row, by_task, conditional_s, forecast_s, measured_s, row_of
from asyncfc_sim.traces.redact import redacting

from .agent_options import secrets
from .fidelity_request import FidelityRequest
from .output import document


@dataclass(frozen=True)
class Results:
    """A study, whole or interrupted."""

    name: str
    asked: Study
    found: Findings
    warnings: Sequence[str]
    interrupted: bool
    request: FidelityRequest

    @property
    def policies(self) -> list[str]:
        return [SYNC, *self.asked.policies]

    @cached_property
    def noise(self) -> Spread | None:
        """How much rounds of sync differ, before anything was predicted."""
        return noise(rounds_s(self.found.sync))

    @cached_property
    def drift(self) -> Spread | None:
        """How much sync beside the others differs from the last round before them."""
        before, beside = rounds_s(self.found.sync), rounds_s(self.found.others)
        return noise([before[-1], beside[0]]) if before and beside else None

    @cached_property
    def rows(self) -> list[Row]:
        rows = [row_of(policy, self.runs(policy)) for policy in self.policies]
        return [row for row in rows if row is not None]

    def runs(self, policy: str) -> list[Predicted]:
        return [one for one in self.found.predicted if one.policy == policy]

    @cached_property
    def rankings(self) -> dict[str, Ranking | None]:
        """The order of all policies, as each prediction has it."""
        measured = {policy: by_task(self.runs(policy), measured_s) for policy in self.policies}
        predicted = {
            "conditional": {policy: by_task(self.runs(policy), conditional_s) for policy in self.policies},
            "forecast": {policy: by_task(self.runs(policy), forecast_s) for policy in self.policies},
        }
        return {kind: ranking(measured, table, self.asked.seed) for kind, table in predicted.items()}

    @cached_property
    def goals(self) -> list[Goal]:
        """Of the policies that are predicted: sync is what they are predicted from."""
        rows = {row.policy: row for row in self.rows}
        others = list(self.asked.policies)
        return goals(
            {name: rows[name].conditional if name in rows else None for name in others},
            {name: rows[name].forecast if name in rows else None for name in others},
            None if self.noise is None else self.noise.of_means(self.fewest_runs),
            self.rankings["conditional"],
        )

    @property
    def fewest_runs(self) -> int:
        """Of a task under a policy: its means are over so many, or more."""
        return min(Counter((one.policy, one.prompt) for one in self.found.predicted).values(), default=1)

    @property
    def failures(self) -> list[tuple[str, int]]:
        failed = [outcome.reason or "" for outcome in self.found.outcomes if not outcome.completed]
        return Counter(failed).most_common()

    @property
    def unpredicted(self) -> list[tuple[str, int]]:
        """Why runs have no conditional prediction, and how many."""
        return Counter(one.why_not for one in self.found.predicted if one.why_not is not None).most_common()

    @property
    def right(self) -> dict[str, tuple[int, int]]:
        """Of the runs that were judged, how many were right, by policy."""
        judged: dict[str, tuple[int, int]] = {}
        for outcome in self.found.outcomes:
            if outcome.right is not None:
                right, n = judged.get(outcome.arm, (0, 0))
                judged[outcome.arm] = right + outcome.right, n + 1
        return judged

    @property
    def notes(self) -> list[tuple[str, int]]:
        """What was odd about the server or the runs, and in how many of them."""
        runs = [outcome.run for outcome in self.found.outcomes if outcome.run is not None]
        notes = Counter(note for run in runs for note in dict.fromkeys(run.notes))
        answered = [outcome.run for outcome in self.found.outcomes if outcome.run is not None and outcome.completed]
        if silent := sum(not run.timeline.calls for run in answered):
            notes["the model called no tool: such a run says nothing of a schedule"] = silent
        return notes.most_common()

    @property
    def header_inputs(self) -> Mapping[str, Any]:
        runs = [outcome.run for outcome in self.found.outcomes if outcome.run is not None]
        return runs[0].trace.header.inputs if runs else {}

    @property
    def injected(self) -> str | None:
        said = self.header_inputs.get(INPUT)
        return None if said is None else str(said)


def json_document(results: Results, *, runs: bool = False) -> dict[str, Any]:
    """All that came out, as JSON, without secrets. `runs` adds each prediction."""
    asked, request, found = results.asked, results.request, results.found
    inputs = results.header_inputs
    fit = None if found.learnt is None else found.learnt.fit
    config = {
        "model": inputs.get("model", request.endpoint.model),
        "base_url": inputs.get("endpoint", request.endpoint.base_url),
        "tools": list(request.tools),
        "prompts": None if request.prompts is None else str(request.prompts),
        "tasks": request.tasks,
        "num_prompts": len(asked.prompts),
        "policies": results.policies,
        "rounds": asked.rounds,
        "repeats": asked.repeats,
        "alpha": asked.alpha,
        "injected": results.injected,
    }
    whole = document(
        "fidelity/1",
        seed=asked.seed,
        config=config,
        run=results.name,
        interrupted=results.interrupted,
        stopped=found.stopped,
        planned=asked.size,
        completed=sum(outcome.completed for outcome in found.outcomes),
        failures=[{"reason": reason, "count": count} for reason, count in results.failures],
        warnings=list(results.warnings),
        notes=[{"note": note, "runs": count} for note, count in results.notes],
        noise=_spread(results.noise),
        drift=_spread(results.drift),
        right={policy: {"count": right, "n": n} for policy, (right, n) in results.right.items()},
        fit=None if fit is None else {name: value for name, value in asdict(fit).items() if name != "decoder"},
        causes=dict(CAUSES),
        policies=[asdict(row) for row in results.rows],
        without_conditional=[{"reason": reason, "count": count} for reason, count in results.unpredicted],
        rankings={
            kind: None if order is None else {**asdict(order), "right": order.right, "same": order.same}
            for kind, order in results.rankings.items()
        },
        goals=[asdict(goal) for goal in results.goals],
        **({"runs": [_run(results, one) for one in found.predicted]} if runs else {}),
    )
    redact = redacting(secrets(request.endpoint, request.tools))
    return cast("dict[str, Any]", redact(json.loads(json.dumps(whole, allow_nan=False))))


def _spread(one: Spread | None) -> dict[str, Any] | None:
    return None if one is None else asdict(one)


def _run(results: Results, one: Predicted) -> dict[str, Any]:
    return {**asdict(one), "prompt": results.asked.prompts[one.prompt].id, "repeat": one.repeat + 1}
