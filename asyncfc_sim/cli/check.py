"""`asyncfc check`: is running asynchronously the same as running one by one?"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from .check_request import Request, split_target
from .config import on_command_line
from .errors import ExitCode


def check(
    ctx: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[TARGET]", help="FILE.fc, FILE.lit, FILE.py[:NAME], RUN.jsonl[.gz], a journal or bfcl[:SPLIT]"
        ),
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
    RUN.jsonl    recorded runs: certified, or the first pair of accesses out of order; a journal, too
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
    kind = _LITMUS if litmus else _kind(request.target)
    for name in _ALL - _ALWAYS - kind.uses:
        if not on_command_line(ctx, name):  # a default of asyncfc.toml, meant for other kinds
            request = replace(request, **{name: getattr(_NOTHING, name)})
    raise typer.Exit(_run(request, kind))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of target: the module that checks it, and the options that it has a use for."""

    words: str
    module: str
    uses: frozenset[str]


_NOTHING = Request("")
_ALL = frozenset(field.name for field in fields(Request))
_ALWAYS = frozenset({"target", "name", "output", "as_json", "quiet"})
_SCHEDULES = frozenset({"replay", "scheduler", "failure", "granularity", "max_states"})
_PROGRAM = _Kind("a program", "check_program", _SCHEDULES | {"tools", "schedules", "seed"})
_LITMUS = _Kind("a litmus test", "check_litmus", _SCHEDULES)
_TOOLS = _Kind("a tools file", "check_tools", frozenset({"examples", "seed"}))
_TRACE = _Kind("a recorded run", "check_trace", frozenset({"require_certified"}))
_BFCL = _Kind("bfcl", "check_bfcl", frozenset({"failure", "examples", "seed"}))


def _kind(target: str) -> _Kind:
    if target == "bfcl":
        return _BFCL
    match Path(target).suffixes:
        case [*_, ".lit"]:
            return _LITMUS
        case [*_, ".py"]:
            return _TOOLS
        case [*_, ".jsonl"] | [*_, ".jsonl", ".gz"]:
            return _TRACE
        case [*_, ".fc"]:
            return _PROGRAM
    from asyncfc_sim.traces.journal import is_journal

    if Path(target).is_file() and is_journal(target):
        return _TRACE
    raise typer.BadParameter(
        f"{target!r} is neither FILE.fc, FILE.lit, FILE.py, RUN.jsonl[.gz], a journal nor bfcl", param_hint="TARGET"
    )


def _run(request: Request, kind: _Kind) -> ExitCode:
    """Check, with an option that means nothing here refused, so that nobody takes its effect for granted."""
    for field in fields(Request):
        if field.name not in _ALWAYS | kind.uses and getattr(request, field.name) != field.default:
            raise typer.BadParameter(
                f"it means nothing for {kind.words}", param_hint=f"--{field.name}".replace("_", "-")
            )
    if request.output is not None and not request.output.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {request.output.parent}", param_hint="--output-file")
    module = import_module(f".{kind.module}", __package__)  # what it needs is heavy
    return ExitCode(module.run(request))
