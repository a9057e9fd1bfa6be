"""`asyncfc trace stats`: what recorded sessions are made of."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import document, emit
from .trace_files import Broken, File, Format, TraceFile, end


def stats(
    file: File,
    format: Format = None,
    on_broken: Broken = "fail",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
) -> None:
    """Say what sessions are made of: tokens, times, calls per step, tool times, and what futures could hide.

    Each figure says whether it was measured, derived or sampled, and how many sessions lack it.

    \b
    Examples:
      asyncfc trace stats sessions.jsonl.gz
      asyncfc trace stats folder_of_trajectories/ --on-broken skip
      asyncfc trace stats requests.jsonl --format llmservingsim --json
    """
    imported = TraceFile(file, format, on_broken).sessions()
    from asyncfc_sim.traces.statistics import session_statistics

    statistics = session_statistics(imported.sessions)
    if as_json:
        from dataclasses import asdict

        emit(
            document(
                "session_statistics/1",
                config={"file": file},
                formats=imported.formats,
                skipped=imported.faults,
                statistics=asdict(statistics),
            )
        )
    else:
        from asyncfc_sim.report.console import results_console
        from asyncfc_sim.report.session_tables import session_tables

        formats = ", ".join(sorted(set(imported.formats.values())))
        files = len(imported.formats)
        console = results_console()
        for part in session_tables(statistics, [f"read as {formats}, {files} file{'' if files == 1 else 's'}"]):
            console.print(part)
    end(imported)
