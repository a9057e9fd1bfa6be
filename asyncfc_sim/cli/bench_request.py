"""The request of `asyncfc bench`: what its options mean, found wrong before the first run if they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .agent_options import AgentRequest, BadOption, check_writable, live_policies
from .task_options import prompts_of

if TYPE_CHECKING:
    from asyncfc_sim.core.policy import Policy
    from asyncfc_sim.studies.bench import Plan
    from asyncfc_sim.studies.bench_measures import Metric
    from asyncfc_sim.studies.bench_rows import Request
    from asyncfc_sim.studies.staged import Staged


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest(AgentRequest):
    """The command line, as given (see the help texts in bench.py)."""

    prompts: Path | None
    tasks: str | None
    arms: str | None
    num_prompts: int | None
    repeats: int
    num_warmups: int
    request_rate: float
    burstiness: float
    max_concurrency: int | None
    seed: int
    percentile_metrics: str
    metric_percentiles: str
    goodput: Sequence[str]
    fail_on_error_rate: float | None
    metadata: Sequence[str]
    output: Path | None
    save_result: bool
    result_dir: Path | None
    result_filename: str | None
    save_detailed: bool
    overwrite: bool


def policies(request: BenchRequest) -> dict[str, Policy]:
    """The policy of each arm, by its name, in the order given. Raises BadOption."""
    from asyncfc_sim.core.policy import policy_named
    from asyncfc_sim.live.agent import LIVE_GUARDS
    from asyncfc_sim.studies.bench_arms import ARMS

    if request.arms is None:
        names = _words(request.policy)
        _known("--policy", names, live_policies())
        return {name: policy_named(name, **{**LIVE_GUARDS, **request.options.changes(name)}) for name in names}
    names = _words(request.arms)
    _known("--arms", names, tuple(ARMS))
    # What parts the arms (grace, delivery) is theirs to say; all else that was asked for holds for each.
    own = {"grace_s", "delivery", "max_running"}
    common = {name: value for name, value in request.options.changes("asyncfc").items() if name not in own}
    arms = {name: replace(ARMS[name], **common) for name in names}
    if "async" in arms:
        arms["async"] = replace(arms["async"], max_running=request.options.max_running)
    return arms


def plan(request: BenchRequest, arms: Sequence[str], stages: Staged | None) -> Plan:
    """What is to be run. Raises BadOption, PromptsError, BenchError, OSError."""
    from asyncfc_sim.studies.bench import Plan

    concurrency = request.max_concurrency
    if concurrency is None and not isfinite(request.request_rate):
        concurrency = 1
    return Plan(
        arms=tuple(arms),
        prompts=prompts_of(request.prompts, stages, request.num_prompts),
        repeats=request.repeats,
        warmups=request.num_warmups,
        max_concurrency=concurrency,
        request_rate=request.request_rate,
        burstiness=request.burstiness,
        seed=request.seed,
    )


def wanted(request: BenchRequest) -> Request:
    """Which figures are asked for. Raises BadOption."""
    from asyncfc_sim.studies.bench_rows import Request

    percentiles = tuple(_number("--metric-percentiles", word, 100) for word in _words(request.metric_percentiles))
    limits: dict[Metric, float] = {}
    for word in (word for given in request.goodput for word in _words(given.replace(" ", ","))):
        metric, colon, limit = word.partition(":")
        if not colon:
            raise BadOption(f"--goodput {word!r}: expected METRIC:MILLISECONDS, as e2el:2000")
        limits[metrics("--goodput", metric)[0]] = _number("--goodput", limit) / 1000
    return Request(percentiles, limits or None)


def metrics(option: str, text: str) -> tuple[Metric, ...]:
    """Metrics by their names. Raises BadOption."""
    from asyncfc_sim.studies.bench_measures import METRICS

    names = _words(text)
    _known(option, names, METRICS)
    return cast("tuple[Metric, ...]", names)


def metadata(request: BenchRequest) -> Mapping[str, str]:
    """What `--metadata` says. Raises BadOption."""
    found = {}
    for text in request.metadata:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise BadOption(f"--metadata {text!r}: expected KEY=VALUE")
        found[key] = value
    return found


def result_file(request: BenchRequest, name: str) -> Path | None:
    """Where the results of the run of this name go, if anywhere. Raises BadOption."""
    named = request.result_filename is not None or request.result_dir is not None
    if request.output is not None:
        if named:
            raise BadOption("--output-file and --result-filename or --result-dir: expected one way to name the file")
        return request.output
    if not request.save_result:
        if named:
            raise BadOption("--result-dir and --result-filename go with --save-result")
        return None
    return (request.result_dir or Path()) / (request.result_filename or f"{name}.json")


def check_files(request: BenchRequest, result: Path | None) -> None:
    """What cannot be written, or must not be, is found before the work. Raises BadOption."""
    if request.trace is not None and not request.trace.name.removesuffix(".gz").endswith(".jsonl"):
        raise BadOption(f"--trace {request.trace}: expected a name ending in .jsonl or .jsonl.gz")
    for option, path in (("--trace", request.trace), ("the results:", result)):
        check_writable(option, path)
        if path is not None and path.is_file() and not request.overwrite:
            # An old result that is taken for a new one is worse than none.
            raise BadOption(f"{option} {path}: it is there already; --overwrite replaces it")
    if result is not None and request.trace is not None and result.resolve() == request.trace.resolve():
        raise BadOption(f"--trace {request.trace}: expected a file of its own, and the results go there")


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _known(option: str, names: Sequence[str], known: Sequence[Any]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        given = ", ".join(map(repr, unknown)) or "nothing"
        raise BadOption(f"{option}: {given}: expected one or more of {', '.join(known)}")


def _number(option: str, text: str, most: float = float("inf")) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not (0 <= number <= most and isfinite(number)):
        expected = "a number, 0 or more" if most == float("inf") else f"numbers between 0 and {most:g}"
        raise BadOption(f"{option} {text!r}: expected {expected}")
    return number
