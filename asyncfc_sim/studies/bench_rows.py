"""The rows of a benchmark, one for each arm; in JSON under the names of vLLM's serving benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, pstdev
from typing import Any

from asyncfc_sim.simulate.metrics import percentile

from .bench import Found, Plan
from .bench_expected import meets
from .bench_measures import METRICS, Measures, Metric, measured
from .proportion import Share, wilson

Place = tuple[int, int]  # prompt and repeat: what arms are paired by


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be said of the runs: percentiles, and the limits in seconds that a good conversation keeps.

    Of a metric with a value a message, every value must keep it."""

    percentiles: tuple[float, ...] = (50, 90, 99)
    goodput_s: Mapping[Metric, float] | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of one metric, in seconds."""

    n: int
    mean: float
    median: float
    std: float
    percentiles: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm. Means are over answered conversations; `correct` is of all that were judged, those that failed too.

    `steady` is the share of prompts answered alike when asked again: what the model's own dice leave of agreement.
    Tokens are None where the server counts none.
    """

    arm: str
    completed: int
    failed: int
    duration_s: float
    spreads: Mapping[Metric, Spread | None]
    requests: float | None
    calls: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    tool_tool_s: float | None
    decode_tool_s: float | None
    certified: int
    in_doubt: int
    guards: Mapping[str, int]
    correct: Share | None
    steady: Share | None
    good: int | None

    @property
    def throughput(self) -> float | None:
        """Answered conversations a second, while those of this arm ran."""
        return self._rate(self.completed)

    def _rate(self, count: int | None) -> float | None:
        return None if count is None or not self.duration_s else count / self.duration_s

    def to_json(self) -> dict[str, Any]:
        """Times in milliseconds, under vLLM's names; a "request" of theirs is a conversation of ours."""
        tokens_in, tokens_out = self.prompt_tokens, self.completion_tokens
        return {
            "policy": self.arm,
            "completed": self.completed,
            "failed": self.failed,
            "duration": self.duration_s,
            "total_input_tokens": tokens_in,
            "total_output_tokens": tokens_out,
            "total_cached_tokens": self.cached_tokens,
            "request_throughput": self.throughput,
            "request_goodput": self._rate(self.good),
            "output_throughput": self._rate(tokens_out),
            "total_token_throughput": self._rate(_total([tokens_in, tokens_out])),
            **{name: value for metric in METRICS for name, value in _named(metric, self.spreads.get(metric)).items()},
            "mean_requests": self.requests,
            "mean_calls": self.calls,
            "mean_tool_tool_ms": _ms(self.tool_tool_s),
            "mean_decode_tool_ms": _ms(self.decode_tool_s),
            "certified": self.certified,
            "in_doubt": self.in_doubt,
            "guards": dict(self.guards),
            "correct": None if self.correct is None else asdict(self.correct),
            "same_when_repeated": None if self.steady is None else asdict(self.steady),
            "good": self.good,
        }


def answered(found: Found, arm: str) -> dict[Place, Measures]:
    """The measures of every answered run of an arm."""
    return {
        (outcome.prompt, outcome.repeat): measured(outcome.run)
        for outcome in found.outcomes
        if outcome.arm == arm and outcome.completed and outcome.run is not None
    }


def verdicts(plan: Plan, found: Found, arm: str) -> dict[Place, bool]:
    """Whether each run of an arm was right, where the prompt says what is expected, or a judge what came of it. A run
    that failed was not."""
    judged = any(outcome.right is not None for outcome in found.outcomes)
    found_right: dict[Place, bool] = {}
    for outcome in found.outcomes:
        if outcome.arm != arm:
            continue
        place, expected = (outcome.prompt, outcome.repeat), plan.prompts[outcome.prompt].expected
        if expected is not None:
            found_right[place] = outcome.completed and outcome.run is not None and meets(outcome.run.output, expected)
        elif judged and (outcome.right is not None or not outcome.completed):
            found_right[place] = bool(outcome.right)
    return found_right


def row(plan: Plan, found: Found, arm: str, runs: Mapping[Place, Measures], request: Request) -> ArmRow:
    """The row of an arm, of which `runs` were answered."""
    all_runs = [outcome for outcome in found.outcomes if outcome.arm == arm]
    measures = list(runs.values())
    judged = verdicts(plan, found, arm)
    guards: Counter[str] = Counter()
    for outcome in all_runs:
        guards.update(outcome.run.guards if outcome.run is not None else {})
    return ArmRow(
        arm=arm,
        completed=len(measures),
        failed=len(all_runs) - len(measures),
        duration_s=found.duration_s.get(arm, 0.0),
        spreads={metric: _spread(metric, measures, request.percentiles) for metric in METRICS},
        requests=_mean([one.requests for one in measures]),
        calls=_mean([one.calls for one in measures]),
        prompt_tokens=_total([one.prompt_tokens for one in measures]),
        completion_tokens=_total([one.completion_tokens for one in measures]),
        cached_tokens=_total([one.cached_tokens for one in measures]),
        tool_tool_s=_mean([one.tool_tool_s for one in measures]),
        decode_tool_s=_mean([one.decode_tool_s for one in measures]),
        certified=sum(one.certified for one in measures),
        in_doubt=sum(len(outcome.run.in_doubt) for outcome in all_runs if outcome.run is not None),
        guards=dict(sorted(guards.items())),
        correct=wilson(sum(judged.values()), len(judged)) if judged else None,
        steady=_steady(runs),
        good=None if request.goodput_s is None else sum(_is_good(one, request.goodput_s) for one in measures),
    )


def normal(answer: str) -> str:
    """An answer as it is compared with another: white space aside."""
    return " ".join(answer.split())


def _steady(runs: Mapping[Place, Measures]) -> Share | None:
    again = [
        normal(one.answer) == normal(runs[prompt, repeat + 1].answer)
        for (prompt, repeat), one in runs.items()
        if (prompt, repeat + 1) in runs
    ]
    return wilson(sum(again), len(again)) if again else None


def _is_good(one: Measures, limits_s: Mapping[Metric, float]) -> bool:
    return all(value <= limit_s for metric, limit_s in limits_s.items() for value in one.values_s(metric))


def _spread(metric: Metric, measures: Sequence[Measures], percentiles: Sequence[float]) -> Spread | None:
    values = [value for one in measures for value in one.values_s(metric)]
    if not values:
        return None
    quantiles = {p: percentile(values, p) for p in percentiles}
    return Spread(len(values), fmean(values), percentile(values, 50), pstdev(values), quantiles)


def _named(metric: Metric, spread: Spread | None) -> dict[str, float | None]:
    if spread is None:
        return {f"{name}_{metric}_ms": None for name in ("mean", "median", "std")}
    named = {"mean": spread.mean, "median": spread.median, "std": spread.std}
    named |= {f"p{p:g}": value for p, value in spread.percentiles.items()}
    return {f"{name}_{metric}_ms": _ms(value) for name, value in named.items()}


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _total(counts: Sequence[int | None]) -> int | None:
    """The sum; None if one of them is not known, for a part of it would pass for all."""
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
