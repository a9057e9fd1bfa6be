"""What `asyncfc fidelity` does: all runs, the fit between them, whatever becomes of it; then it is shown."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from . import fidelity_request as options
from .agent_options import given_tools, secrets
from .bench_agents import agents_of, fresh_of, warnings_of
from .bench_outcomes import ended, interrupted, write_runs
from .errors import ExitCode
from .fidelity_request import FidelityRequest
from .run_agent import with_timeout
from .signals import sigterm_interrupts
from .task_options import staged

if TYPE_CHECKING:
    from .fidelity_document import Results


def run_fidelity(request: FidelityRequest) -> ExitCode:
    """One study from its beginning to its end. Returns the exit code; raises what bad input raises."""
    sigterm_interrupts()  # until the runs themselves listen: much is imported before
    from asyncfc_sim.report.console import progress
    from asyncfc_sim.studies.fidelity import SYNC, Findings, study

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
    found, broken_off = Findings(), False
    staging: dict[str, Any] = {}
    if stages is not None:
        staging = {"converse": stages.converse, "prompt_tokens": stages.prompt_tokens}
    quiet = request.quiet or request.as_json
    try:
        # What tools print is no part of the results.
        with progress("conversations", asked.size, quiet=quiet) as advance, redirect_stdout(sys.stderr):
            work = study(asked, agents, found, name=name, fresh=fresh_of(tools), advance=advance, **staging)
            broken_off = asyncio.run(interrupted(work))
    finally:  # also if a fault ended it, or too little was there to fit: what was measured is not lost
        results = Results(name, asked, found, warnings, broken_off, request)
        if found.outcomes:
            _write(results)
    return _end(results)


def _write(results: Results) -> None:
    from .fidelity_document import json_document
    from .output import emit

    request = results.request
    if request.trace is not None:
        hidden = secrets(request.endpoint, request.tools)
        write_runs(request.trace, results.found.outcomes, results.asked.prompts, hidden)
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
    return ended(exit_code(results), results.found.outcomes)


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
