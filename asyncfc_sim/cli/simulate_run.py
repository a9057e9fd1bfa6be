"""The work behind `asyncfc simulate`: read the request, run the study, show or write what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from asyncfc_sim.core.policy import Delivery
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.report.console import progress
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import call_rng, load_durations
from asyncfc_sim.simulate.experiment import SYNC, Arm, ArmResult, Row, simulate, summarise_arms
from asyncfc_sim.simulate.parallel import LoadTasks, run_in_processes
from asyncfc_sim.simulate.script import Dependence, Messages
from asyncfc_sim.simulate.study import Study, StudyError, assumptions, parse_graces
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.traces.perfetto import write_perfetto
from asyncfc_sim.traces.trace import Run, write_trace
from asyncfc_sim.verify.sample import Sampled, sample
from asyncfc_sim.workloads import bfcl
from asyncfc_sim.workloads.workload import Task

from . import simulate_view as view
from .output import document, emit

PROGRAM_RUNS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """The command line, as given."""

    workload: str
    policy: str
    decoder: str
    durations: str | None
    grace: str
    delivery: str
    failure: str
    messages: str
    dependence: str
    n: int | None
    seed: int
    tools: Path | None
    case: str | None
    trace: Path | None
    output: Path | None
    as_json: bool
    workers: int | None
    await_thinking: bool
    quiet: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What came out: the arms case by case, a row for each, and what they rest on."""

    request: Request
    study: Study
    models: Models
    results: Sequence[ArmResult]
    rows: Sequence[Row]
    notes: Sequence[str]

    @property
    def different(self) -> int:
        return sum(row.different for row in self.rows)

    def document(self, *, cases: bool) -> dict[str, Any]:
        """All of it as JSON. `cases` adds every makespan."""
        models = self.models
        config = {
            "workload": self.request.workload,
            "decoder": models.decoder.name,
            "durations": models.durations.name,
            "delivery": self.request.delivery,
            "failure": self.request.failure,
        }
        results: dict[str, Any] = {
            "inputs": view.inputs(models),
            "assumptions": list(self.notes),
            "checked": {"runs": view.simulated_runs(self.rows), "different": self.different},
            "summary": [row.to_json() for row in self.rows],
            "dependence_intervals": view.intervals(self.study, self.rows),
        }
        if cases:
            results["cases"] = [view.case_table(result) for result in self.results]
        return document("simulate/1", seed=self.request.seed, config=config, **results)


def run(request: Request) -> int:
    """Do it; returns the exit code: 0, or 1 if some run differs from running in order."""
    _check_outputs(request)
    load, profile = _workload(request)
    tasks = load()
    durations = load_durations(request.durations or profile)
    models = Models(load_decoder(request.decoder), durations, await_thinking=request.await_thinking)
    study = _study(request)
    report = conduct(request, study, models, tasks, load)
    shown = pick_case(tasks, report.results, request.case)
    runs = case_runs(shown, study, models, request.seed)
    if request.output is not None:
        emit(report.document(cases=True), str(request.output))
    if request.trace is not None:
        _write_runs(request.trace, runs)
    sampled = None if request.workload.startswith("bfcl") else _sample(tasks[0], study, request.seed)
    if request.as_json:
        emit({**report.document(cases=False), "schedules": None if sampled is None else asdict(sampled)})
    else:
        if sampled is not None:
            view.show_sampled(sampled)
        view.show(report.study, report.rows, report.notes, request.workload)
        view.show_case(view.two(runs))
    return 1 if report.different or (sampled is not None and sampled.different) else 0


def _sample(task: Task, study: Study, seed: int) -> Sampled:
    return sample(task, call_rng(seed, task.name, 0), failure=study.failure)


def conduct(request: Request, study: Study, models: Models, tasks: Sequence[Task], load: LoadTasks) -> Report:
    """Run all arms on all tasks, with progress on stderr."""
    n = len(tasks)
    with progress(f"simulating {n} conversations", n, quiet=request.quiet or request.as_json) as advance:
        results = run_in_processes(tasks, load, study.arms(), models, request.seed, advance, request.workers)
    rows = summarise_arms(results, request.seed)
    return Report(request, study, models, results, rows, assumptions(models, study.delivery, results))


def _check_outputs(request: Request) -> None:
    """What cannot be written is found before the work, not after it."""
    if request.trace is not None:
        _trace_form(request.trace)
    for option, path in (("--trace", request.trace), ("--output-file", request.output)):
        if path is not None and not path.parent.is_dir():
            raise StudyError(f"{option} {path}: there is no folder {path.parent}")


def _workload(request: Request) -> tuple[LoadTasks, str]:
    """How to load the tasks, and the durations that suit them."""
    name, colon, split = request.workload.partition(":")
    if name == "bfcl":
        if request.tools is not None:
            raise StudyError("--tools declares the tools of a program FILE.fc; those of BFCL are its own")
        return partial(bfcl.load, split if colon else "all", request.n), "bfcl-agent"
    if not request.workload.endswith(".fc"):
        raise StudyError(f"{request.workload!r} is no workload: expected bfcl, bfcl:SPLIT or a program FILE.fc")
    tools = None if request.tools is None else str(request.tools)
    n = PROGRAM_RUNS if request.n is None else request.n
    return partial(_repeated, request.workload, tools, n), "default"


def _repeated(path: str, tools: str | None, n: int) -> list[Task]:
    """A program as `n` cases, which differ in the durations drawn for them."""
    from asyncfc_sim.workloads.program_file import load_program

    task = load_program(path, tools)
    return [replace(task, name=f"{task.name}#{number}") for number in range(1, n + 1)]


def _study(request: Request) -> Study:
    groupings = _choice("messages", request.messages, get_args(Messages))
    dependences = _choice("dependence", request.dependence, get_args(Dependence))
    (delivery,) = _choice("delivery", request.delivery, get_args(Delivery), both=False)
    (failure,) = _choice("failure", request.failure, get_args(Failure), both=False)
    policies = tuple(dict.fromkeys(name.strip() for name in request.policy.split(",") if name.strip()))
    return Study(policies, parse_graces(request.grace), delivery, failure, groupings, dependences)


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
    saved = [1 - case.makespan_s / base.makespan_s for case, base in zip(futures.cases, sync.cases, strict=True)]
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
