"""`asyncfc study`: questions that several drivers answer together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def study() -> None:
    """Studies: questions that simulating and exploring answer together."""


@app.command(short_help="What wrong and missing labels of tools cost.")
def robustness(
    workload: Annotated[str, typer.Argument(metavar="[WORKLOAD]", help="bfcl[:SPLIT]")] = "bfcl:base",
    rates: Annotated[str, typer.Option(help="chances that a tool is hit, comma-separated")] = "0,0.05,0.1,0.2,0.5,1",
    kinds: Annotated[str, typer.Option(help="kinds of fault, comma-separated")] = (
        "missing,write_as_read,dropped_key,wrong_key,as_pure"
    ),
    policy: Annotated[str, typer.Option(help="policies that use labels, comma-separated")] = (
        "asyncfc,sync_parallel,early_start"
    ),
    grace: Annotated[str, typer.Option(help="grace time of asyncfc: seconds, inf or auto")] = "0",
    messages: Annotated[str, typer.Option(help="how calls become messages: call or turn")] = "turn",
    replications: Annotated[int, typer.Option(min=1, help="draws of the tools hit, for each rate")] = 3,
    decoder: Annotated[str, typer.Option(help="a name in models/decoders, or a TOML file")] = "gpt-oss-120b-vllm",
    durations: Annotated[str, typer.Option(help="a name in models/tools, or a TOML file")] = "bfcl-agent",
    n: Annotated[int | None, typer.Option(min=1, help="N conversations, spread evenly [default: 50]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the durations, and of the tools hit")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="processes [default: one per CPU]")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output-file", help="write all rows as FILE.csv")] = None,
    plot: Annotated[Path | None, typer.Option(help="draw the figure: .png, .svg or .pdf")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Label BFCL's tools wrongly, run them, and say what comes out wrong, and how fast.

    \b
    Kinds of fault, each made in the tools that are hit:
      missing         no label: the tool reads and writes everything
      write_as_read   what it writes is labelled as read
      dropped_key     one of its keys is forgotten
      wrong_key       one of its keys is that of another tool, or of another argument
      as_pure         it is labelled to touch nothing

    Every run calls the real tools and is compared with running in order. Exit code 1 if labels that are true, or only
    missing, give a wrong result; that wrong labels do is what is looked for.

    \b
    Examples:
      asyncfc study robustness
      asyncfc study robustness bfcl:base --kinds missing,as_pure --rates 0.1,1 --plot robustness.png
      asyncfc study robustness --n 200 --replications 10 -o robustness.csv
    """
    from .study_robustness import Request, run

    request = Request(
        workload=workload,
        rates=rates,
        kinds=kinds,
        policy=policy,
        grace=grace,
        messages=messages,
        replications=replications,
        decoder=decoder,
        durations=durations,
        n=n,
        seed=seed,
        workers=workers,
        output=output,
        plot=plot,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(run(request))
