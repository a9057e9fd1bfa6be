"""`asyncfc trace convert`: sessions in one format written in another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .output import document, emit
from .trace_files import Broken, File, Format, TraceFile, end

if TYPE_CHECKING:
    from asyncfc_sim.traces.trace import Run

Form = Literal["workload", "otlp", "llmservingsim", "perfetto"]

# The longer suffix first; each with `.gz` behind it too.
SUFFIXES: tuple[tuple[str, Form], ...] = (
    (".otlp.jsonl", "otlp"),
    (".otlp.json", "otlp"),
    (".perfetto.json", "perfetto"),
    (".jsonl", "workload"),
)


def convert(
    file: File,
    output: Annotated[
        str, typer.Option("-o", "--output-file", metavar="OUT", help="The file to write; - is standard output.")
    ],
    to: Annotated[
        Form | None,
        typer.Option(
            "--to",
            help="The format to write.",
            show_default="by OUT: .jsonl workload, .otlp.jsonl otlp, .perfetto.json perfetto; .gz behind any",
        ),
    ] = None,
    content: Annotated[
        bool, typer.Option("--content", help="Put prompts, arguments and results into OTLP spans.")
    ] = False,
    format: Format = None,
    on_broken: Broken = "fail",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document about what was written.")] = False,
) -> None:
    """Write sessions in another format. What that format cannot hold is said on stderr.

    Runs of our own become timelines and spans as they happened; of sessions of other formats, and for the other
    targets, what was recorded is kept and its provenance with it.

    \b
    Examples:
      asyncfc trace convert transcript.jsonl -o sessions.jsonl.gz
      asyncfc trace convert runs.jsonl -o runs.perfetto.json
      asyncfc trace convert sessions.jsonl -o requests.jsonl --to llmservingsim
    """
    form = to or _form(output)
    if output == "-" and as_json:
        raise typer.BadParameter(
            "standard output cannot hold both the sessions and the document", param_hint="'--json'"
        )
    opened = TraceFile(file, format, on_broken)
    if opened.is_native and form in ("otlp", "perfetto"):
        runs = opened.runs()
        _write_runs(output, runs, form, content)
        _tell(as_json, file, output, form, {"runs": len(runs)}, [])
        return
    imported = opened.sessions()
    if form == "perfetto":
        from asyncfc_sim.traces.session_run import session_run

        _write_runs(output, [session_run(session) for session in imported.sessions], form, content)
        lost: Sequence[str] = []
    else:
        from asyncfc_sim.traces.exporters.formats import write_sessions

        lost = write_sessions(output, imported.sessions, form, content=content or None)
    written = {"sessions": len(imported.sessions), "formats": imported.formats, "skipped": imported.faults}
    _tell(as_json, file, output, form, written, lost)
    end(imported)


def _form(output: str) -> Form:
    for suffix, form in SUFFIXES:
        if output.removesuffix(".gz").endswith(suffix):
            return form
    known = ", ".join(f"{suffix} {form}" for suffix, form in SUFFIXES)
    raise typer.BadParameter(f"{output} does not say in which format; by suffix: {known}", param_hint="'--to'")


def _write_runs(output: str, runs: Sequence[Run], form: Form, content: bool) -> None:
    """Runs as they happened; `-` is standard output."""
    if form == "perfetto":
        import json

        from asyncfc_sim.traces.perfetto import to_perfetto, write_perfetto

        if output == "-":
            print(json.dumps(to_perfetto(runs), allow_nan=False, separators=(",", ":")))
        else:
            write_perfetto(output, runs)
        return
    from asyncfc_sim.traces.exporters.otlp_runs import run_lines
    from asyncfc_sim.traces.files import atomic_write

    if output == "-":
        sys.stdout.writelines(line + "\n" for line in run_lines(runs, content=content))
        return
    with atomic_write(output) as out:
        out.writelines(line.encode() + b"\n" for line in run_lines(runs, content=content))


def _tell(as_json: bool, file: str, output: str, form: Form, written: dict[str, Any], lost: Sequence[str]) -> None:
    for words in lost:
        print(f"not in {form}: {words}", file=sys.stderr)
    if as_json:
        emit(document("conversion/1", config={"file": file, "output": output, "to": form}, lost=list(lost), **written))
    elif output != "-":
        number, what = next((n, what) for what in ("sessions", "runs") if isinstance(n := written.get(what), int))
        print(f"{output}: {number} {what if number != 1 else what[:-1]} as {form}")
