"""The work behind `asyncfc simulate`: read the request, run the study, show or write what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, get_args

from asyncfc_sim.core.policy import Delivery
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.simulate.conduct import Findings, conduct
from asyncfc_sim.simulate.durations import call_rng
from asyncfc_sim.simulate.experiment import SYNC, Arm, ArmResult, simulate
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.script import Dependence, Messages
from asyncfc_sim.simulate.study import Study, StudyError, parse_graces
from asyncfc_sim.traces.perfetto import write_perfetto
from asyncfc_sim.traces.trace import Run, write_trace
from asyncfc_sim.verify.sample import Sampled, sample
from asyncfc_sim.workloads.workload import Task

from . import simulate_view as view
from .errors import ExitCode
from .executors import as_workers_see, opened
from .output import document, emit, report_faults
from .simulate_workload import Workload, workload


@dataclass(frozen=True, slots=True)
class Request:
    """The command line, as given."""

    workload: str
    policy: str
    decoder: str | None
    durations: str | None
    grace: str
    delivery: str
    failure: str
    messages: str | None
    dependence: str
    await_rate: float
    n: int | None
    seed: int
    tools: Path | None
    case: str | None
    trace: Path | None
    output: Path | None
    as_json: bool
    workers: int | None
    executor: str | None
    await_thinking: bool
    on_broken: str
    quiet: bool
    failure_rate: float = 0.0


def json_document(request: Request, found: Findings, *, cases: bool) -> dict[str, Any]:
    """All that came out, as JSON. `cases` adds every makespan."""
    models = found.models
    config = {
        "workload": request.workload,
        "decoder": models.decoder.name,
        "durations": models.durations.name,
        "delivery": request.delivery,
        "failure": request.failure,
    }
    results: dict[str, Any] = {
        "inputs": view.inputs(models),
        "assumptions": list(found.notes),
        "checked": {"runs": view.simulated_runs(found.rows), "different": found.different},
        "summary": [row.to_json() for row in found.rows],
        "dependence_intervals": view.intervals(found.study, found.rows),
    }
    if cases:
        results["cases"] = [view.case_table(result) for result in found.results]
    return document("simulate/1", seed=request.seed, config=config, **results)


def run(request: Request) -> int:
    """Do it; returns the exit code: 0, or 1 if some run differs from running in order."""
    _check_outputs(request)
    given = workload_of(request)
    tasks = given.tasks
    models = given.models(request.decoder, request.durations, await_thinking=request.await_thinking)
    study = study_of(request, given)
    quiet = request.quiet or request.as_json
    with opened(request.executor, request.workers) as executor:
        found = conduct(
            tasks, given.load, study, models, request.seed, executor=executor, notes=given.notes, quiet=quiet
        )
    shown = pick_case(tasks, found.results, request.case)
    runs = case_runs(shown, study, models, request.seed)
    if request.output is not None:
        emit(json_document(request, found, cases=True), str(request.output))
    if request.trace is not None:
        _write_runs(request.trace, runs)
    sampled = _sample(tasks[0], study, request.seed) if request.workload.endswith(".fc") else None
    if request.as_json:
        emit({**json_document(request, found, cases=False), "schedules": None if sampled is None else asdict(sampled)})
    else:
        if sampled is not None:
            view.show_sampled(sampled)
        view.show(study, found.rows, found.notes, request.workload)
        view.show_case(view.two(runs))
    if found.different or (sampled is not None and sampled.different):
        return ExitCode.FAILED
    return ExitCode.PARTIAL if given.faults else ExitCode.OK


def _sample(task: Task, study: Study, seed: int) -> Sampled:
    return sample(task, call_rng(seed, task.name, 0), failure=study.failure)


def _check_outputs(request: Request) -> None:
    """What cannot be written is found before the work, not after it."""
    if request.trace is not None:
        _trace_form(request.trace)
    check_folder("--trace", request.trace)
    check_folder("--output-file", request.output)


def check_folder(option: str, path: Path | None) -> None:
    """Raises StudyError if there is no folder for a file that is to be written, or a folder in its place."""
    if path is None:
        return
    if not path.parent.is_dir():
        raise StudyError(f"{option} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise StudyError(f"{option} {path}: expected a file, and this is a folder")


def workload_of(request: Request) -> Workload:
    """What is to be simulated; what of it was broken and skipped is said on stderr."""
    (broken,) = _choice("on-broken", request.on_broken, ("fail", "skip"), both=False)
    name = as_workers_see(request.workload, request.executor)
    tools = None if request.tools is None else Path(as_workers_see(str(request.tools), request.executor))
    given = workload(name, request.n, tools, skip=broken == "skip")
    report_faults(given.faults)
    return given.failing(request.failure_rate, request.seed) if request.failure_rate else given


def study_of(request: Request, given: Workload) -> Study:
    """The policies that were asked for, and what is assumed of the model. Raises StudyError."""
    groupings = given.messages
    if request.messages is not None:
        groupings = _choice("messages", request.messages, get_args(Messages))
    if "step" in groupings and not given.recorded:
        raise StudyError("--messages step: this workload was not recorded, so it has no messages of its own")
    dependences = _choice("dependence", request.dependence, get_args(Dependence))
    (delivery,) = _choice("delivery", request.delivery, get_args(Delivery), both=False)
    (failure,) = _choice("failure", request.failure, get_args(Failure), both=False)
    policies = tuple(dict.fromkeys(name.strip() for name in request.policy.split(",") if name.strip()))
    graces = parse_graces(request.grace)
    return Study(policies, graces, delivery, failure, groupings, dependences, request.await_rate)


def _choice(option: str, given: str, known: tuple[Any, ...], *, both: bool = True) -> tuple[Any, ...]:
    if both and given == "both":
        return known[:2]  # of the ways to make messages, those that need no recording
    if given not in known:
        expected = ", ".join((*known, "both") if both else known)
        raise StudyError(f"--{option} {given!r}: expected one of {expected}")
    return (given,)


def pick_case(tasks: Sequence[Task], results: Sequence[ArmResult], name: str | None) -> Task:
    """The task named, or the one on which futures save the largest part of sync's time."""
    if name is not None:
        for task in tasks:
            if task.name == name:
                return task
        raise StudyError(f"--case {name!r}: no such conversation; the first is {tasks[0].name!r}")
    futures = next((result for result in results if result.arm.policy and result.arm.policy.futures), results[-1])
    sync = next(r for r in results if r.arm.label == SYNC and r.arm.messages == futures.arm.messages)
    times = [(case.makespan_s, base.makespan_s) for case, base in zip(futures.cases, sync.cases, strict=True)]
    saved = [1 - case_s / base_s if base_s else -inf for case_s, base_s in times]
    return tasks[max(range(len(tasks)), key=saved.__getitem__)]


def case_runs(task: Task, study: Study, models: Models, seed: int) -> list[Run]:
    """The traced runs of one conversation, one per arm that is simulated."""
    arms: list[Arm] = [arm for arm in study.arms() if arm.policy is not None]
    return [simulate(task, arm, models, seed).recorder.run() for arm in arms]


def _trace_form(path: Path) -> str:
    """`.perfetto.json` or `.jsonl`, by the name of the file."""
    name = path.name.removesuffix(".gz")
    for form in (".perfetto.json", ".jsonl"):
        if name.endswith(form):
            return form
    raise StudyError(f"--trace {path}: expected a name ending in .jsonl, .perfetto.json, or either with .gz")


def _write_runs(path: Path, runs: Sequence[Run]) -> None:
    if _trace_form(path) == ".jsonl":
        write_trace(path, runs)
    else:
        write_perfetto(path, runs)
