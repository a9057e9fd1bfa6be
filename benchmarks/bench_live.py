"""What the live executor costs beside bare asyncio: a fan-out of N no-op tools, and a chain of them.

Each row is process CPU time, as a ratio to its anchor of the same round; rounds are interleaved, and the median of the
per-round ratios counts. The anchor of the fan-out is asyncio.gather of the same coroutines, that of the chain is as
many asyncio tasks, each of which awaits the one before. Ours are measured from the first call being complete in the
model's message to the request that carries all results; what a session is made of is made before.

The first rows take the executor apart: the scheduler alone, the session around it, the driver with real tasks, the
trace. The time of the journal's thread counts. Other executors of tool calls are measured in an environment of their
own, if benchmarks/peers.sh has made it, against a gather of theirs.

    python benchmarks/bench_live.py [--calls 100] [--rounds 11] [--repeats 5] [--profile ROW]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import platform
import pstats
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from asyncfc_sim.core.events import Finish, Issue, Start
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.policy import ASYNCFC, Policy
from asyncfc_sim.core.references import Ref, template_to_json
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.session_events import AskApproval, CallClosed, MessageEnd, UserMessage
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.live.asking import Asked, Asker, Written
from asyncfc_sim.live.driver import Driver
from asyncfc_sim.live.functions import LiveFunction
from asyncfc_sim.live.journal import Journal, no_journal, open_journal
from asyncfc_sim.live.live_tool import LiveTool
from asyncfc_sim.live.model import CallPart, Ended, Part, TextPart
from asyncfc_sim.live.recording import Recording
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.traces.trace import Header

# Seconds of CPU time that one fan-out, or one chain, took.
Measure = Callable[[], Awaitable[float]]
# The calls that a message carries.
MakeCalls = Callable[[], Sequence[CallClosed]]

NO_OP = Tool("no_op", Declaration(writes=["k:{key}"]))
UNCAPPED = replace(ASYNCFC, max_running=1_000_000, max_running_per_tool=1_000_000, duplicates="run")


async def no_op(key: str, after: JSON = None) -> int:
    return 1


@tool(writes=["k:{key}"], timeout_s=30.0)
async def checked(key: str, after: int = 0) -> int:
    return 1


@dataclass(frozen=True)
class Bare:
    """A tool that is its coroutine and nothing else: no validation, no time-out."""

    core: Tool = NO_OP
    description: str = "does nothing"
    input_schema: Mapping[str, Any] = field(default_factory=dict)

    async def run(self, args: Mapping[str, JSON]) -> Value:
        return await no_op(**args)


_never_seen = count()  # keys are new in every run, as in life: what is cached by key helps nobody here


def fan_out(calls: int) -> list[CallClosed]:
    return [closed(number, {"key": f"k{next(_never_seen)}"}) for number in range(1, calls + 1)]


def chain(calls: int) -> list[CallClosed]:
    return [
        closed(number, {"key": f"k{next(_never_seen)}", "after": Ref(number - 1) if number > 1 else 0})
        for number in range(1, calls + 1)
    ]


def closed(number: int, args: Mapping[str, Any]) -> CallClosed:
    return CallClosed(f"c{number}", "no_op", args, json.dumps(template_to_json(dict(args))))


class Stopwatch:
    """A model in memory that makes all its calls at once, and then answers. Measures in between."""

    name, endpoint = "memory", "memory"

    def __init__(self, calls: Sequence[CallClosed]) -> None:
        self._calls, self._began = calls, 0.0
        self.spent_s = 0.0

    async def stream(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any]) -> AsyncGenerator[Part, None]:
        if self.due():
            for call in self._calls:
                yield CallPart(call.tool_call_id, call.tool, call.text)
        else:
            yield TextPart("done")
        yield Ended("stop")

    def due(self) -> bool:
        """Whether the calls are still to be made."""
        if not self._began:
            self._began = time.process_time()
            return True
        self.spent_s = time.process_time() - self._began
        return False


class Parsed(Asker):
    """An asker whose model's calls are parsed already: what is left is the executor."""

    def __init__(self, model: Stopwatch, calls: Sequence[CallClosed], *args: Any) -> None:
        super().__init__(model, *args)
        self._stopwatch, self._calls = model, calls

    async def ask(self, transcript: Sequence[Mapping[str, Any]]) -> AsyncGenerator[Asked, None]:
        if self._stopwatch.due():
            for call in self._calls:
                yield call
            yield Written()
        else:
            yield Written("done")


class Untraced(Recording):
    def log(self, entry: object) -> None:
        pass


def through_driver(
    make: MakeCalls,
    live: LiveTool,
    policy: Policy,
    *,
    parsed: bool = True,
    recording: type[Recording] = Recording,
    journal: Journal = no_journal,
) -> Measure:
    header = Header(run="bench", source="live", clock="wall")

    async def measure() -> float:
        calls = make()
        model, tools = Stopwatch(calls), {"no_op": live}
        asker = Parsed(model, calls, tools, policy) if parsed else Asker(model, tools, policy)
        journal.begin(header, {})
        driver = Driver(tools, policy, asker, recording(header, journal), refuse)
        assert await driver.turn("go") == "done"
        assert list(driver.session.values().values()) == [1] * len(calls)
        await driver.close()
        return model.spent_s

    return measure


async def refuse(question: AskApproval) -> bool:
    return False


def through_session(make: MakeCalls) -> Measure:
    async def measure() -> float:
        calls = make()
        session = Session({"no_op": Bare().core}, UNCAPPED)
        session.feed(UserMessage("go"))
        began = time.process_time()
        started = [action.future for call in calls for action in session.feed(call) if isinstance(action, Start)]
        session.feed(MessageEnd())
        for future in started:
            session.feed(Finish(future, 1))
        return time.process_time() - began

    return measure


