"""`asyncfc trace view`: runs, or sessions laid out as runs, as bars."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import document, emit
from .trace_choice import named, some
from .trace_files import Broken, File, Format, TraceFile, end

if TYPE_CHECKING:
    from asyncfc_sim.traces.importers.formats import Imported
    from asyncfc_sim.traces.sessions import RecordedSession
    from asyncfc_sim.traces.trace import Run

MAX_RUNS = 5  # shown unless they are named
MAX_SESSIONS = 3


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is shown, of how many, and what to say of the rest."""

    runs: Sequence[Run]
    of: int
    remark: str = ""


def view(
    file: File,
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            "--session",
            metavar="NAME|N",
            help="Show this run, case or session: its name, a pattern (*), or its number in FILE. May be repeated.",
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option("--width", metavar="N", min=40, help="Columns.", show_default="the terminal's")
    ] = None,
    max_calls: Annotated[int, typer.Option("--max-calls", metavar="N", min=0, help="Calls shown of each run.")] = 16,
    format: Format = None,
    on_broken: Broken = "fail",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document: the timelines as data.")] = False,
    perfetto: Annotated[
        str | None, typer.Option("--perfetto", metavar="OUT", help="Also write these runs for ui.perfetto.dev.")
    ] = None,
) -> None:
    """Show runs as bars on one time scale: what the decoder did, what each call did, who waited.

    Runs of one case stand together, the synchronous one first. Of a file with many runs, the first case is shown: its
    synchronous run and those that differ from it in nothing but the policy. A session of another format is laid out by
    its recorded durations; the first few that have them are shown.

    \b
    Examples:
      asyncfc trace view runs.jsonl
      asyncfc trace view runs.jsonl --run multi_turn_base_3
      asyncfc trace view runs.jsonl --run 1 --run 5 --width 120
      asyncfc trace view runs.jsonl --run '*/asyncfc*' --perfetto out.perfetto.json
      asyncfc trace view transcript.jsonl --session 2
    """
    opened = TraceFile(file, format, on_broken)
    imported = None if opened.is_native else opened.sessions()
    chosen = _of_runs(file, opened.runs(), run) if imported is None else _of_sessions(file, imported.sessions, run)
    if chosen.remark:
        print(chosen.remark, file=sys.stderr)
    if perfetto is not None:
        from asyncfc_sim.traces.perfetto import write_perfetto

        write_perfetto(perfetto, chosen.runs)
    if as_json:
        emit(_timelines(file, imported, chosen))
    else:
        from asyncfc_sim.report.console import results_console
        from asyncfc_sim.report.timeline_view import render_timelines

        results_console(width=width).print(render_timelines(chosen.runs, width, max_calls=max_calls))
    if imported is not None:
        end(imported)


# ------------------------------------------------------------------------------------------------ our own runs


def _of_runs(file: str, runs: Sequence[Run], wanted: Sequence[str] | None) -> _Chosen:
    if wanted:
        names = [(run.header.run, run.header.case) for run in runs]
        return _Chosen(_in_order([runs[index] for index in named(names, wanted, "run or case")]), len(runs))
    chosen = _in_order(_first(runs))
    return _Chosen(chosen, len(runs), _left_out(file, runs, chosen) if len(chosen) < len(runs) else "")


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


def _in_order(runs: Sequence[Run]) -> list[Run]:
    """Cases in the order of the file, the synchronous runs of each before the others."""
    place = {case: index for index, case in enumerate(dict.fromkeys(run.header.case for run in runs))}
    return sorted(runs, key=lambda run: (place[run.header.case], run.header.policy != "sync"))


def _left_out(file: str, runs: Sequence[Run], chosen: Sequence[Run]) -> str:
    """What a file with many runs holds, what is shown of it, and how to see the rest."""
    cases = len({run.header.case for run in runs if run.header.case is not None})
    rest = [run.header.run for run in runs if run not in chosen]
    return (
        f"{file} holds {len(runs)} runs of {cases} case{'' if cases == 1 else 's'}: "
        f"shown {'is' if len(chosen) == 1 else 'are'} {len(chosen)} of {chosen[0].header.case or 'the first'}.\n"
        f"Others, by --run NAME, number, case or pattern ('*/asyncfc*'): {some(rest)}."
    )


# ------------------------------------------------------------------------------------------------ sessions


def _of_sessions(file: str, sessions: Sequence[RecordedSession], wanted: Sequence[str] | None) -> _Chosen:
    """Named sessions must all be drawable; otherwise the first few that are."""
    from asyncfc_sim.traces.session_run import SessionRunError, session_run

    if wanted:
        places = named([(session.session, None) for session in sessions], wanted, "session")
        return _Chosen([session_run(sessions[place]) for place in places], len(sessions))
    runs: list[Run] = []
    first_error: SessionRunError | None = None
    for session in sessions:
        try:
            runs.append(session_run(session))
        except SessionRunError as error:
            first_error = first_error or error
        if len(runs) == MAX_SESSIONS:
            break
    if not runs and first_error is not None:
        if len(sessions) > 1:
            raise SessionRunError(f"none of the {len(sessions)} sessions can be drawn; the first: {first_error}")
        raise first_error
    if len(runs) == len(sessions):
        return _Chosen(runs, len(sessions))
    shown = {run.header.run for run in runs}
    rest = [session.session for session in sessions if session.session not in shown]
    remark = (
        f"{file} holds {len(sessions)} sessions: shown {'is' if len(runs) == 1 else 'are'} the first {len(runs)} "
        f"of which every message has its time.\nOthers, by --session NAME, number or pattern: {some(rest)}."
    )
    return _Chosen(runs, len(sessions), remark)


def _timelines(file: str, imported: Imported | None, chosen: _Chosen) -> dict[str, Any]:
    from dataclasses import asdict

    from asyncfc_sim.traces.timeline import timeline

    seeds = {run.header.seed for run in chosen.runs}
    return document(
        "timelines/1",
        seed=seeds.pop() if len(seeds) == 1 else None,
        config={"file": file, "runs": [run.header.run for run in chosen.runs]},
        runs_in_file=chosen.of,
        timelines=[asdict(timeline(run)) for run in chosen.runs],
        **({} if imported is None else {"formats": imported.formats, "skipped": imported.faults}),
    )
