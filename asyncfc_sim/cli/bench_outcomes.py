"""What verbs that hold many conversations do alike with them: be interrupted, keep their traces, end the process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ExitCode
from .run_agent import leave
from .signals import signals_cancel

if TYPE_CHECKING:
    from asyncfc_sim.studies.bench import Outcome
    from asyncfc_sim.studies.bench_prompts import Prompt


async def interrupted(work: Coroutine[Any, Any, object]) -> bool:
    """Do it all; returns whether it was interrupted, by Ctrl-C or SIGTERM."""
    running = asyncio.ensure_future(work)
    signals_cancel(running)
    try:
        await running
    except asyncio.CancelledError:
        return True
    return False


def write_runs(path: Path, outcomes: Iterable[Outcome], prompts: Sequence[Prompt], hidden: Sequence[str]) -> None:
    """The trace of each run, those that failed too, with the prompt's id as its case, and without what is hidden."""
    from asyncfc_sim.traces.redact import redacted
    from asyncfc_sim.traces.trace import write_trace

    runs = [
        replace(outcome.run.trace, header=replace(outcome.run.trace.header, case=prompts[outcome.prompt].id))
        for outcome in outcomes
        if outcome.run is not None
    ]
    write_trace(path, (redacted(run, hidden) for run in runs))


def ended(code: ExitCode, outcomes: Iterable[Outcome]) -> ExitCode:
    """The code; where a call goes on acting in a thread that nobody can stop, the process ends with it here."""
    if any(outcome.run is not None and outcome.run.in_doubt for outcome in outcomes):
        leave(code)
    return code
