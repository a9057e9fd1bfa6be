"""Assignments of a set in a benchmark: each run has a world of its own, in a folder that is gone when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.workloads.task_set import Assignment

from .bench_prompts import Prompt


@dataclass(frozen=True, slots=True)
class Staged:
    """The assignments of a benchmark, by the places of its prompts."""

    assignments: Sequence[Assignment]

    @property
    def prompts(self) -> list[Prompt]:
        """What users say. What is right is for the assignments to judge."""
        return [Prompt(one.id, one.prompts[0], later=one.prompts[1:]) for one in self.assignments]

    async def prompt_tokens(self, agent: Agent) -> int | None:
        """Tokens of the prompt that the first assignment opens with (`Agent.prompt_tokens`)."""
        first = self.assignments[0]
        with TemporaryDirectory(prefix="asyncfc-stage-") as folder, first.stage(Path(folder)) as stage:
            return await agent.with_tools(stage.tools).prompt_tokens(first.prompts[0])

    async def converse(self, agent: Agent, prompt: int, name: str) -> tuple[AgentRun, bool | None]:
        """One conversation on a stage of its own, and what its judge says. Raises as `Agent.run` does."""
        assignment = self.assignments[prompt]
        with TemporaryDirectory(prefix="asyncfc-stage-") as folder, assignment.stage(Path(folder)) as stage:
            run = await agent.with_tools(stage.tools).run(*assignment.prompts, name=name)
            return run, await asyncio.to_thread(stage.judge, run.outputs)  # a judge may run tests
