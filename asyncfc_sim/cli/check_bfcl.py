"""`asyncfc check bfcl`: every schedule of every turn of BFCL, and the footprints declared for its tool classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.report.console import progress, results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.verify.effects.bfcl_subject import BfclSubject
from asyncfc_sim.verify.effects.check import check_subject
from asyncfc_sim.verify.effects.findings import Report
from asyncfc_sim.verify.tasks import TaskChecked, check_task
from asyncfc_sim.workloads.bfcl import SPLITS, UnknownSplit, load
from asyncfc_sim.workloads.bfcl_classes import CLASSES
from asyncfc_sim.workloads.processes import in_processes
from asyncfc_sim.workloads.workload import Task

from .check_request import Request, one_of
from .check_tools import finding_lines
from .errors import ExitCode
from .output import document, emit

CHUNK = 25  # conversations
EXAMPLES = 5  # trials for each pair of tools of a class
MOST_STATES = 5_000  # of a turn: beyond, random schedules


@dataclass(frozen=True, slots=True)
class Split:
    """All that was found of the conversations of a split."""

    name: str
    tasks: tuple[TaskChecked, ...]

    def total(self, count: str) -> int:
        return sum(getattr(task, count) for task in self.tasks)

    @property
    def differing(self) -> list[tuple[str, int, str]]:
        return [(task.name, turn, schedule) for task in self.tasks for turn, schedule in task.differing]


def run(request: Request) -> ExitCode:
    """Check both; FAILED if some schedule differs, or some declaration is wrong."""
    one_of("--failure", request.failure, ("poison", "barrier", "strict"))
    names = SPLITS if request.name in (None, "all") else (request.name,)
    if not set(names) <= set(SPLITS):
        raise UnknownSplit(f"there is no BFCL split {request.name!r}: choose one of {', '.join(SPLITS)}, all")
    splits = _conversations(names, request)
    classes = _classes(names[0], request)
    config = {"splits": list(names), "failure": request.failure, "examples": request.examples or EXAMPLES}
    result = document("check-bfcl/1", seed=request.seed, config=config, **_json(splits, classes))
    if request.output is not None:
        emit(result, str(request.output))
    if request.as_json:
        emit(result)
    else:
        _show(splits, classes, names[0])
    wrong = any(split.differing for split in splits) or not all(report.clean for report in classes.values())
    return ExitCode.FAILED if wrong else ExitCode.OK


def _conversations(names: Sequence[str], request: Request) -> list[Split]:
    chunks = [(name, first) for name in names for first in range(0, len(_tasks(name)), CHUNK)]
    failure: Failure = request.failure  # type: ignore[assignment]
    jobs = [partial(_check_chunk, name, first, failure, request.seed) for name, first in chunks]
    found: dict[str, list[TaskChecked]] = {name: [] for name in names}
    quiet = request.quiet or request.as_json
    with progress("exploring schedules", sum(len(_tasks(name)) for name in names), quiet=quiet) as advance:
        for (name, _), checked in zip(chunks, in_processes(jobs), strict=True):
            found[name] += checked
            for _ in checked:
                advance()
    return [Split(name, tuple(tasks)) for name, tasks in found.items()]


def _classes(split: str, request: Request) -> dict[str, Report]:
    jobs = [partial(_check_class, name, split, request.examples or EXAMPLES, request.seed) for name in CLASSES]
    reports = {}
    with progress("trying pairs of calls", len(CLASSES), quiet=request.quiet or request.as_json) as advance:
        for name, report in zip(CLASSES, in_processes(jobs), strict=True):
            reports[name] = report
            advance()
    return reports


@cache
def _tasks(split: str) -> Sequence[Task]:
    return load(split)


def _check_chunk(split: str, first: int, failure: Failure, seed: int) -> list[TaskChecked]:
    tasks = _tasks(split)[first : first + CHUNK]
    return [check_task(task, failure=failure, limit=MOST_STATES, seed=seed) for task in tasks]


def _check_class(name: str, split: str, examples: int, seed: int) -> Report:
    return check_subject(BfclSubject(name, _tasks(split)), examples=examples, seed=seed)


def _show(splits: Sequence[Split], classes: dict[str, Report], starts: str) -> None:
    console = results_console()
    conversations, turns = sum(len(split.tasks) for split in splits), sum(split.total("turns") for split in splits)
    differing = [each for split in splits for each in split.differing]
    console.print(
        f"{conversations} conversations, {turns:,} turns, on the real tool classes: {len(differing)} differ\n"
    )
    header = ("split", "conversations", "turns", "calls", "states", "random", "differ")
    rows = [
        (
            split.name,
            str(len(split.tasks)),
            *(f"{split.total(count):,}" for count in ("turns", "calls", "states", "sampled")),
            str(len(split.differing)),
        )
        for split in splits
    ]
    console.print(plain_table(header, rows, numbers=header[1:]))
    for name, turn, schedule in differing[:10]:
        console.print(f"{name}, turn {turn}: {schedule}", soft_wrap=True)
    findings = sum(len(report.findings) for report in classes.values())
    tools, trials = (sum(counts) for counts in zip(*((len(r.tools), r.trials) for r in classes.values()), strict=True))
    console.print(f"\n{tools} tools, {trials:,} pairs of random calls: {findings} declarations wrong\n")
    header = ("class", "tools", "trials", "watched", "swapped", "at once", "wrong")
    rows = [
        (
            name,
            str(len(report.tools)),
            *(f"{count:,}" for count in (report.trials, report.watched, report.swaps, report.overlaps)),
            str(len(report.findings)),
        )
        for name, report in classes.items()
    ]
    console.print(plain_table(header, rows, numbers=header[1:]))
    for report in classes.values():
        for finding in report.findings:
            console.print()
            for line in finding_lines(finding, console.width):
                console.print(line, soft_wrap=True)
        for tool, why in report.refused.items():
            console.print(f"\n{tool} could not be checked: {why}", soft_wrap=True)
    console.print()
    console.print(Notes(_notes(starts)))


def _notes(starts: str) -> Sequence[str]:
    schedules = (
        "schedules: every one of each turn, from the state in which running in order left the turn before, compared "
        f"with running it in order; of turns with more than {MOST_STATES:,} states (column random), 100 random ones"
    )
    footprints = (
        "footprints: calls with arguments of the golden calls, and others, from states in which turns of "
        f"{starts} begin; watched, in both orders, and at once line by line. Testing, not proof"
    )
    return schedules, footprints


def _json(splits: Sequence[Split], classes: dict[str, Report]) -> dict[str, Any]:
    return {
        "schedules": [
            {
                "split": split.name,
                "conversations": len(split.tasks),
                **{count: split.total(count) for count in ("turns", "calls", "states", "sampled")},
                "differing": [
                    {"conversation": name, "turn": turn, "schedule": schedule}
                    for name, turn, schedule in split.differing
                ],
            }
            for split in splits
        ],
        "footprints": {name: report.to_json() for name, report in classes.items()},
    }
