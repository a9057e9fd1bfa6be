"""What verbs that measure agents are given to ask: a file of prompts with tools, or a set of tasks that has both."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .agent_options import BadOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncfc_sim.studies.bench_prompts import Prompt
    from asyncfc_sim.studies.staged import Staged

PromptsFile = Annotated[
    Path | None,
    typer.Option(
        "--prompts",
        "--dataset-path",
        metavar="FILE",
        help="One prompt a line, or JSON lines (see below).",
        show_default="this or --tasks",
    ),
]
Tasks = Annotated[
    str | None,
    typer.Option(
        "--tasks",
        metavar="NAME",
        help="office (without end) or repos (of 10): a set with tools of its own, instead of --prompts and --tools",
    ),
]
NumPrompts = Annotated[
    int | None, typer.Option("-n", "--num-prompts", min=1, help="the first N of them [default: all; of a set 50]")
]
OF_A_SET: Final = 50  # tasks, if nobody says how many


def staged(name: str | None, prompts: Path | None, tools: Sequence[str], n: int | None, seed: int) -> Staged | None:
    """The tasks of the set that `--tasks` names; None if it is not given. Raises BadOption, TaskSetError."""
    if name is None:
        return None
    if prompts is not None or tools:
        raise BadOption(
            "--tasks: a set has prompts and tools of its own; expected no --prompts and no --tools beside it"
        )
    from asyncfc_sim.studies.staged import Staged
    from asyncfc_sim.workloads.task_set import task_set

    assignments = task_set(name).assignments(OF_A_SET if n is None else n, seed)
    if n is not None and len(assignments) < n:
        print(f"note: {name} has {len(assignments)} tasks, not {n}", file=sys.stderr)
    return Staged(assignments)


def prompts_of(file: Path | None, stages: Staged | None, n: int | None) -> Sequence[Prompt]:
    """All that is to be asked. Raises BadOption, PromptsError, OSError."""
    if stages is not None:
        return stages.prompts
    if file is None:
        raise BadOption("nothing to ask: expected --prompts FILE, one prompt a line or JSON lines, or --tasks NAME")
    from asyncfc_sim.studies.bench_prompts import read_prompts

    return read_prompts(file, n)
