"""The expert of the office as a served model whose times are exact: so much to the first token, so much a token.

It knows the assignments by their first prompt, and writes token by token (a token is `chars_per_token` characters of
what it writes), so that it can be fitted, and predicted to the last digit on a virtual clock.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asyncfc_sim.core.messages import AWAIT, arguments
from asyncfc_sim.live.model import Began, CallPart, Ended, ModelError, Part, TextPart, Usage
from asyncfc_sim.workloads.office.assignments import assignment
from asyncfc_sim.workloads.office.expert import Calls, Expert
from asyncfc_sim.workloads.office.judge import expected, outcome
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task
from asyncfc_sim.workloads.office.tools import office_tools
from asyncfc_sim.workloads.task_set import Assignment, Stage

CHARS_PER_TOKEN = 4


def office_tasks(n: int, seed: int = 0) -> list[OfficeTask]:
    """The tasks behind `task_set("office").assignments(n, seed)`."""
    rng = np.random.default_rng(seed)
    return [random_task(rng) for _ in range(n)]


def office_assignments(n: int, seed: int = 0) -> list[Assignment]:
    return [assignment(f"office-{seed}-{number}", task) for number, task in enumerate(office_tasks(n, seed), 1)]


@dataclass
class OfficeModel:
    """`slow_s(request)` is added to the time to the first token: noise, if any; a token takes `slower(request)` times
    as long as it should. Without a `prefix_cache` it reads each prompt from its beginning, and counts no cached tokens.
    If it `shows_late`, nothing is seen of a message with calls before the first of these is complete.
    After `dies_after` requests nothing answers any more."""

    tasks: Sequence[OfficeTask]
    ttft_s: float = 0.05
    prefill_s: float = 0.0002  # per prompt token that was not there before
    itl_s: float = 0.01
    slow_s: Callable[[int], float] = lambda request: 0.0
    slower: Callable[[int], float] = lambda request: 1.0
    prefix_cache: bool = True
    shows_late: bool = False
    dies_after: int | None = None
    name: str = "expert"
    endpoint: str = "memory"
    requests: int = 0
    _experts: dict[str, Expert] = field(default_factory=dict)
    _prompts: dict[str, int] = field(default_factory=dict)  # tokens of the last prompt of a conversation

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        self.requests += 1
        if self.dies_after is not None and self.requests > self.dies_after:
            raise ModelError("nothing answers at memory", unreachable=True)
        first = next(message["content"] for message in messages if message["role"] == "user")
        if not any(message["role"] == "assistant" for message in messages):
            task = next(task for task in self.tasks if task.prompts[0] == first)
            references = any(tool["function"]["name"] == AWAIT for tool in tools)
            self._experts[first], self._prompts[first] = Expert(task, references), 0
        prompt = tokens(json.dumps([messages, tools]))
        cached = min(self._prompts[first], prompt) if self.prefix_cache else 0
        self._prompts[first] = prompt
        message = self._experts[first].next_message(messages)
        await asyncio.sleep(self.ttft_s + self.prefill_s * (prompt - cached) + self.slow_s(self.requests))
        late = self.shows_late and isinstance(message, Calls)
        if not late:
            yield Began()
        written, itl_s = 0, self.itl_s * self.slower(self.requests)
        if isinstance(message, Calls):
            for number, (tool, args) in enumerate(message.calls):
                size = tokens(tool + arguments(args))
                written += size
                await asyncio.sleep(itl_s * size)
                if late and number == 0:
                    yield Began()
                yield CallPart(f"call_{self.requests}_{number}", tool, arguments(args))
        else:
            written = tokens(message)
            await asyncio.sleep(itl_s * written)
            yield TextPart(message)
        yield Ended("stop", Usage(prompt, written, cached if self.prefix_cache else None))


def tokens(text: str) -> int:
    return -(-len(text) // CHARS_PER_TOKEN)


def in_memory(tasks: Sequence[OfficeTask]) -> list[Assignment]:
    """The tasks, each run in an office that no disk is asked for: a busy one would take seconds of each test."""

    @contextmanager
    def stage(task: OfficeTask, folder: Path) -> Iterator[Stage]:
        with Office() as office:
            yield Stage(office_tools(office), lambda answers: outcome(tuple(answers), office) == expected(task)[0])

    return [Assignment(f"t{number}", task.prompts, partial(stage, task)) for number, task in enumerate(tasks)]
