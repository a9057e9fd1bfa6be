"""What `asyncfc fidelity` does: all runs, the fit between them, whatever becomes of it; then it is shown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from . import fidelity_request as options
from .agent_options import given_tools, secrets
from .bench_agents import agents_of, fresh_of, warnings_of
from .errors import ExitCode
from .fidelity_request import FidelityRequest
from .run_agent import leave, with_timeout
from .signals import signals_cancel, sigterm_interrupts
from .task_options import staged

if TYPE_CHECKING:
    from asyncfc_sim.live.agent import Agent
    from asyncfc_sim.studies.fidelity import Findings, Study
    from asyncfc_sim.studies.staged import Staged

    from .fidelity_document import Results


def run_fidelity(request: FidelityRequest) -> ExitCode:
    """One study from its beginning to its end. Returns the exit code; raises what bad input raises."""
    sigterm_interrupts()  # until the runs themselves listen: much is imported before
    from asyncfc_sim.report.console import progress
    from asyncfc_sim.studies.fidelity import SYNC, Findings

    from .fidelity_document import Results

    options.check_files(request)
    stages = staged(request.tasks, request.prompts, request.tools, request.num_prompts, request.seed)
    asked = options.study_of(request, stages)
    tools = given_tools(request.tools, trust_hints=request.trust_hints)
    override = with_timeout(request.call_timeout_s)
    agents = agents_of(request, {SYNC: asked.sync, **asked.policies}, tools, override)
    warnings = [] if stages is not None else warnings_of(asked.second, tools, override)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    name = f"fidelity-{uuid4().hex[:12]}"
    found, interrupted = Findings(), False
    quiet = request.quiet or request.as_json
    try:
        # What tools print is no part of the results.
        with progress("conversations", asked.size, quiet=quiet) as advance, redirect_stdout(sys.stderr):
            interrupted = asyncio.run(_studied(asked, agents, found, name, fresh_of(tools), advance, stages))
    finally:  # also if a fault ended it, or too little was there to fit: what was measured is not lost
        results = Results(name, asked, found, warnings, interrupted, request)
        if found.outcomes:
            _write(results)
    return _end(results)


async def _studied(
    asked: Study,
    agents: Mapping[str, Agent],
    found: Findings,
    name: str,
    fresh: Callable[[], None],
    advance: Callable[[], None],
    stages: Staged | None,
) -> bool:
    """Do it all; returns whether it was interrupted, by Ctrl-C or SIGTERM."""
    from asyncfc_sim.studies.fidelity import study

    staging: dict[str, Any] = {} if stages is None else {"converse": stages.converse, "preamble": stages.preamble}
    running = asyncio.ensure_future(study(asked, agents, found, name=name, fresh=fresh, advance=advance, **staging))
    signals_cancel(running)
    try:
        await running
    except asyncio.CancelledError:
        return True
    return False


def _write(results: Results) -> None:
    from asyncfc_sim.traces.redact import redacted
    from asyncfc_sim.traces.trace import write_trace

    from .fidelity_document import json_document
    from .output import emit

    request, prompts = results.request, results.asked.prompts
    if request.trace is not None:
        hidden = secrets(request.endpoint, request.tools)
        runs = [
            replace(outcome.run.trace, header=replace(outcome.run.trace.header, case=prompts[outcome.prompt].id))
            for outcome in results.found.outcomes
            if outcome.run is not None
        ]
        write_trace(request.trace, (redacted(run, hidden) for run in runs))
    if request.output is not None:
        emit(json_document(results, runs=True), str(request.output))
    if request.plot is not None and results.found.predicted:
        from .fidelity_plot import draw

        draw(request.plot, results)


def _end(results: Results) -> ExitCode:
    if results.request.as_json:
        from .fidelity_document import json_document
        from .output import emit

        emit(json_document(results))
    else:
        from .fidelity_view import show

        show(results)
    code = exit_code(results)
    if any(outcome.run is not None and outcome.run.in_doubt for outcome in results.found.outcomes):
        leave(code)
    return code


def exit_code(results: Results) -> ExitCode:
    """What the study comes to."""
    if results.interrupted:
        return ExitCode.INTERRUPTED
    if results.found.stopped is not None:
        return ExitCode.MISSING
    if not all(outcome.completed for outcome in results.found.outcomes):
        return ExitCode.PARTIAL
    if results.request.require_goals and not all(goal.met for goal in results.goals):
        return ExitCode.FAILED
    return ExitCode.OK
