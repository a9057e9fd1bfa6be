"""The live driver on a virtual clock, with a model and tools that take the time that the simulator's take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from asyncfc_sim.core.events import Cut, Deliver, Resume
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.session_events import Request
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import Value
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.asking import Asker
from asyncfc_sim.live.driver import Driver, GaveUp
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart, Usage
from asyncfc_sim.live.recording import Recording
from asyncfc_sim.simulate.conversation import Conversation
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.replay import call_s
from asyncfc_sim.simulate.script import Dependence, Messages, NextMessage, ToolUse
from asyncfc_sim.simulate.writing import Writer
from asyncfc_sim.traces.trace import Header, Run
from asyncfc_sim.workloads.key_world import Accessed, History, SteppedWorld
from asyncfc_sim.workloads.workload import Task

MakeScheduler = Callable[..., Scheduler]


@dataclass
class Lived:
    """What came of a live run; all but `values` by the numbers of the session."""

    run: Run
    state: str
    values: Mapping[int, Value]  # by future in the task's programs
    session: Session
    conversation: Conversation
    gave_up: str | None


def live(
    task: Task,
    policy: Policy,
    models: Models,
    *,
    seed: int = 0,
    messages: Messages = "call",
    dependence: Dependence = "values",
    choose: virtual_clock.Choose | None = None,
    scheduler: MakeScheduler = Scheduler,
    stops: bool = False,
    until_s: float | None = None,
    act: Callable[[Driver], None] = lambda driver: None,
    interject: Callable[[Driver], ToolUse | None] = lambda driver: None,
) -> Lived:
    """One conversation. `act` is called at its beginning, and may have things happen later; `interject` may have the
    model write a message that is not in its script.
    """
    conversation = Conversation(task, policy, messages=messages, dependence=dependence)

    async def main() -> Lived:
        world = task.make_world()
        model = _Model(conversation, Writer(models, seed, task), lambda: interject(driver))
        recording = _Watched(Header(run=f"{task.name}/{policy.name}", source="live", policy=policy.name), model)
        seconds = partial(call_s, task, models, seed)
        tools = {
            name: _Tool(tool, world, seconds, lambda: driver, conversation, stops) for name, tool in task.tools.items()
        }
        asker = _Asker(model, tools, policy)
        asker.estimate_s = models.turn_overhead_s
        driver = Driver(tools, policy, asker, recording, _never)
        recording.driver = driver
        driver.session.scheduler = driver.session._attempts.scheduler = scheduler(
            driver.session.scheduler.tools,
            failure=policy.failure,
            max_running=policy.max_running,
            max_running_per_tool=policy.max_running_per_tool,
        )
        act(driver)
        gave_up = None
        try:
            async with asyncio.timeout(until_s):
                while (turn := conversation.next_turn(driver.session.numbered)) is not None:
                    await driver.turn(turn.prompt)
        except (GaveUp, TimeoutError) as reason:
            gave_up = repr(reason)
        finally:
            await driver.close(patience_s=1e6)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        values = conversation.by_origin(driver.session.values())
        return Lived(recording.recorder.run(), world.state(), values, driver.session, conversation, gave_up)

    return virtual_clock.run(main(), choose=choose)


async def _never(question: object) -> bool:
    raise AssertionError("no tool here wants approval")


class _Asker(Asker):
    """The simulator estimates what a request costs; a measured estimate would make another run of it. And its model
    writes references, bad ones and escaped ones, also where it was told of none."""

    estimate_s: float

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._references = True

    @property
    def turn_overhead_s(self) -> float:
        return self.estimate_s


class _Watched(Recording):
    """Lets the script see what the model is shown, and the server's cache what was rewritten."""

    driver: Driver

    def __init__(self, header: Header, model: _Model) -> None:
        super().__init__(header)
        self._model = model

    def log(self, entry: object) -> None:
        super().log(entry)
        session, conversation = self.driver.session, self._model.conversation
        match entry:
            case Request(_, cached):
                self._model.cached = cached
            case Resume(values):
                conversation.show(session.by_number(values))
            case Deliver(futures):
                conversation.show(session.by_number({f: session.scheduler.values[f] for f in futures}))
            case Cut():
                conversation.stop()


class _Model:
    """Writes what the script says, in the time that it takes."""

    name = "script"
    endpoint = "memory"

    def __init__(self, conversation: Conversation, writer: Writer, interject: Callable[[], ToolUse | None]) -> None:
        self.conversation, self._writer, self._interject = conversation, writer, interject
        self.cached = 0
        self._requests = 0

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self._requests += 1
        transcript = [dict(message) for message in messages if message["role"] != "system"]
        interjected = self._interject()
        message = NextMessage((interjected,)) if interjected is not None else self.conversation.next_message()
        writing = self._writer.time(message, transcript, self.cached)
        await _until(began_s + writing.first_token_s)
        yield Began()
        calls = zip(message.calls, writing.texts, writing.calls_s, strict=True)
        for place, (use, text, at_s) in enumerate(calls, 1):
            await _until(began_s + at_s)
            yield CallPart(f"call_{self._requests}_{place}", use.tool, text)
        await _until(began_s + writing.end_s)
        if not message.calls:
            yield TextPart("(answer)")
        yield Ended("stop", Usage(writing.prompt_tokens, writing.tokens))


@dataclass
class _Tool:
    """A tool of a world, in as many steps as it takes, with time between them."""

    core: Tool
    world: Any
    seconds: Callable[[int, str], float]
    driver: Callable[[], Driver]
    conversation: Conversation
    stops: bool  # when it is cancelled; the simulator's tools run on
    description: str = ""
    input_schema: Mapping[str, Any] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.input_schema = {"type": "object", "properties": {}}

    async def run(self, args: Mapping[str, Any]) -> Value:
        under_way = self.driver()._calls._tasks
        future = next(future for future, task in under_way.items() if task is asyncio.current_task())
        origin = self.conversation.origin(future)
        end_s = asyncio.get_running_loop().time() + self.seconds(origin, self.core.name)
        value = await self._act(origin, args, end_s)
        await self._until(end_s)
        return value

    async def _until(self, at_s: float) -> None:
        while True:
            try:
                return await _until(at_s)
            except asyncio.CancelledError:
                if self.stops:
                    raise

    async def _act(self, origin: int, args: Mapping[str, Any], end_s: float) -> Value:
        if not hasattr(self.world, "step"):
            return self.world.call(origin, self.core.name, args)
        world: SteppedWorld = self.world
        history: History = ()
        while True:
            now_s = asyncio.get_running_loop().time()
            await self._until((now_s + end_s) / 2)
            step = world.step(origin, self.core.name, args, history)
            if not isinstance(step, Accessed):
                return step.value
            history = (*history, step.answer)


async def _until(at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - asyncio.get_running_loop().time()))
