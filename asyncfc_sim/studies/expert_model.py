"""The expert of the office as a model, and its runs: real ones of a real Agent, on a virtual clock.

A model learns from their transcripts, which are to the letter what it will be shown; the executor is tried on them
without the moods of a model.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.workloads.office.expert import Calls, Expert
from asyncfc_sim.workloads.office.judge import Outcome, outcome
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask
from asyncfc_sim.workloads.office.tools import office_tools


@dataclass(frozen=True, slots=True)
class ExpertRun:
    """A run, the tools that the model was told of, and how the office's conversation ended."""

    run: AgentRun
    tools: list[dict[str, Any]]
    outcome: Outcome


@dataclass
class ExpertModel:
    """The expert as a served model, which takes a random time per call that it writes, `call_s` seconds on average."""

    expert: Expert
    rng: np.random.Generator
    call_s: float = 0.3
    name: str = "expert"
    endpoint: str = "memory"
    tools: list[dict[str, Any]] = field(default_factory=list)
    said: int = 0

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        self.tools = list(map(dict, tools))
        message = self.expert.next_message(messages)
        await asyncio.sleep(self.rng.exponential(self.call_s))
        yield Began()  # only now: were its first token there at once, the grace `auto` would be none
        if isinstance(message, Calls):
            if message.text:
                yield TextPart(message.text)
            for tool, args in message.calls:
                await asyncio.sleep(self.rng.exponential(self.call_s))
                self.said += 1
                yield CallPart(f"call_{self.said}", tool, arguments(args))
        else:
            yield TextPart(message)
        yield Ended("stop")


def expert_run(task: OfficeTask, policy: Policy, rng: np.random.Generator) -> ExpertRun:
    """The expert does `task` under `policy`, on a virtual clock; tools take random times: some calls are over at once,
    some only after the next message."""
    model = ExpertModel(Expert(task, policy.references), rng)
    with Office() as office:
        tools = [slow(function, lambda: rng.lognormal(-1.5, 1.6)) for function in office_tools(office)]
        run = virtual_clock.run(Agent(model, tools, policy=policy).run(*task.prompts))
        return ExpertRun(run, model.tools, outcome(run.outputs, office))


def slow(function: Callable[..., Any], seconds: Callable[[], float]) -> Callable[..., Any]:
    """The tool, each call of which first waits for as long as `seconds` says then."""

    @functools.wraps(function)
    async def slowed(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(seconds())
        return function(*args, **named)

    return slowed
