"""`asyncfc trace`: look at recorded runs and sessions, convert them, and say what they are made of."""

from __future__ import annotations

import typer

from . import trace_convert, trace_stats, trace_view

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def trace() -> None:
    """Look at recorded runs and sessions, convert them, and say what they are made of."""


app.command(short_help="Show runs or sessions as bars on one time scale.")(trace_view.view)
app.command(short_help="Write sessions in another format.")(trace_convert.convert)
app.command(short_help="Tokens, times and what could overlap, as distributions.")(trace_stats.stats)
