"""`asyncfc check FILE.fc`: every schedule of a program against running its calls in order."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asyncfc_sim.core.syntax import calls_in
from asyncfc_sim.report.console import progress, results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.verify.baselines import SCHEDULERS
from asyncfc_sim.verify.counterexample import counterexample
from asyncfc_sim.verify.moves import Granularity
from asyncfc_sim.verify.schedules import format_schedule
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.verify.verdict import Verdict, judge
from asyncfc_sim.workloads.program_file import load_program

from .check_replay import lanes, run_replay
from .check_request import Request, granularities, one_of
from .config import current
from .errors import ExitCode
from .output import document, emit

COMPARED = 5_000  # states of a scheduler that is only shown to compare
NOTES = (
    "checked: the values of all futures, the final state, and all that the decoder saw, in its order",
    "the world is symbolic, so footprints are sound here; whether those of real tools are: asyncfc check TOOLS.py",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on a program under one scheduler, with calls as one step or many."""

    scheduler: str
    granularity: Granularity
    setting: Setting
    verdict: Verdict


def run(request: Request) -> ExitCode:
    """Check what was asked for; FAILED if a schedule differs from running in order."""
    one_of("--scheduler", request.scheduler, SCHEDULERS)
    one_of("--failure", request.failure, ("poison", "barrier", "strict"))
    wanted = granularities(request.granularity)
    task = load_program(request.target, None if request.tools is None else str(request.tools), current().overrides)
    (turn,) = task.turns

    def setting(scheduler: str, granularity: Granularity) -> Setting:
        return Setting(
            turn.program,
            task.tools,
            task.make_world,
            granularity,
            failure=request.failure,  # type: ignore[arg-type]
            scheduler=SCHEDULERS[scheduler],
        )

    if request.replay is not None:
        chosen = setting(request.scheduler, wanted[-1])
        config = {"file": request.target, "scheduler": request.scheduler, "granularity": chosen.granularity}
        return run_replay(request, chosen, config, lambda ending: ending == chosen.in_order())
    # How it would be without the rule is shown beside the real scheduler, and does not decide.
    schedulers = [request.scheduler, *(["naive"] if request.scheduler == "effect" else [])]
    asked = [(scheduler, granularity) for scheduler in schedulers for granularity in wanted]
    results = []
    with progress("exploring schedules", len(asked), quiet=request.quiet) as advance:
        for scheduler, granularity in asked:
            chosen = setting(scheduler, granularity)
            limit = request.max_states if scheduler == request.scheduler else min(request.max_states, COMPARED)
            verdict = judge(chosen, limit=limit, schedules=request.schedules, seed=request.seed)
            results.append(Checked(scheduler, granularity, chosen, verdict))
            advance()
    decisive = [each for each in results if each.scheduler == request.scheduler]
    failed = next((each for each in decisive if not each.verdict.equal), None)
    calls = sum(1 for _ in calls_in(turn.program.body))
    report = _document(request, calls, results)
    if request.output is not None:
        emit(report, str(request.output))
    if request.as_json:
        emit(report)
    else:
        _show(request, calls, results, failed)
    return ExitCode.OK if failed is None else ExitCode.FAILED


def _show(request: Request, calls: int, results: Sequence[Checked], failed: Checked | None) -> None:
    console = results_console()
    console.print(f"{request.target}: {calls} calls, failure mode {request.failure}\n")
    header = ("scheduler", "calls are", "schedules", "states", "outcomes", "traces", "as in order")
    console.print(plain_table(header, [_row(each) for each in results], numbers=header[3:6]))
    console.print(Notes((*_explained(request, results), *NOTES)))
    if failed is None:
        return
    schedule = failed.verdict.differing or ()
    console.print("\nThis schedule ends in another way than running in order. To see it again:\n")
    console.print(f"    {_replay_line(request, failed, format_schedule(schedule))}\n", soft_wrap=True)
    console.print(lanes(counterexample(failed.setting, schedule), console), end="", soft_wrap=True)


def _replay_line(request: Request, failed: Checked, schedule: str) -> str:
    tools = [] if request.tools is None else ["--tools", str(request.tools)]
    options = ["--scheduler", failed.scheduler, "--failure", request.failure, "--granularity", failed.granularity]
    return shlex.join(["asyncfc", "check", request.target, *tools, *options, "--replay", schedule])


def _row(each: Checked) -> tuple[str, ...]:
    verdict = each.verdict
    unknown = "many" if verdict.states is None else "-"
    steps = {"atomic": "one step", "steps": "step by step"}[each.granularity]
    return (
        each.scheduler,
        steps,
        f"{verdict.sampled} random" if verdict.states is None else "all",
        unknown if verdict.states is None else str(verdict.states),
        unknown if verdict.outcomes is None else str(verdict.outcomes),
        unknown if verdict.traces is None else str(verdict.traces.traces),
        "yes" if verdict.equal else "no",
    )


def _explained(request: Request, results: Sequence[Checked]) -> list[str]:
    notes = []
    if any(each.scheduler == "naive" for each in results) and request.scheduler == "effect":
        notes.append("naive: without the rule that conflicting calls keep their order, to compare; it does not decide")
    if any(each.verdict.states is None for each in results):
        notes.append("many: more states than are tried (--max-states); random schedules were run instead of all")
    executed = [each.verdict.traces for each in results if each.verdict.traces is not None]
    if executed:
        each_once = all(traces.executions == traces.traces for traces in executed)
        times = "one execution for each" if each_once else "more than one execution for some"
        notes.append(f"traces: classes of schedules that differ in the order of independent steps only; {times}")
    return notes


def _document(request: Request, calls: int, results: Sequence[Checked]) -> dict[str, Any]:
    config = {"file": request.target, "failure": request.failure, "max_states": request.max_states}
    return document(
        "check-program/1",
        seed=request.seed,
        config=config,
        calls=calls,
        results=[
            {
                "scheduler": each.scheduler,
                "granularity": each.granularity,
                "decides": each.scheduler == request.scheduler,
                "equal": each.verdict.equal,
                "exhaustive": each.verdict.states is not None,
                "reduced": each.verdict.reduced,
                "states": each.verdict.states,
                "outcomes": each.verdict.outcomes,
                "random_schedules": each.verdict.sampled,
                "traces": None if each.verdict.traces is None else asdict(each.verdict.traces),
                "replay": None if each.verdict.differing is None else format_schedule(each.verdict.differing),
            }
            for each in results
        ],
    )
