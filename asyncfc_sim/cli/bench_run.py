"""What `asyncfc bench` does: all runs, whatever becomes of them; then what there is of them is written and shown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from . import bench_request as options
from .agent_options import given_tools, secrets
from .bench_agents import agents_of, fresh_of, warnings_of
from .bench_outcomes import ended, interrupted, write_runs
from .bench_request import BenchRequest
from .errors import ExitCode
from .run_agent import with_timeout
from .signals import sigterm_interrupts
from .task_options import staged

if TYPE_CHECKING:
    from asyncfc_sim.core.tool import Tool

    from .bench_document import Results

    Override = Callable[[Tool], Tool]


def run_bench(request: BenchRequest) -> ExitCode:
    """One benchmark from its beginning to its end. Returns the exit code; raises what bad input raises."""
    sigterm_interrupts()  # until the runs themselves listen: much is imported before
    from asyncfc_sim.report.console import progress
    from asyncfc_sim.studies.bench import Found, conduct

    from .bench_document import Results

    name = f"bench-{uuid4().hex[:12]}"
    result = options.result_file(request, name)
    options.check_files(request, result)
    wanted, shown = options.wanted(request), options.metrics("--percentile-metrics", request.percentile_metrics)
    metadata, policies = options.metadata(request), options.policies(request)
    stages = staged(request.tasks, request.prompts, request.tools, request.num_prompts, request.seed)
    plan = options.plan(request, tuple(policies), stages)
    tools = given_tools(request.tools, trust_hints=request.trust_hints)
    override = with_timeout(request.call_timeout_s)
    agents = agents_of(request, policies, tools, override)
    warnings = warnings_of(plan, tools, override)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    found, broken_off = Found(), False
    converse = None if stages is None else stages.converse
    quiet = request.quiet or request.as_json
    try:
        # What tools print is no part of the results.
        with progress("conversations", plan.size, quiet=quiet) as advance, redirect_stdout(sys.stderr):
            work = conduct(plan, agents, found, name=name, fresh=fresh_of(tools), advance=advance, converse=converse)
            broken_off = asyncio.run(interrupted(work))
    finally:
        results = Results(name, plan, policies, found, wanted, shown, metadata, warnings, broken_off, request)
        if found.outcomes or broken_off:  # also if a fault ended it: what was measured is not lost
            _write(results, result)
    return _end(results)


def _end(results: Results) -> ExitCode:
    from .bench_view import show

    request = results.request
    if request.as_json:
        from .bench_document import json_document
        from .output import emit

        emit(json_document(results))
    else:
        show(results)
    return ended(exit_code(results), results.found.outcomes)


def exit_code(results: Results) -> ExitCode:
    """What the runs come to."""
    outcomes = results.found.outcomes
    failed = sum(not outcome.completed for outcome in outcomes)
    limit = results.request.fail_on_error_rate
    if results.interrupted:
        return ExitCode.INTERRUPTED
    if results.found.stopped is not None:
        return ExitCode.MISSING
    if failed == len(outcomes):
        return ExitCode.PARTIAL
    if limit is not None and failed > limit * len(outcomes):
        return ExitCode.FAILED
    return ExitCode.PARTIAL if failed else ExitCode.OK


def _write(results: Results, result: Path | None) -> None:
    """The results and the trace, if they were asked for. Each holds the name of the run."""
    from .bench_document import json_document
    from .output import emit

    request = results.request
    if result is not None:
        emit(json_document(results, runs=True), str(result))
    if request.trace is not None:
        hidden = secrets(request.endpoint, request.tools)
        write_runs(request.trace, results.found.outcomes, results.plan.prompts, hidden)