def through_scheduler(make: MakeCalls) -> Measure:
    async def measure() -> float:
        calls = make()
        scheduler = Scheduler({"no_op": Bare().core}, max_running=1_000_000, max_running_per_tool=1_000_000)
        issues = [Issue(Call(number, call.tool, call.args)) for number, call in enumerate(calls, 1)]  # type: ignore[arg-type]
        began = time.process_time()
        started = [action.future for issue in issues for action in scheduler.feed(issue) if isinstance(action, Start)]
        for future in started:
            scheduler.feed(Finish(future, 1))
        return time.process_time() - began

    return measure


def gathered(calls: int) -> Measure:
    async def measure() -> float:
        began = time.process_time()
        await asyncio.gather(*[no_op(f"k{number}") for number in range(calls)])
        return time.process_time() - began

    return measure


def chained(calls: int) -> Measure:
    async def hop(key: str, before: asyncio.Task[int] | None) -> int:
        return await no_op(key, await before if before is not None else 0)

    async def measure() -> float:
        began = time.process_time()
        task: asyncio.Task[int] | None = None
        for number in range(calls):
            task = asyncio.create_task(hop(f"k{number}", task))
        assert task is not None
        await task
        return time.process_time() - began

    return measure


@dataclass(frozen=True)
class Row:
    name: str
    measure: Measure
    anchor: str
    goal: float | None = None


def rows(calls: int, journal: Journal) -> list[Row]:
    wide, long, bare = partial(fan_out, calls), partial(chain, calls), Bare()
    made = function_tool(checked, "no_op")
    full = LiveFunction(made, ThreadPoolExecutor(1))
    return [
        Row("asyncio.gather", gathered(calls), "asyncio.gather"),
        Row("  scheduler alone", through_scheduler(wide), "asyncio.gather"),
        Row("  session, no tasks", through_session(wide), "asyncio.gather"),
        Row("  driver, no trace", through_driver(wide, bare, UNCAPPED, recording=Untraced), "asyncio.gather"),
        Row("fan-out, trace on", through_driver(wide, bare, UNCAPPED), "asyncio.gather", 1.6),
        Row("  and timeouts, caps, validation", through_driver(wide, full, ASYNCFC), "asyncio.gather", 3.0),
        Row("  and read from a model's text", through_driver(wide, full, ASYNCFC, parsed=False), "asyncio.gather"),
        Row("  and the journal", through_driver(wide, full, ASYNCFC, parsed=False, journal=journal), "asyncio.gather"),
        Row("chain of asyncio tasks", chained(calls), "chain of asyncio tasks"),
        Row("chain, trace on", through_driver(long, bare, UNCAPPED), "chain of asyncio tasks", 2.5),
    ]


async def measured(rows: Sequence[Row], rounds: int, repeats: int) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {row.name: [] for row in rows}
    gc.collect()
    gc.freeze()  # what was imported is no matter of any run
    for number in range(rounds + 1):
        for row in rows:
            seconds = []
            for _ in range(repeats):
                gc.collect()  # the run before is not cleared away at the cost of this one
                seconds.append(await row.measure())
            if number:  # the first round warms up
                spent[row.name].append(median(seconds))
    return spent


def peers(calls: int, rounds: int) -> dict[str, list[float]]:
    """The ratios of other executors; none if they are not installed."""
    python = Path(__file__).parents[1] / ".venv-peers/bin/python"
    if not python.exists():
        print("  LangGraph, pydantic-ai: not measured (bash benchmarks/peers.sh installs them, in .venv-peers)")
        return {}
    script = Path(__file__).with_name("peers_fan_out.py")
    ran = subprocess.run([python, script, str(calls), str(rounds)], capture_output=True, text=True, timeout=120)
    if ran.returncode:
        print(f"  LangGraph, pydantic-ai: not measured: {ran.stderr.strip().splitlines()[-1]}")
        return {}
    return dict(json.loads(ran.stdout))


def show(name: str, ratios: Sequence[float], us_per_call: float | None, goal: float | None) -> None:
    middle = median(ratios)
    cost = "" if us_per_call is None else f"{us_per_call:.1f}"
    verdict = "" if goal is None else f"<= {goal:g}: {'met' if middle <= goal else 'missed'}"
    print(f"{name:<34}{cost:>9}{middle:>8.2f}  {f'{min(ratios):.2f} to {max(ratios):.2f}':<18}{verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description="What the live executor costs beside bare asyncio.")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", metavar="ROW", help="profile one row instead, named by a part of its name")
    args = parser.parse_args()
    with TemporaryDirectory() as folder, open_journal(Path(folder) / "journal") as journal:
        table = rows(args.calls, journal)
        if args.profile:
            row = next(row for row in table if args.profile in row.name)
            with cProfile.Profile() as profile:
                asyncio.run(measured([row], 100, 1))
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
            return
        spent = asyncio.run(measured(table, args.rounds, args.repeats))
        print(f"Python {platform.python_version()}, {args.calls} calls, {args.rounds} rounds; CPU time")
        print(f"{'':<34}{'us/call':>9}{'ratio':>8}  {'range':<18}goal")
        for row in table:
            ratios = [mine / base for mine, base in zip(spent[row.name], spent[row.anchor], strict=True)]
            show(row.name, ratios, median(spent[row.name]) / args.calls * 1e6, row.goal)
        for name, ratios in peers(args.calls, args.rounds).items():
            show(f"  {name}", ratios, None, None)


if __name__ == "__main__":
    main()
