"""`asyncfc demo`: the main job on real input, with no key, no GPU and no network."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    n: Annotated[int | None, typer.Option(min=1, help="only the first N conversations")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the durations drawn")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Simulate the whole BFCL v4 multi-turn benchmark, 800 real conversations; then run an agent live, twice.

    Every policy is simulated on a modelled decoder and modelled tool times, each run is checked against running the
    same calls one by one on the real tools, and what was saved is printed. Then the same with tools that take next to
    no time, where always answering with a future loses. Takes about a minute.

    \b
    Example:
      asyncfc demo
    """
    from .demo_run import run

    raise typer.Exit(run(n, seed, quiet=quiet))
