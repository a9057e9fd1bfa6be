"""What a live run leaves behind: the answer, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.traces.certificates import Certificate, certificate
from asyncfc_sim.traces.intervals import Split
from asyncfc_sim.traces.timeline import Timeline, timeline
from asyncfc_sim.traces.trace import Run

from .model import Usage


@dataclass(frozen=True)
class AgentRun:
    """A run of an agent, whole or ended early.

    `outputs` are the answers, one per message of the user. `messages` is the chat as the model saw it, without the
    system prompt. `trace` holds what was called and when (what was said only if the agent was told to keep it).
    `in_doubt` are calls that were given up and may have gone on acting after the run. `guards` counts what the model
    did that futures do not gain from (see `core.guards`); `notes` say what was odd about the server or the run.
    `tools` is what the scheduler knew of each.
    """

    outputs: tuple[str, ...]
    messages: Sequence[Mapping[str, Any]] = field(repr=False)
    trace: Run = field(repr=False)
    requests: int
    usage: Usage = field(default_factory=Usage)
    in_doubt: tuple[int, ...] = ()
    guards: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tools: Mapping[str, Tool] = field(default_factory=dict, repr=False)

    @property
    def output(self) -> str:
        """The last answer; empty if there is none."""
        return self.outputs[-1] if self.outputs else ""

    @property
    def elapsed_s(self) -> float:
        """From the first message of the user to the last event."""
        return self.trace.makespan_s

    @cached_property
    def timeline(self) -> Timeline:
        """Who did what when, as data; `asyncfc_sim.report` draws it."""
        return timeline(self.trace)

    @property
    def saved(self) -> Split:
        """How much longer the same decoding and the same calls would have taken end to end (App. B.2 of the paper).

        Not the difference to a synchronous run, which might have decoded less: `asyncfc bench` measures that.
        """
        return self.timeline.split

    @cached_property
    def certificate(self) -> Certificate:
        """Whether this run equals the one in which its calls ran one by one, given their footprints; one-sided."""
        return certificate(self.trace)


class RunFailed(Exception):
    """A run ended without an answer. Its text is the reason; `run` is what there is of it."""

    def __init__(self, reason: str, run: AgentRun) -> None:
        super().__init__(reason)
        self.run = run
