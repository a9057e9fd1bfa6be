"""Whatever a model says, whatever tools do, in whatever order things happen: a live run keeps to the rules.

Calls cancelled and timed out, tools that do not stop, people who refuse, errors that are tried again, streams cut off
in the middle, runs given up: every trace is a path of the explored graph, and nothing is left behind.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from asyncfc_sim.core.certificate import NotCertified
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.session_events import AskApproval
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.asking import Asker
from asyncfc_sim.live.driver import Driver, GaveUp
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart
from asyncfc_sim.live.recording import Recording
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.trace import Header, Run
from asyncfc_sim.verify.conformance import conforms
from tests.conversations import value_of
from tests.recorded import chooser, pick, random_policy
from tests.scripted import Said
from tests.toys import TOOLS

SECONDS = (0.0, 0.0, 0.5, 1.0, 1.0, 2.0, 5.0)  # many things happen at one time


@dataclass
class _Says:
    """Says what it is to, in pieces that come when they come."""

    left: list[Said]
    rng: np.random.Generator
    name: str = "says"
    endpoint: str = "memory"
    made: int = 0

    async def pause(self) -> None:
        """Now and then all of it has arrived already: then nothing else gets its turn."""
        if self.rng.integers(2):
            await asyncio.sleep(pick(self.rng, SECONDS))

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        said = self.left.pop(0) if self.left else Said((), "done")
        try:
            await self.pause()
            yield Began()
            for tool, args in said.calls:
                await self.pause()
                self.made += 1
                text = "{no JSON" if isinstance(args, ErrorValue) else json.dumps(args)
                yield CallPart(f"call_{self.made}", tool, text)
            yield TextPart(said.text or "")
            yield Ended("stop")
        finally:
            await asyncio.sleep(pick(self.rng, SECONDS))  # a connection that takes its time to close


@dataclass
class _Tool:
    """Takes its time, and may take more of it when it is asked to stop, or not stop at all."""

    core: Tool
    rng: np.random.Generator
    driver: Driver
    description: str = ""
    input_schema: Any = None

    def __post_init__(self) -> None:
        self.input_schema = {"type": "object", "properties": {}}

    async def run(self, args: Mapping[str, Any]) -> Value:
        under_way = self.driver._calls._tasks
        future = next(future for future, task in under_way.items() if task is asyncio.current_task())
        try:
            await asyncio.sleep(pick(self.rng, SECONDS))
        except asyncio.CancelledError:
            match pick(self.rng, ["stops", "cleans up", "goes on"]):
                case "stops":
                    raise
                case "cleans up":
                    await asyncio.sleep(pick(self.rng, SECONDS))
                    raise
                case _:
                    await asyncio.sleep(pick(self.rng, SECONDS))
        if pick(self.rng, [True, False, False, False, False]):
            raise LookupError("a tool that breaks its promise")
        return value_of(future)


async def converse(
    said: list[Said], policy: Policy, declared: dict[str, Tool], turns: int, until_s: float | None, seed: int
) -> tuple[Run, str]:
    rng = np.random.default_rng(seed)

    async def approve(question: AskApproval) -> bool:
        await asyncio.sleep(pick(rng, SECONDS))
        return bool(rng.integers(2))

    live: dict[str, Any] = {}
    asker = Asker(_Says(list(said), rng), live, policy)
    driver = Driver(live, policy, asker, Recording(Header(run="any", source="live")), approve)
    live |= {name: _Tool(tool, rng, driver) for name, tool in declared.items()}
    driver.session = Session(declared, policy, log=driver.recording.log)
    end = "answered"
    try:
        async with asyncio.timeout(until_s):
            for _ in range(turns):
                await driver.turn("go")
    except (GaveUp, TimeoutError) as ended:
        end = type(ended).__name__
    finally:
        await driver.close(patience_s=100)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return driver.recording.recorder.run(), end


def random_call(rng: np.random.Generator, made: int) -> tuple[str, Any]:
    def future() -> str:
        return f"$f{int(rng.integers(1, made + 2))}"

    path = pick(rng, ["a", "b", future()])
    calls: list[tuple[str, Any]] = [
        ("read", {"path": path}),
        ("write", {"path": path, "text": pick(rng, ["x", future()])}),
        ("write", {"path": "a", "text": "x"}),
        ("pure", {"x": future()}),
        (pick(rng, ["fail", "incr", "send", "ls", "nosuch"]), {}),
        ("pure", ErrorValue("invalid_argument", "no JSON")),
        ("await_future", {"ids": [future()], "timeout_s": pick(rng, [None, 1])}),
        ("cancel_future", {"ids": [future()]}),
    ]
    return calls[int(rng.integers(len(calls)))]


def random_conversation(rng: np.random.Generator) -> list[Said]:
    said = []
    made = 0
    for _ in range(int(rng.integers(1, 6))):
        calls = []
        for _ in range(int(rng.integers(1, 5))):
            calls.append(random_call(rng, made))
            made += calls[-1][0] not in ("await_future", "cancel_future")
        said.append(Said(calls))
    return said


def random_tools(rng: np.random.Generator) -> dict[str, Tool]:
    """The toy tools, some of which need approval, time out, or may be repeated."""

    def changed(tool: Tool) -> Tool:
        timeout_s = pick(rng, [None, 0.75, 1.0])
        approval, idempotent = bool(rng.integers(4) == 0), bool(rng.integers(2))
        return replace(tool, approval=approval, timeout_s=timeout_s, idempotent=idempotent)

    return {name: changed(tool) for name, tool in TOOLS.items()}


def test_any_conversation_keeps_to_the_rules() -> None:
    happened: Counter[str] = Counter()
    for seed in range(250):
        rng = np.random.default_rng(seed)
        policy = replace(random_policy(rng), retries=int(rng.integers(2)), max_requests=20)
        declared = random_tools(rng)
        until_s = pick(rng, [None, None, None, 3.0, 10.0])
        conversation = converse(random_conversation(rng), policy, declared, int(rng.integers(1, 3)), until_s, seed)
        run, end = virtual_clock.run(conversation, choose=chooser(rng))
        deviation = conforms(run, Session(declared, policy).scheduler, retries=policy.retries)
        assert deviation is None, f"seed {seed}, {policy}: {deviation}"
        assert not isinstance(certificate(run).verdict, NotCertified)
        happened.update(event.rule for event in run.events)
        happened[end] += 1
    rules = ("cancel", "timeout", "end", "cut", "deliver", "touch", "fail", "answered", "TimeoutError")
    assert min(happened[rule] for rule in rules) > 10, happened
