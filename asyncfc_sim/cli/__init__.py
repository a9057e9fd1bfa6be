"""The command `asyncfc`: one file per verb.

The modules of the verbs are imported here, so at their top they import nothing heavy; what a verb needs it imports
when it runs (tests/test_layers.py holds `asyncfc --help` to that).
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from . import (
    bench,
    check,
    demo,
    doctor,
    fidelity,
    fit,
    grammar,
    papers,
    parse,
    replay,
    run,
    serve,
    simulate,
    study,
    tools,
    trace,
)
from .config import add_option
from .errors import ExitCode, reported


class Verbs(TyperGroup):
    """The verbs; whichever runs, its errors become messages and exit codes in one place, and it reads `--config`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        add_option(self)

    def invoke(self, ctx: Any) -> Any:
        with reported():
            return super().invoke(ctx)


# Plain help and errors: they are read in pipes and logs, and by programs, as often as on a screen.
app = typer.Typer(
    name="asyncfc", cls=Verbs, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _version(wanted: bool) -> None:
    if wanted:
        from asyncfc_sim.traces.trace import package_version

        typer.echo(f"asyncfc-sim {package_version()}")
        raise typer.Exit


@app.callback()
def asyncfc(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Asynchronous function calling with futures: simulated, checked and run by one scheduler.

    \b
    Examples:
      asyncfc demo                            what futures save on a real benchmark
      asyncfc simulate program.fc             the same question about a program of yours
      asyncfc simulate bfcl:base --json       800 real conversations, results as JSON
      asyncfc run "PROMPT" --base-url URL --tools mytools.py    your functions, a served model
      asyncfc bench --prompts tasks.jsonl --base-url URL --tools mytools.py    is that faster?
      asyncfc fidelity --tasks office --base-url URL    and is it what was predicted?
      asyncfc doctor --base-url URL           what an endpoint can do for a run
      asyncfc replay run.jsonl                recorded turns as an endpoint, for tests
      asyncfc serve tiny                      a small model of ours as an endpoint
      asyncfc parse program.fc                check a program and print its normal form
      asyncfc grammar --tools mytools.py      a grammar of calls of them, to decode under
      asyncfc tools mytools.py                what models are told of your functions
      asyncfc trace view run.jsonl            who waited for whom, as bars
      asyncfc trace stats sessions.jsonl      what recorded sessions are made of
      asyncfc fit sessions.jsonl -o my.toml   a timing model of what was recorded

    \b
    Exit codes: 0 ok, 1 a property or threshold failed, 2 usage or bad input,
      3 something is missing or unreachable, 4 partial failures, 130 interrupted.
    """


# The short helps are what `asyncfc --help` has room for.
app.command(short_help="Show what futures save on a real benchmark.")(demo.demo)
app.command(short_help="Simulate a workload under several policies.")(simulate.simulate)
app.command(short_help="Is running asynchronously the same as one by one?")(check.check)
app.command(short_help="Run an agent on a served model, with your functions.")(run.run)
app.command(short_help="Measure policies live, on your own prompts.")(bench.bench)
app.command(short_help="Are live runs what the simulator predicts?")(fidelity.fidelity)
app.command(short_help="What an endpoint can do for a run.")(doctor.doctor)
app.command(short_help="Serve recorded model turns as an endpoint.")(replay.replay)
app.add_typer(serve.app, name="serve")
app.command(short_help="Check a program and print its normal form.")(parse.parse)
app.command(short_help="A grammar of calls of your tools, to decode under.")(grammar.grammar)
app.command(short_help="Schemas and footprints of a file's or an MCP server's tools.")(tools.tools)
app.add_typer(trace.app, name="trace")
app.command(short_help="Timing models from recorded sessions.")(fit.fit)
app.add_typer(study.app, name="study")
app.add_typer(papers.app, name="papers")


def main() -> None:
    """Run the command line; ends the process with its exit code."""
    try:
        app(prog_name="asyncfc")
    except KeyboardInterrupt:  # before a verb is begun
        sys.exit(ExitCode.INTERRUPTED)
