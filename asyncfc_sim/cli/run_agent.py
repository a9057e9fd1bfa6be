"""What `asyncfc run` does: an agent, one run, whatever way it ends; then what there is of it is written and shown."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .agent_options import AgentRequest, BadOption, check_writable, given_tools, live_policies, secrets
from .approval import approval
from .errors import ExitCode
from .run_resume import kept, resumed
from .signals import signals_cancel, sigterm_interrupts

if TYPE_CHECKING:
    from asyncfc_sim.core.tool import Tool
    from asyncfc_sim.live.agent import Agent
    from asyncfc_sim.live.resume import Doubtful
    from asyncfc_sim.live.run import AgentRun

TRACES = (".jsonl", ".perfetto.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest(AgentRequest):
    """The options of `asyncfc run` (see the help texts in run.py)."""

    prompts: Sequence[str]
    journal: Path | None
    resume: Path | None
    decide: Sequence[str]
    texts: bool
    require_certified: bool


@dataclass(slots=True)
class Ending:
    """How a run ended: what there is of it, and why there is no answer, if there is none."""

    run: AgentRun | None = None
    reason: str | None = None
    code: ExitCode = ExitCode.OK
    undecided: Sequence[Doubtful] = ()


def run_agent(request: RunRequest) -> ExitCode:
    """One run from its beginning to its end. Returns the exit code; raises what bad input raises."""
    from asyncfc_sim.traces.redact import redacted

    from .run_view import show_run, show_undecided

    sigterm_interrupts()  # until the run itself listens: much is imported before
    streamed: list[str] = []
    _check_files(request)
    if request.resume is not None:
        request = resumed(request)
    ending = asyncio.run(_ended(_agent(request, streamed), request))
    run = ending.run
    if run is None:
        print(f"Error: {ending.reason}", file=sys.stderr)
        if request.as_json:
            show_undecided(ending.undecided, ending.reason)
        return ending.code
    run = replace(run, trace=redacted(run.trace, secrets(request.endpoint, request.tools)))
    try:
        if request.trace is not None:
            _write(request.trace, run)
    finally:  # a disk that is full takes the trace, and not the answer too
        show_run(run, ending.reason, as_json=request.as_json, quiet=request.quiet, streamed="".join(streamed))
    if ending.code is ExitCode.OK and run.in_doubt:
        ending.code = ExitCode.PARTIAL
    if ending.code is ExitCode.OK and request.require_certified and not run.certificate.certified:
        ending.code = ExitCode.FAILED
    if run.in_doubt:
        leave(ending.code)
    return ending.code


def _check_files(request: RunRequest) -> None:
    """What cannot be written, or belongs to a run that is resumed, is found before the run. Raises BadOption."""
    if request.decide and request.resume is None:
        raise BadOption("--decide goes with --resume FILE: it is about calls of a run that broke off")
    if request.trace is not None and not request.trace.name.removesuffix(".gz").endswith(TRACES):
        raise BadOption(
            f"--trace {request.trace}: expected a name ending in .jsonl, .perfetto.json, or either with .gz"
        )
    check_writable("--trace", request.trace)
    check_writable("--journal", request.journal)


async def _ended(agent: Agent, request: RunRequest) -> Ending:
    """Run, and say how it ended; Ctrl-C and SIGTERM end it in an orderly way."""
    from asyncfc_sim.live.model import ModelError
    from asyncfc_sim.live.resume import InDoubt
    from asyncfc_sim.live.run import RunFailed
    from asyncfc_sim.traces.journal_writer import JournalError

    ending = Ending()

    def ended(run: AgentRun) -> None:
        ending.run = run

    running = asyncio.ensure_future(_running(agent, request, ended))
    signals_cancel(running)
    try:
        await running
    except asyncio.CancelledError:
        ending.reason, ending.code = "interrupted", ExitCode.INTERRUPTED
    except InDoubt as doubt:
        ending.reason = f"{doubt}\nsuch as --decide f{doubt.calls[0].future}=failed"
        ending.code, ending.undecided = ExitCode.PARTIAL, doubt.calls
    except RunFailed as failed:
        cause = failed.__cause__
        ending.reason = str(failed)
        gone = isinstance(cause, JournalError) or (isinstance(cause, ModelError) and cause.unreachable)
        ending.code = ExitCode.MISSING if gone else ExitCode.PARTIAL
    except JournalError as error:  # it could not be written to its end
        ending.reason, ending.code = str(error), ExitCode.MISSING
    return ending


async def _running(agent: Agent, request: RunRequest, ended: Callable[[AgentRun], None]) -> AgentRun:
    """The run itself, kept in a journal if there is to be one, or resumed from it."""
    from asyncfc_sim.live.journal import open_journal
    from asyncfc_sim.live.resume import decision

    hidden = secrets(request.endpoint, request.tools)
    if request.resume is not None:
        decisions = dict(map(decision, request.decide))
        return await agent.resume(request.resume, decisions, secrets=hidden, ended=ended)
    prompts = _prompts(request)
    if request.journal is None:
        return await agent.run(*prompts, ended=ended)
    with open_journal(request.journal, secrets=hidden, extra=kept(request)) as journal:
        return await agent.run(*prompts, journal=journal, ended=ended)


def _agent(request: RunRequest, streamed: list[str]) -> Agent:
    from asyncfc_sim.live.agent import Agent

    if request.policy not in live_policies():
        raise BadOption(f"--policy {request.policy!r}: expected one of {', '.join(live_policies())}")
    shown = not (request.as_json or request.quiet) and sys.stdout is not None and sys.stdout.isatty()
    return Agent(
        request.endpoint.chat(),
        given_tools(request.tools, trust_hints=request.trust_hints),
        policy=request.policy,
        approve=approval(request.approve),
        on_text=_streaming(streamed) if shown else _unseen,
        timeout_s=request.timeout_s,
        instructions=request.system,
        texts=request.texts,
        override=with_timeout(request.call_timeout_s),
        inject=request.inject.injection(),
        **request.options.changes(request.policy),
    )


def _prompts(request: RunRequest) -> Sequence[str]:
    """The messages of the user. Raises BadOption if there is none."""
    if not request.prompts:
        raise BadOption('nothing to ask: expected a prompt, such as asyncfc run "Compare Berlin and Paris" ...')
    return [sys.stdin.read() if prompt == "-" else prompt for prompt in request.prompts]


def with_timeout(timeout_s: float | None) -> Callable[[Tool], Tool]:
    """What asyncfc.toml says of a tool comes first; then `--call-timeout`, for a tool of which no time-out is said."""
    from .config import current

    overrides = current().overrides

    def override(tool: Tool) -> Tool:
        tool = overrides(tool)
        return replace(tool, timeout_s=timeout_s) if tool.timeout_s is None and timeout_s is not None else tool

    return override


def _streaming(streamed: list[str]) -> Callable[[str], None]:
    def show(text: str) -> None:
        streamed.append(text)
        print(text, end="", flush=True)

    return show


def _unseen(text: str) -> None:
    pass


def _write(path: Path, run: AgentRun) -> None:
    """The trace, by the ending of its file."""
    if path.name.removesuffix(".gz").endswith(".perfetto.json"):
        from asyncfc_sim.traces.perfetto import write_perfetto

        write_perfetto(path, [run.trace])
    else:
        from asyncfc_sim.traces.trace import write_trace

        write_trace(path, [run.trace])


def leave(code: ExitCode) -> None:
    """A call goes on acting in a thread that nobody can stop, and the interpreter would wait for it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
