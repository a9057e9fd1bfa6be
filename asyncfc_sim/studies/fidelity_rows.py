"""The rows of a fidelity study: a policy with its errors, and whose they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from .fidelity import Predicted
from .fidelity_conditional import CAUSES
from .fidelity_errors import Spread, spread


@dataclass(frozen=True, slots=True)
class Row:
    """One policy. Seconds are means over runs; `parts_s` are those of measured less forecast, by cause. Errors are of
    tasks: the mean over the runs of each, predicted against measured."""

    policy: str
    n: int
    measured_s: float
    conditional_s: float | None
    forecast_s: float
    conditional: Spread | None
    forecast: Spread | None
    requests: float
    forecast_requests: float
    extra_requests: int
    left_out: int
    parts_s: Mapping[str, float]
    parts_abs_s: Mapping[str, float]


def row_of(policy: str, runs: Sequence[Predicted]) -> Row | None:
    """The row of a policy; None if no run of it was answered."""
    if not runs:
        return None
    given = [(one, one.conditional) for one in runs if one.conditional is not None]
    parts = {cause: [each.parts_s[cause] for _, each in given] for cause in CAUSES}
    return Row(
        policy=policy,
        n=len(runs),
        measured_s=fmean(one.measured_s for one in runs),
        conditional_s=fmean(each.answered_s for _, each in given) if given else None,
        forecast_s=fmean(one.forecast.answered_s for one in runs),
        conditional=spread(_errors([one for one, _ in given], conditional_s)),
        forecast=spread(_errors(runs, forecast_s)),
        requests=fmean(one.requests for one in runs),
        forecast_requests=fmean(one.forecast.requests for one in runs),
        extra_requests=sum(each.extra_requests for _, each in given),
        left_out=sum(each.left_out for _, each in given),
        parts_s={cause: fmean(values) for cause, values in parts.items() if values},
        parts_abs_s={cause: fmean(map(abs, values)) for cause, values in parts.items() if values},
    )


def _errors(runs: Sequence[Predicted], predicted: Callable[[Predicted], float | None]) -> list[float]:
    """Predicted over measured less one, by task."""
    measured, seconds = by_task(runs, measured_s), by_task(runs, predicted)
    return [seconds[task] / measured[task] - 1 for task in seconds if measured[task] > 0]


def measured_s(one: Predicted) -> float | None:
    return one.measured_s


def conditional_s(one: Predicted) -> float | None:
    return None if one.conditional is None else one.conditional.answered_s


def forecast_s(one: Predicted) -> float | None:
    return one.forecast.answered_s


def by_task(runs: Sequence[Predicted], seconds: Callable[[Predicted], float | None]) -> dict[int, float]:
    """Seconds of each task, the mean over its runs; those that have none are left out."""
    of_task: dict[int, list[float]] = {}
    for one in runs:
        if (value := seconds(one)) is not None:
            of_task.setdefault(one.prompt, []).append(value)
    return {task: fmean(values) for task, values in of_task.items()}
