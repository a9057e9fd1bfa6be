"""`asyncfc trace`: look at recorded runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import document, emit

if TYPE_CHECKING:
    from asyncfc_sim.traces.trace import Run

MAX_RUNS = 5  # shown unless they are named

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def trace() -> None:
    """Look at recorded runs."""


@app.command(short_help="Show runs as bars on one time scale.")
def view(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A trace (.jsonl or .jsonl.gz); - reads standard input.")],
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            metavar="NAME|N",
            help="Show this run or case: its name, a pattern (*), or its number in FILE. May be repeated.",
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option("--width", metavar="N", min=40, help="Columns.", show_default="the terminal's")
    ] = None,
    max_calls: Annotated[int, typer.Option("--max-calls", metavar="N", min=0, help="Calls shown of each run.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document: the timelines as data.")] = False,
    perfetto: Annotated[
        str | None, typer.Option("--perfetto", metavar="OUT", help="Also write these runs for ui.perfetto.dev.")
    ] = None,
) -> None:
    """Show runs as bars on one time scale: what the decoder did, what each call did, who waited.

    Runs of one case stand together, the synchronous one first. Of a file with many runs, the first case is shown: its
    synchronous run and those that differ from it in nothing but the policy.

    \b
    Examples:
      asyncfc trace view runs.jsonl
      asyncfc trace view runs.jsonl --run multi_turn_base_3
      asyncfc trace view runs.jsonl --run 1 --run 5 --width 120
      asyncfc trace view runs.jsonl --run '*/asyncfc*' --perfetto out.perfetto.json
    """
    runs = _read(file)
    chosen = _in_order(_named(runs, run) if run else _first(runs))
    if len(chosen) < len(runs) and not run:
        print(_left_out(file, runs, chosen), file=sys.stderr)
    if perfetto is not None:
        from asyncfc_sim.traces.perfetto import write_perfetto

        write_perfetto(perfetto, chosen)
    if as_json:
        emit(_timelines(file, runs, chosen))
        return
    from asyncfc_sim.report.console import results_console
    from asyncfc_sim.report.timeline_view import render_timelines

    results_console(width=width).print(render_timelines(chosen, width, max_calls=max_calls))


def _read(file: str) -> list[Run]:
    from asyncfc_sim.traces.trace import parse_trace, read_trace

    return parse_trace(sys.stdin.buffer, "<stdin>") if file == "-" else read_trace(file)


def _first(runs: Sequence[Run]) -> list[Run]:
    """All runs if they are few, otherwise those of the first case that can be compared with its synchronous run."""
    if len(runs) <= MAX_RUNS:
        return list(runs)
    of_case = _in_order([run for run in runs if run.header.case == runs[0].header.case])
    base = of_case[0].header

    def comparable(run: Run) -> bool:
        inputs = run.header.inputs
        return run.header.seed == base.seed and all(inputs.get(name) == base.inputs[name] for name in base.inputs)

    return list(filter(comparable, of_case))[:MAX_RUNS]


def _named(runs: Sequence[Run], wanted: Sequence[str]) -> list[Run]:
    """The runs that these names, numbers and patterns choose, in the order of the file."""
    chosen: set[int] = set()
    for text in wanted:
        found = _matches(runs, text)
        if not found:
            raise typer.BadParameter(_no_such_run(runs, text), param_hint="'--run'")
        chosen.update(found)
    return [runs[index] for index in sorted(chosen)]


def _matches(runs: Sequence[Run], text: str) -> list[int]:
    """The runs of this name; or else of this case; or else the run of this number; or those that fit the pattern."""
    from fnmatch import fnmatchcase

    for names in ([run.header.run for run in runs], [run.header.case for run in runs]):
        if found := [index for index, name in enumerate(names) if name == text]:
            return found
    if text.isdecimal():
        return [int(text) - 1] if 1 <= int(text) <= len(runs) else []
    return [
        index
        for index, run in enumerate(runs)
        if fnmatchcase(run.header.run, text) or fnmatchcase(run.header.case or "", text)
    ]


def _no_such_run(runs: Sequence[Run], text: str) -> str:
    from difflib import get_close_matches

    names = list(dict.fromkeys(run.header.run for run in runs))
    close = get_close_matches(text, [*names, *_cases(runs)], n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"it holds {_some(names)}"
    return f"no run or case {text!r} among the {len(runs)} of this file; {hint}"


def _in_order(runs: Sequence[Run]) -> list[Run]:
    """Cases in the order of the file, the synchronous runs of each before the others."""
    place = {case: index for index, case in enumerate(dict.fromkeys(run.header.case for run in runs))}
    return sorted(runs, key=lambda run: (place[run.header.case], run.header.policy != "sync"))


def _left_out(file: str, runs: Sequence[Run], chosen: Sequence[Run]) -> str:
    """What a file with many runs holds, what is shown of it, and how to see the rest."""
    cases = _cases(runs)
    rest = [run.header.run for run in runs if run not in chosen]
    return (
        f"{file} holds {len(runs)} runs of {len(cases)} case{'' if len(cases) == 1 else 's'}: "
        f"shown {'is' if len(chosen) == 1 else 'are'} {len(chosen)} of {chosen[0].header.case or 'the first'}.\n"
        f"Others, by --run NAME, number, case or pattern ('*/asyncfc*'): {_some(rest)}."
    )


def _cases(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(run.header.case for run in runs if run.header.case is not None))


def _some(names: Sequence[str]) -> str:
    rest = len(names) - 5
    return ", ".join(names[:5]) + (f" and {rest} more" if rest > 0 else "")


def _timelines(file: str, runs: Sequence[Run], chosen: Sequence[Run]) -> dict[str, Any]:
    from dataclasses import asdict

    from asyncfc_sim.traces.timeline import timeline

    seeds = {run.header.seed for run in chosen}
    return document(
        "timelines/1",
        seed=seeds.pop() if len(seeds) == 1 else None,
        config={"file": file, "runs": [run.header.run for run in chosen]},
        runs_in_file=len(runs),
        timelines=[asdict(timeline(run)) for run in chosen],
    )
