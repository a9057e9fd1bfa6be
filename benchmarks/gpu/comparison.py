"""Sync and asyncfc, live on the server: office tasks by a real Agent, one conversation at a time, the arms in turn.

Words are the model's own, where it was trained for these tasks. A model with random weights has nothing to say, so what
an expert says is its script: each token is decoded by the engine, and only which token it is was decided before (see
launcher). Either way latencies are measured; with a script nothing is said about how well a model works with futures.

Tools take a time that is injected: exponential, the same for the same call of a task under both policies.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

import numpy as np

from asyncfc_sim.core.certificate import Certified
from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.live.agent import LIVE_GUARDS, Agent
from asyncfc_sim.live.injected import Injection
from asyncfc_sim.live.model import Part
from asyncfc_sim.live.openai_chat import OpenAIChat
from asyncfc_sim.live.run import AgentRun, RunFailed
from asyncfc_sim.simulate.durations import uniform
from asyncfc_sim.workloads.office.expert import Calls, Expert
from asyncfc_sim.workloads.office.judge import expected, outcome
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task
from asyncfc_sim.workloads.office.tools import office_tools

from .serving import Served

ARMS: Final = ("sync", "asyncfc")
Words = Literal["its own", "scripted"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One task under one policy. `right`: the office and the answers are as they should be."""

    arm: str
    elapsed_s: float
    requests: int
    completed: bool
    certified: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """All conversations, task by task. `tool_s` is the mean of the injected times."""

    words: Words
    tool_s: float
    conversations: tuple[tuple[Conversation, ...], ...]

    def of(self, arm: str) -> list[Conversation]:
        return [one for task in self.conversations for one in task if one.arm == arm]

    @property
    def speedups(self) -> list[float]:
        """sync over asyncfc, of each task that both completed."""
        pairs = ({one.arm: one for one in task} for task in self.conversations)
        return [
            pair["sync"].elapsed_s / pair["asyncfc"].elapsed_s
            for pair in pairs
            if all(one.completed for one in pair.values())
        ]

    def to_json(self) -> dict[str, Any]:
        arms = {
            arm: {
                "elapsed_s": [one.elapsed_s for one in self.of(arm)],
                "requests": sum(one.requests for one in self.of(arm)),
                "completed": sum(one.completed for one in self.of(arm)),
                "certified": sum(one.certified for one in self.of(arm)),
                "right": sum(one.right for one in self.of(arm)),
            }
            for arm in ARMS
        }
        speedup = median(self.speedups) if self.speedups else None
        return {"words": self.words, "tool_s_injected": self.tool_s, "arms": arms, "median_speedup": speedup}


class ScriptedModel(OpenAIChat):
    """A served model that says what an expert would."""

    def __init__(self, served: Served, expert: Expert) -> None:
        super().__init__(served.model, base_url=served.base_url)
        self._expert = expert

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        self._extra_body = {"scripted": written(self._expert.next_message(messages))}
        async with aclosing(super().stream(messages, tools)) as parts:
            async for part in parts:
                yield part


def written(message: Calls | str) -> str:
    """A message as the model writes it."""
    if isinstance(message, str):
        return message
    return "\n".join(
        f'<tool_call>\n{{"name": "{tool}", "arguments": {arguments(args)}}}\n</tool_call>'
        for tool, args in message.calls
    )


def some_tasks(count: int, seed: int) -> list[OfficeTask]:
    rng = np.random.default_rng(seed)
    return [random_task(rng, turns=1) for _ in range(count)]


async def compare(served: Served, words: Words, *, tasks: int, tool_s: float, seed: int = 0) -> Comparison:
    """Each task under both policies, which of them goes first taking turns; before them a task that does not count."""
    found = []
    for number, task in enumerate([*some_tasks(1, seed + 1), *some_tasks(tasks, seed)]):
        order = ARMS if number % 2 else ARMS[::-1]
        found.append(tuple([await _converse(served, words, task, arm, tool_s) for arm in order]))
    return Comparison(words, tool_s, tuple(found[1:]))


async def _converse(served: Served, words: Words, task: OfficeTask, arm: str, tool_s: float) -> Conversation:
    policy = policy_named(arm, **LIVE_GUARDS)
    own = words == "its own"
    with Office() as office:
        own_words = OpenAIChat(served.model, base_url=served.base_url)
        model = own_words if own else ScriptedModel(served, Expert(task, policy.references))
        agent = Agent(model, office_tools(office), policy=policy, inject=_injection(tool_s))
        completed, run = True, None
        try:
            run = await agent.run(*task.prompts)
        except RunFailed as failed:
            if not own:  # an expert does not fail
                raise
            completed, run = False, failed.run
        right = completed and outcome(run.outputs, office) == expected(task)[0]
    return _conversation(arm, run, completed=completed, right=right)


def _conversation(arm: str, run: AgentRun, *, completed: bool, right: bool) -> Conversation:
    certified = isinstance(run.certificate.verdict, Certified)
    return Conversation(arm, run.elapsed_s, run.requests, completed, certified, right)


def _injection(mean_s: float) -> Injection:
    """Exponential; the same for the same call of a conversation, whatever its policy."""

    def seconds(case: str, tool: str, args: str, nth: int) -> float:
        return float(-mean_s * np.log1p(-uniform(0, f"{case} {tool} {args}", nth)))

    return Injection(f"exponential, {mean_s:g} s on average", seconds)
