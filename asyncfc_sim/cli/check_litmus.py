"""`asyncfc check --litmus` and `asyncfc check FILE.lit`: small programs, and what every schedule of them comes to."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from asyncfc_sim.language.litmus import Column, LitmusTest
from asyncfc_sim.report.console import messages_console, progress, results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.verify.counterexample import counterexample
from asyncfc_sim.verify.exhaust import TooManyStates
from asyncfc_sim.verify.litmus import SCHEDULERS, Finding, LitmusResult, Surprise, differs, litmus_setting, run_litmus
from asyncfc_sim.verify.schedules import format_schedule
from asyncfc_sim.workloads.litmus_file import litmus_files, load_litmus

from .check_replay import lanes, run_replay
from .check_request import BadRequest, Request, granularities, one_of
from .errors import ExitCode
from .output import document, emit

# All schedulers in a terminal of 100 columns.
_SHORT: Final = {"naive/failstop": "naive/fs", "effect/failstop": "effect/fs"}
_VERDICTS: Final = (
    "=: every schedule is equal to running in order; #: some schedule is not; then the states that were looked at; "
    "first where a tool acts in one step, then where each of its reads and writes is a step; !: not as expected"
)
_SCHEDULERS: Final = (
    "naive: no order between conflicting calls; locks: exclusion without order; effect, barrier, strict: the real "
    "scheduler in its failure modes; .../fs: no barrier, compared with a run that stops at the first failure"
)


def run(request: Request) -> ExitCode:
    """Run one test or all; FAILED if something comes out that a test does not expect."""
    if not request.target and request.replay is not None:
        raise BadRequest("--replay runs one test under one schedule: name its FILE.lit")
    tests = [load_litmus(path) for path in ([request.target] if request.target else map(str, litmus_files()))]
    if request.replay is not None:
        return _replay(request, tests[0])
    started = time.perf_counter()
    results = []
    with progress("litmus tests", len(tests), quiet=request.quiet) as advance:
        for test in tests:
            results.append(_explored(test, request.max_states))
            advance()
    if not request.quiet:
        messages_console().print(f"explored in {time.perf_counter() - started:.1f} s")
    report = _document(request, results)
    if request.output is not None:
        emit(report, str(request.output))
    if request.as_json:
        emit(report)
    elif request.target:
        _show_one(results[0])
    else:
        _show_all(results)
    return ExitCode.FAILED if any(result.surprises for result in results) else ExitCode.OK


def _explored(test: LitmusTest, max_states: int) -> LitmusResult:
    try:
        return run_litmus(test, max_states)
    except TooManyStates:
        message = f"{test.source}: some scheduler leads to more than {max_states} states; --max-states allows more"
        raise BadRequest(message) from None


# --------------------------------------------------------------------------------------------------------- as text


def _show_all(results: Sequence[LitmusResult]) -> None:
    console = results_console()
    columns = [(name, _cells(results, name)) for name in SCHEDULERS]
    header = ["test", *(_SHORT.get(name, name) for name, _ in columns)]
    rows = [[result.test.name, *(cells[at] for _, cells in columns)] for at, result in enumerate(results)]
    console.print(plain_table(header, rows))
    console.print(Notes((_VERDICTS, _SCHEDULERS)))
    findings = [finding for result in results for finding in result.findings]
    states = sum(finding.states for finding in findings)
    surprises = sum(len(result.surprises) for result in results)
    overlaps = sum(len(result.test.overlaps) for result in results)
    console.print(
        f"\n{len(results)} tests: {len(findings)} explorations with {states} states, "
        f"{overlaps} pairs of calls that must or must not overlap; {_counted(surprises, 'surprise')}"
    )
    for result in results:
        if result.surprises:
            console.print(f"\n{result.test.name}", style="bold")
        for surprise in result.surprises:
            _show_surprise(result.test, surprise)


def _cells(results: Sequence[LitmusResult], scheduler: str) -> list[str]:
    """The column of a scheduler: atomic on the left, steps on the right, one below the other."""
    pairs = [
        [
            "".join(map(_cell, (each for each in result.findings if each.expectation.column == (scheduler, size))))
            for size in ("atomic", "steps")
        ]
        for result in results
    ]
    width = max(len(atomic) for atomic, _ in pairs)
    return [f"{atomic:{width}} {steps}".rstrip() for atomic, steps in pairs]


def _cell(finding: Finding) -> str:
    surprising = _verdict(finding) != _expected(finding) or finding.expectation.states not in (None, finding.states)
    return f"{_verdict(finding)}{finding.states}{'!' * surprising}"


def _verdict(finding: Finding) -> str:
    return "=" if finding.differing is None else "#"


def _expected(finding: Finding) -> str:
    return "=" if finding.expectation.equal else "#"


def _show_one(result: LitmusResult) -> None:
    console = results_console()
    test = result.test
    console.print(f"{test.name}: {test.description}\n", soft_wrap=True)
    header = ("scheduler", "granularity", "expected", "found", "states", "outcomes")
    console.print(plain_table(header, [_row(finding) for finding in result.findings], numbers=header[4:]))
    console.print(f"\n{_counted(len(result.surprises), 'surprise')}")
    for surprise in result.surprises:
        _show_surprise(test, surprise)
        if surprise.schedule is not None:
            console.print()
            told = counterexample(litmus_setting(test, *surprise.column), surprise.schedule)
            console.print(lanes(told, console), end="", soft_wrap=True)


def _row(finding: Finding) -> tuple[str, ...]:
    scheduler, granularity = finding.expectation.column
    verdicts = (_expected(finding), _verdict(finding))
    return (scheduler, granularity, *verdicts, str(finding.states), str(finding.endings))


def _show_surprise(test: LitmusTest, surprise: Surprise) -> None:
    console = results_console()
    console.print(f"{_shown(test.source)}:{surprise.line}: {surprise.message}", soft_wrap=True)
    if surprise.schedule is not None:
        console.print(f"  {_replay_line(test, surprise.column, surprise.schedule)}", soft_wrap=True)


def _replay_line(test: LitmusTest, column: Column, schedule: Sequence[Any]) -> str:
    scheduler, granularity = column
    options = ["--scheduler", scheduler, "--granularity", granularity, "--replay", format_schedule(schedule)]
    return shlex.join(["asyncfc", "check", _shown(test.source), *options])


def _shown(source: str) -> str:
    """A path as a person here would write it."""
    path = Path(source)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else source


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


# ------------------------------------------------------------------------------------------------------ one schedule


def _replay(request: Request, test: LitmusTest) -> ExitCode:
    scheduler, granularity = _column(request)
    setting = litmus_setting(test, scheduler, granularity)
    config = {"file": request.target, "scheduler": scheduler, "granularity": granularity}
    return run_replay(request, setting, config, lambda ending: not differs(setting, ending))


def _column(request: Request) -> Column:
    """The scheduler that `--scheduler` and `--failure` name together, and the granularity (steps, if both)."""
    one_of("--failure", request.failure, ("poison", "barrier", "strict"))
    name = request.scheduler
    if request.failure != "poison":
        one_of(f"--scheduler, with --failure {request.failure},", name, ("effect",))
        name = request.failure
    one_of("--scheduler", name, SCHEDULERS)
    scheduler = next(each for each in SCHEDULERS if each == name)
    return scheduler, granularities(request.granularity)[-1]


# ---------------------------------------------------------------------------------------------------------- as JSON


def _document(request: Request, results: Sequence[LitmusResult]) -> dict[str, Any]:
    return document(
        "check-litmus/1",
        config={"file": request.target or None, "max_states": request.max_states},
        summary={
            "tests": len(results),
            "explorations": sum(len(result.findings) for result in results),
            "states": sum(finding.states for result in results for finding in result.findings),
            "surprises": sum(len(result.surprises) for result in results),
        },
        tests=[
            {
                "name": result.test.name,
                "description": result.test.description,
                "results": [_finding(finding) for finding in result.findings],
                "surprises": list(_surprises(result)),
            }
            for result in results
        ],
    )


def _finding(finding: Finding) -> dict[str, Any]:
    scheduler, granularity = finding.expectation.column
    return {
        "scheduler": scheduler,
        "granularity": granularity,
        "expected_equal": finding.expectation.equal,
        "equal": finding.differing is None,
        "expected_states": finding.expectation.states,
        "states": finding.states,
        "outcomes": finding.endings,
        "replay": None if finding.differing is None else format_schedule(finding.differing),
    }


def _surprises(result: LitmusResult) -> Iterator[dict[str, Any]]:
    for surprise in result.surprises:
        scheduler, granularity = surprise.column
        yield {
            "line": surprise.line,
            "message": surprise.message,
            "scheduler": scheduler,
            "granularity": granularity,
            "replay": None if surprise.schedule is None else format_schedule(surprise.schedule),
        }
