"""The model of models/tiny-futures at work: what it gets right, and that futures cost it nothing that timing could.

Two claims, kept apart. That it does a task right is measured (the card has the figures of 200 tasks; here are a few).
That blind and async agree is a theorem about the executor: it holds task by task, right or wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.core.certificate import Certified
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.injected import Injection
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.serve.tiny import serve_tiny
from asyncfc_sim.studies.bench_arms import ARMS
from asyncfc_sim.workloads.task_set import Assignment, task_set

HELD_OUT = 2026  # the seed of evaluate.py; training draws from others
TASKS = task_set("office").assignments(12, HELD_OUT)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve_tiny() as url:
        yield url


def run(base_url: str, task: Assignment, policy: Policy, folder: Path, seed: int) -> tuple[AgentRun, bool]:
    """A run whose tools take some hundredths of a second, and whether it came out right."""
    rng = np.random.default_rng(seed)
    delays = Injection("some hundredths of a second", lambda *call: float(rng.exponential(0.03)))
    folder.mkdir(parents=True)
    with task.stage(folder) as stage:
        agent = Agent(base_url=base_url, tools=stage.tools, policy=policy, inject=delays)
        ended = asyncio.run(agent.run(*task.prompts))
        return ended, bool(stage.judge(ended.outputs))


# On touch, what the model sees does not depend on when tools end: so these figures are the same on a busy machine.
@pytest.mark.slow
@pytest.mark.parametrize("arm", ["sync", "async"])
def test_most_tasks_are_done_right(base_url: str, tmp_path: Path, arm: str) -> None:
    ended = [run(base_url, task, ARMS[arm], tmp_path / task.id, seed) for seed, task in enumerate(TASKS)]
    assert all(isinstance(of.certificate.verdict, Certified) for of, _ in ended)
    assert sum(right for _, right in ended) >= 10
    beside = sum(of.saved.saving_s > 0 for of, _ in ended)
    assert (beside > 0) == (arm == "async")


@pytest.mark.slow
def test_blind_and_async_say_the_same_in_every_task(base_url: str, tmp_path: Path) -> None:
    beside = 0
    for seed, task in enumerate(TASKS):
        blind, one = run(base_url, task, ARMS["blind"], tmp_path / f"blind-{task.id}", seed)
        at_once, other = run(base_url, task, ARMS["async"], tmp_path / f"async-{task.id}", seed + 100)
        assert said(blind.messages) == said(at_once.messages)
        assert blind.outputs == at_once.outputs
        assert one == other
        beside += at_once.saved.saving_s > 0
    assert beside > 0


def said(messages: Sequence[Mapping[str, Any]]) -> list[Any]:
    """A transcript without the names that a server gives to calls."""
    names: dict[str, int] = {}
    return [_renamed(message, names) for message in messages]


def _renamed(value: Any, names: dict[str, int]) -> Any:
    match value:
        case dict():
            return {
                key: names.setdefault(item, len(names)) if key in ("id", "tool_call_id") else _renamed(item, names)
                for key, item in value.items()
            }
        case list():
            return [_renamed(item, names) for item in value]
        case _:
            return value
