"""`asyncfc check FILE.py`: do the tools of a file keep to the footprints that they declare?"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.console import Console

from asyncfc_sim.report.console import progress, results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.tools.tool_file import load_tools
from asyncfc_sim.verify.effects.check import check_tools
from asyncfc_sim.verify.effects.findings import Finding, Report
from asyncfc_sim.verify.effects.search import EXAMPLES

from .check_request import Request
from .config import overridden
from .errors import ExitCode
from .output import document, emit

CHECKS = (
    "a trial is one pair of calls from one reachable state: both are watched; where their declarations let them "
    "change places, they run in both orders; where these let them overlap, also at once, taking turns"
)
EVIDENCE = {
    "access": "seen by watching; in no order did it make a difference so far",
    "order": "shown by changing the order",
    "overlap": "shown by running both at once",
}


def run(request: Request) -> ExitCode:
    """Check the tools: FAILED for a wrong declaration, BAD_INPUT if some tool could not be checked."""
    tools = overridden(load_tools(request.target, request.name))
    examples = request.examples or EXAMPLES
    trials = examples * len(tools.tools) * (len(tools.tools) + 1) // 2
    with progress("trying pairs of calls", trials, quiet=request.quiet or request.as_json) as advance:
        report = check_tools(tools, examples=examples, seed=request.seed, advance=lambda _: advance())
    config = {"file": request.target, "name": request.name, "examples": report.examples}
    result = document("check-tools/1", seed=request.seed, config=config, **report.to_json())
    if request.output is not None:
        emit(result, str(request.output))
    if request.as_json:
        emit(result)
    else:
        show(results_console(), request, report)
    return exit_code(report)


def exit_code(report: Report) -> ExitCode:
    if report.findings:
        return ExitCode.FAILED
    return ExitCode.BAD_INPUT if report.refused else ExitCode.OK


def show(console: Console, request: Request, report: Report) -> None:
    """The verdict of each tool, then each wrong declaration with two calls that show it."""
    target = request.target if request.name is None else f"{request.target}:{request.name}"
    counts = f"{len(report.tools)} tools, {report.trials:,} trials, seed {report.seed}"
    console.print(f"{target}: {counts}: {verdict(report)}\n")
    header = ("tool", "verdict", "declared", "trials", "succeeded")
    rows = [
        (name, report.verdict(name), report.declared[name], f"{count.trials}", f"{count.succeeded} of {count.calls}")
        for name, count in report.tools.items()
    ]
    console.print(plain_table(header, rows, numbers=("trials", "succeeded")))
    for finding in report.findings:
        console.print()
        for line in finding_lines(finding, console.width):
            console.print(line, soft_wrap=True)
    for name, why in report.refused.items():
        console.print(f"\n{name} could not be checked: {why}", soft_wrap=True)
    console.print()
    console.print(Notes(notes(report)))


def verdict(report: Report) -> str:
    """The first line, in words."""
    wrong = len({fix.tool for finding in report.findings for fix in finding.fixes})
    if wrong:
        return f"{wrong} declaration{'s' if wrong > 1 else ''} wrong"
    if report.refused:
        return f"{len(report.refused)} could not be checked"
    return "nothing wrong found"


def finding_lines(finding: Finding, width: int) -> Iterator[str]:
    """Two calls that show a wrong declaration, the key, and what would be right."""
    trial = finding.trial
    start = f" (state {trial.start})" if trial.start else ""
    rows = [
        ("from", "the start" + start) if not trial.prefix else ("after", "; ".join(map(str, trial.prefix)) + start),
        ("one call", str(trial.first)),
        ("another", str(trial.second)),
        *([] if trial.probe is None else [("and then", str(trial.probe))]),
        ("key", finding.key),
        *zip(("seen", ""), finding.words, strict=False),
        ("how sure", f"{EVIDENCE[finding.evidence]}; found in trial {finding.after}, and again with the same seed"),
    ]
    if finding.also:
        rows.append(("so also", ", ".join(" and ".join(dict.fromkeys(pair)) for pair in finding.also)))
    yield "; ".join(map(str, finding.fixes))
    for label, text in rows:
        yield from wrap(text, width - 1, initial_indent=f"    {label:<10}", subsequent_indent=" " * 14)


def notes(report: Report) -> Iterator[str]:
    yield (
        f"{report.watched:,} calls watched, {report.swaps:,} pairs run in both orders, {report.overlaps:,} at once. "
        "This is testing, not proof: what was not tried was not seen"
    )
    yield CHECKS
    if report.undeclared:
        names = ", ".join(sorted(report.undeclared))
        yield (
            f"undeclared: as far as the scheduler knows, {names} read and write everything, so calls run one by one; "
            "asyncfc tools --suggest proposes what to declare"
        )
    for pair in report.overdeclared:
        names = " and ".join(dict.fromkeys(pair.tools))
        yield (
            f"parallelism left on the table? Calls of {names} conflict by declaration, and in none of "
            f"{pair.conflicting} trials did the order make a difference"
        )
