"""Dialogues to learn from: the expert's, as the live executor holds them.

Each is a run of a real Agent under a policy, on a virtual clock, with tools that take a random time. So what the model
learns from is to the letter what it will be shown.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import LIVE_GUARDS, Agent
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.workloads.office.expert import Calls, Expert
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask
from asyncfc_sim.workloads.office.tools import office_tools

Messages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said (`messages`), and the tools that the model was told of."""

    messages: Messages
    tools: list[dict[str, Any]]


@dataclass
class ExpertModel:
    """The expert as a served model, which takes some time per call that it writes."""

    expert: Expert
    rng: np.random.Generator
    name: str = "expert"
    endpoint: str = "memory"
    tools: list[dict[str, Any]] = field(default_factory=list)
    said: int = 0

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        self.tools = list(map(dict, tools))
        yield Began()
        message = self.expert.next_message(messages)
        await asyncio.sleep(self.rng.exponential(0.3))
        if isinstance(message, Calls):
            for tool, args in message.calls:
                await asyncio.sleep(self.rng.exponential(0.3))
                self.said += 1
                yield CallPart(f"call_{self.said}", tool, arguments(args))
        else:
            yield TextPart(message)
        yield Ended("stop")


def random_policy(rng: np.random.Generator) -> Policy:
    """One of the policies under which the model is to work: in turn (two in five), or with futures."""
    if rng.random() < 0.4:
        return policy_named("sync_parallel" if rng.random() < 0.5 else "sync")
    if rng.random() < 0.15:
        return policy_named("blind", **LIVE_GUARDS)
    delivery = ("on_touch", "when_idle", "when_idle", "rewrite")[int(rng.integers(4))]
    grace_s = (0.0, 0.0, "auto")[int(rng.integers(3))]
    return policy_named("asyncfc", grace_s=grace_s, delivery=delivery, **LIVE_GUARDS)


def dialogue(task: OfficeTask, policy: Policy, rng: np.random.Generator) -> Dialogue:
    """The expert's dialogue about `task` under `policy`."""
    model = ExpertModel(Expert(task, policy.references), rng)
    with Office() as office:
        tools = [_slow(function, rng) for function in office_tools(office)]
        run: AgentRun = virtual_clock.run(Agent(model, tools, policy=policy, instructions=None).run(*task.prompts))
    return Dialogue([dict(message) for message in run.messages], model.tools)


def _slow(function: Callable[..., Any], rng: np.random.Generator) -> Callable[..., Any]:
    """The function, taking a random time: some are over at once, some only after the next message."""

    @functools.wraps(function)
    async def slow(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(rng.lognormal(-1.5, 1.6))
        return function(*args, **named)

    return slow
