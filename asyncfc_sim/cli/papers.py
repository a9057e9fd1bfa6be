"""`asyncfc papers`: what papers claim, and what the simulator gives on the same inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .errors import ExitCode
from .output import document, emit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def papers() -> None:
    """What papers claim, and what the simulator gives on the same inputs."""


@app.command("list", short_help="The papers, and how many of their figures are tried.")
def list_papers(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document instead of a table")] = False,
) -> None:
    """List the papers with their figures: how many there are, how many a simulation of time can try."""
    from asyncfc_sim.studies.paper_files import load_paper, paper_names

    found = [load_paper(name) for name in paper_names()]
    if as_json:
        rows = [
            {"name": paper.name, "title": paper.title, "reference": paper.reference, "claims": len(paper.claims)}
            | {"tried": len(paper.claims) - len(paper.not_reproducible)}
            for paper in found
        ]
        emit(document("papers-list/1", papers=rows))
        return
    for paper in found:
        tried = len(paper.claims) - len(paper.not_reproducible)
        print(f"{paper.name:12} {paper.reference:18} {len(paper.claims)} figures, {tried} of them tried")


@app.command(short_help="Simulate the figures of papers, and write RESULTS.md.")
def reproduce(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="papers [default: all]")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="write nothing; exit 1 if a RESULTS.md is not what would be written")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output-folder", help="write NAME/RESULTS.md there [default: in a checkout, beside claims.toml]"
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="processes [default: one per CPU]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document: every point")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Simulate what papers claim, and write RESULTS.md: claim, our interval, agreement, and what was assumed.

    An input that a paper does not give is scanned: the inputs for which a claim holds are told, or how near any comes.
    A claim that is missed is no failure. The text depends on neither the day nor the number of processes. All three
    papers take two to three minutes on two cores.

    \b
    Examples:
      asyncfc papers reproduce                write all RESULTS.md
      asyncfc papers reproduce asynclm --check
      asyncfc papers reproduce llmcompiler -o /tmp/papers --json
    """
    from .papers_reproduce import run

    raise typer.Exit(
        ExitCode(run(names or [], check=check, output=output, workers=workers, as_json=as_json, quiet=quiet))
    )
