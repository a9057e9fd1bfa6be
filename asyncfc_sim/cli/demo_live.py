"""The end of `asyncfc demo`: an agent on a real model, the project's own tiny one, in turn and with futures."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from asyncfc_sim.report.console import messages_console, results_console
from asyncfc_sim.report.evidence_text import certificate_line, saving_line
from asyncfc_sim.report.timeline_view import render_timelines

if TYPE_CHECKING:
    from asyncfc_sim.core.policy import Policy
    from asyncfc_sim.live.run import AgentRun

PROMPT: Final = "Tell Anna the weather in Oslo on Monday, then book room B12 on Friday for Ben as soon as Ben is free."
LATENCIES: Final = "office"
SCALE: Final = 0.6  # a demo is not to take as long as the web does
TOKENS_PER_SECOND: Final = 60.0  # what a large model gives one reader


class LiveFailed(OSError):
    """The model is there, and cannot be used: why."""


def run_live() -> bool:
    """Run the prompt under both policies, and show both. Returns whether they did the same; True, with the reason on
    stderr, where there is no model to run. Raises LiveFailed."""
    from asyncfc_sim.live.run import RunFailed

    console = results_console()
    try:
        from asyncfc_sim.serve.tiny import TinyServerFailed, serve_tiny
    except ImportError as error:
        return _left_out(error)
    try:
        with serve_tiny(process=True, tokens_per_second=TOKENS_PER_SECOND) as base_url:
            (in_turn, did_in_turn), (at_once, did_at_once) = [_run(base_url, policy) for policy in _policies()]
    except FileNotFoundError as error:
        return _left_out(error)
    except (TinyServerFailed, RunFailed) as error:
        raise LiveFailed(f"the live part: {error}") from error
    console.print("\nLive: a model of 0.9 million parameters (asyncfc serve tiny) calls real tools")
    console.print(f"user: {PROMPT}\n", soft_wrap=True)
    console.print(render_timelines([in_turn.trace, at_once.trace]))
    for run in (in_turn, at_once):
        console.print(f"\n{run.trace.header.policy} answers: {run.output}", soft_wrap=True)
        console.print(certificate_line(run.certificate), soft_wrap=True)
    console.print(saving_line(at_once.saved), soft_wrap=True)
    console.print(
        f"\nmeasured: {in_turn.elapsed_s:.2f} s in turn, {at_once.elapsed_s:.2f} s with futures, "
        f"{in_turn.elapsed_s / at_once.elapsed_s:.2f} times as fast; latencies of tools were injected (measured ones "
        f"times {SCALE:g}), and decoding slowed down to {TOKENS_PER_SECOND:g} tokens/s",
        soft_wrap=True,
    )
    same = in_turn.output == at_once.output and did_in_turn == did_at_once
    console.print("both gave the same answer and did the same" if same else "the two runs did not do the same")
    return same


def _left_out(why: Exception) -> bool:
    messages_console().print(f"the live part is left out: {why}", soft_wrap=True)
    return True


def _policies() -> tuple[Policy, Policy]:
    """In turn, and with futures: on touch, so that what the model sees does not depend on how busy the machine is."""
    from asyncfc_sim.core.policy import policy_named

    return policy_named("sync"), policy_named("asyncfc", grace_s=0.0, delivery="on_touch")


def _run(base_url: str, policy: Policy) -> tuple[AgentRun, object]:
    """A run in an office of its own, and what was done in it."""
    from asyncfc_sim.live.agent import Agent
    from asyncfc_sim.simulate.durations import load_durations
    from asyncfc_sim.studies.injection import injection
    from asyncfc_sim.workloads.office.office import Office, office_file
    from asyncfc_sim.workloads.office.tools import office_tools

    with TemporaryDirectory(prefix="asyncfc-demo-") as folder, Office(office_file(Path(folder))) as office:
        delays = injection(load_durations(LATENCIES), SCALE)
        agent = Agent(base_url=base_url, tools=office_tools(office), policy=policy, inject=delays, timeout_s=120)
        run = agent.run_sync(PROMPT)
        return run, (office.bookings(), office.messages())
