"""`asyncfc check FILE --replay SCHEDULE`: one run, told beside the one in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.lanes import draw_lanes
from asyncfc_sim.verify.counterexample import Counterexample, counterexample
from asyncfc_sim.verify.moves import Move
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.schedules import format_schedule, parse_schedule
from asyncfc_sim.verify.setting import Ending, Setting

from .check_request import Request
from .errors import ExitCode
from .output import document, emit


def run_replay(
    request: Request, setting: Setting, config: Mapping[str, Any], as_in_order: Callable[[Ending], bool]
) -> ExitCode:
    """Run the one schedule that was asked for; FAILED if it does not end as running in order does."""
    schedule = parse_schedule(request.replay or "")
    run = replay(setting, schedule)
    equal = as_in_order(Ending(run.outcome(), run.world.state()))
    told = counterexample(setting, schedule)
    if request.as_json:
        emit(_document(config, schedule, equal, told))
    else:
        console = results_console()
        console.print("as in order\n" if equal else "another end than in order\n")
        console.print(lanes(told, console), end="", soft_wrap=True)
    return ExitCode.OK if equal else ExitCode.FAILED


def lanes(told: Counterexample, console: Console) -> str:
    """The two runs as text."""
    titles, lines = ("this schedule", "in order"), (told.happened, told.in_order)
    return draw_lanes(titles, lines, told.first, console.width, console.options.ascii_only)


def _document(config: Mapping[str, Any], schedule: Sequence[Move], equal: bool, told: Counterexample) -> dict[str, Any]:
    return document(
        "check-replay/1",
        config={**config, "schedule": format_schedule(schedule)},
        equal=equal,
        happened=[line.text for line in told.happened],
        in_order=[line.text for line in told.in_order],
        first_difference=list(told.first),
    )
