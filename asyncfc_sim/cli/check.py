"""`asyncfc check`: is running asynchronously the same as running one by one?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .check_request import Request, split_target
from .errors import ExitCode


def check(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="FILE.fc, FILE.lit, FILE.py[:NAME], RUN.jsonl[.gz] or bfcl[:SPLIT]"),
    ] = None,
    litmus: Annotated[bool, typer.Option("--litmus", help="run the litmus tests that ship with asyncfc")] = False,
    replay: Annotated[
        str | None, typer.Option(metavar="SCHEDULE", help="run FILE.fc or FILE.lit under this one schedule")
    ] = None,
    scheduler: Annotated[str, typer.Option(help="effect (the real one), naive, locks or sequential")] = "effect",
    failure: Annotated[str, typer.Option(help="poison, barrier or strict")] = "poison",
    granularity: Annotated[
        str, typer.Option(help="atomic (a call is one step), steps (each access is one), or both")
    ] = "both",
    tools: Annotated[
        Path | None, typer.Option(help="tool declarations of a FILE.fc [default: FILE.tools.toml]")
    ] = None,
    max_states: Annotated[int, typer.Option(min=1, help="explore all schedules up to this many states")] = 200_000,
    schedules: Annotated[int, typer.Option(min=1, help="random schedules, where there are too many to try all")] = 500,
    examples: Annotated[
        int | None, typer.Option(min=1, help="trials for each pair of tools [default: 100; FILE.py and bfcl]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of all that is drawn at random")] = 0,
    require_certified: Annotated[
        bool, typer.Option("--require-certified", help="exit with 1 if a run of RUN.jsonl is not certified")
    ] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output-file", help="write all results as JSON")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document instead of text")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Check that running asynchronously is the same as running one by one.

    \b
    FILE.fc      every schedule of a program against running it in order
    FILE.py      the tools of a file: do they keep to the footprints that they declare?
    RUN.jsonl    recorded runs: certified, or the first pair of accesses out of order
    bfcl         the 800 conversations of BFCL v4 multi-turn, on the real tool classes
    --litmus     small programs with known verdicts, under every scheduler

    \b
    Examples:
      asyncfc check examples/02_shared_file.fc
      asyncfc check examples/02_shared_file.fc --scheduler naive
      asyncfc check mytools.py
      asyncfc check --litmus
    """
    if litmus == (target is not None):
        raise typer.BadParameter("name one TARGET, or say --litmus")
    path, name = (target, None) if target is None else split_target(target)
    request = Request(
        target=path or "",
        name=name,
        replay=replay,
        scheduler=scheduler,
        failure=failure,
        granularity=granularity,
        tools=tools,
        max_states=max_states,
        schedules=schedules,
        examples=examples,
        seed=seed,
        require_certified=require_certified,
        output=output,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(_run(request, litmus))


def _run(request: Request, litmus: bool) -> ExitCode:
    suffixes = Path(request.target).suffixes
    if litmus or suffixes[-1:] == [".lit"]:
        from . import check_litmus

        return check_litmus.run(request)
    if request.target == "bfcl":
        from . import check_bfcl

        return check_bfcl.run(request)
    match suffixes:
        case [*_, ".py"]:
            from . import check_tools

            return check_tools.run(request)
        case [*_, ".jsonl"] | [*_, ".jsonl", ".gz"]:
            from . import check_trace

            return check_trace.run(request)
        case [*_, ".fc"]:
            from . import check_program

            return check_program.run(request)
    raise typer.BadParameter(
        f"{request.target!r} is neither FILE.fc, FILE.lit, FILE.py, RUN.jsonl[.gz] nor bfcl", param_hint="TARGET"
    )
