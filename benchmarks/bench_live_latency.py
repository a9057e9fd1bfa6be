"""How long the live executor lets things wait: streamed programs, first lines of tools, a thousand calls at once.

Wall clock, as a ratio to an anchor measured in the same round; the median of the per-round ratios counts.

streamed       calls arrive one by one and refer to one another; the makespan, against the ideal one: (max,+) of the
               times at which the calls were in fact emitted and of the durations that the tools in fact had. No
               executor can be faster: below 1 something ran too early, and the benchmark fails.
brace          from the chunk with a call's closing brace being given to the accumulator to the tool's first line,
               against asyncio.create_task to the first line of the task, on a loop that was idle before
successor      from a tool's last line to the first line of the tool that waits for its value, against the same
a thousand     1,000 tools that sleep for 50 ms, in one message, against asyncio.gather of the same coroutines

    python benchmarks/bench_live_latency.py [--rounds 9] [--samples 150]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Any

from asyncfc_sim.core.policy import ASYNCFC
from asyncfc_sim.core.session_events import AskApproval
from asyncfc_sim.live.accumulator import Accumulator
from asyncfc_sim.live.asking import Asker
from asyncfc_sim.live.driver import Driver
from asyncfc_sim.live.functions import LiveFunction
from asyncfc_sim.live.model import Ended, Part, TextPart
from asyncfc_sim.live.recording import Recording
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.traces.trace import Header

# The message is answered when all of its calls have returned, and the default caps would be in the way.
POLICY = replace(ASYNCFC, grace_s=60.0, max_running=2000, max_running_per_tool=2000)
IDLE_S = 0.002


@dataclass(frozen=True)
class Written:
    """A call of a message: emitted so long after the one before, running so long, needing the values of others."""

    gap_s: float
    duration_s: float
    needs: tuple[int, ...] = ()

    def arguments(self, number: int) -> str:
        args: dict[str, Any] = {"number": number}
        if self.duration_s:
            args["duration_s"] = self.duration_s
        if self.needs:
            args["needs"] = [f"$f{need}" for need in self.needs]
        return json.dumps(args)


class Clocks:
    """When calls were emitted, and when their tools had their first and their last line."""

    def __init__(self) -> None:
        self.emitted: dict[int, float] = {}
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self.asked: list[float] = []  # when the model was


class Streaming:
    """A model in memory: streams one message, chunk by chunk as a server would, and then answers."""

    name, endpoint = "memory", "memory"

    def __init__(self, calls: Sequence[Written], clocks: Clocks) -> None:
        self._calls, self._clocks = calls, clocks

    async def stream(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any]) -> AsyncGenerator[Part, None]:
        self._clocks.asked.append(time.perf_counter())
        if len(self._clocks.asked) > 1:
            yield TextPart("done")
            yield Ended("stop")
            return
        accumulator = Accumulator()
        for number, call in enumerate(self._calls, 1):
            head, brace = _chunks(number, call.arguments(number))
            if call.gap_s:
                await asyncio.sleep(call.gap_s)
            for part in accumulator.feed(head):
                yield part
            self._clocks.emitted[number] = time.perf_counter()
            for part in accumulator.feed(brace):
                yield part
        for part in accumulator.end():
            yield part


def _chunks(number: int, arguments: str) -> list[dict[str, Any]]:
    """A call in two pieces, the second of which is its closing brace."""
    head = {"index": number, "id": f"c{number}", "function": {"name": "work", "arguments": arguments[:-1]}}
    brace = {"index": number, "function": {"arguments": arguments[-1]}}
    return [{"choices": [{"index": 0, "delta": {"tool_calls": [fragment]}}]} for fragment in (head, brace)]


async def conversation(calls: Sequence[Written]) -> Clocks:
    """The message with these calls, run by the executor with all that belongs to it."""
    clocks = Clocks()

    @tool(writes=["k:{number}"], timeout_s=60.0)
    async def work(number: int, duration_s: float = 0.0, needs: list[int] | None = None) -> int:
        clocks.first[number] = time.perf_counter()
        if duration_s:
            await asyncio.sleep(duration_s)
        clocks.last[number] = time.perf_counter()
        return number

    made = function_tool(work)
    tools = {"work": LiveFunction(made, ThreadPoolExecutor(1))}
    asker = Asker(Streaming(calls, clocks), tools, POLICY)
    driver = Driver(tools, POLICY, asker, Recording(Header(run="bench", source="live", clock="wall")), refuse)
    assert await driver.turn("go") == "done"
    await driver.close()
    assert len(clocks.last) == len(calls)
    return clocks


async def refuse(question: AskApproval) -> bool:
    return False


# ------------------------------------------------------------------------------------------------ streamed programs

MS = 0.001
PROGRAMS = {
    "A, B(A), long decode, C": [Written(20 * MS, 40 * MS), Written(20 * MS, 60 * MS, (1,)), Written(150 * MS, 40 * MS)],
    "chain of 6, gaps of 20 ms": [Written(20 * MS, 30 * MS, (number,) if number else ()) for number in range(6)],
    "8 calls, a DAG": [
        Written(20 * MS, duration * MS, needs)
        for duration, needs in [
            (60, ()), (40, ()), (50, (1,)), (30, (1, 2)), (20, (3,)), (80, ()), (25, (4, 5)), (20, (6, 7)),
        ]
    ],
}  # fmt: skip


async def streamed(calls: Sequence[Written]) -> float:
    """Makespan, from the request for the message to the request with all results, over the ideal."""
    clocks = await conversation(calls)
    ready: dict[int, float] = {}
    for number, call in enumerate(calls, 1):
        starts = max([clocks.emitted[number], *(ready[need] for need in call.needs)])
        ready[number] = starts + clocks.last[number] - clocks.first[number]
    began, ended = clocks.asked
    return (ended - began) / (max(ready.values()) - began)


# -------------------------------------------------------------------------------------------------------- first lines


async def bare_first_lines(samples: int) -> list[float]:
    waits: list[float] = []

    async def work() -> None:
        waits.append(time.perf_counter() - created)

    for _ in range(samples):
        await asyncio.sleep(IDLE_S)
        created = time.perf_counter()
        await asyncio.create_task(work())
    return waits


async def brace_to_first_line(samples: int) -> list[float]:
    clocks = await conversation([Written(IDLE_S, 0.0)] * samples)
    return [clocks.first[number] - clocks.emitted[number] for number in clocks.first]


async def last_to_first_line(samples: int) -> list[float]:
    clocks = await conversation([Written(0.0, IDLE_S, (number,) if number else ()) for number in range(samples)])
    return [clocks.first[number] - clocks.last[number - 1] for number in range(2, samples + 1)]


def percentiles(waits: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(waits, n=100)
    return cuts[49], cuts[98]


# --------------------------------------------------------------------------------------------------------- a thousand


async def a_thousand(n: int = 1000, duration_s: float = 0.05) -> float:
    clocks = await conversation([Written(0.0, duration_s)] * n)
    ours = clocks.asked[1] - clocks.emitted[1]
    began = time.perf_counter()
    await asyncio.gather(*[asyncio.sleep(duration_s) for _ in range(n)])
    return ours / (time.perf_counter() - began)


# ------------------------------------------------------------------------------------------------------------- report


async def measured(rounds: int, samples: int) -> dict[str, list[float]]:
    ratios: dict[str, list[float]] = {}
    ways: dict[str, Callable[[int], Awaitable[list[float]]]] = {"brace": brace_to_first_line}
    ways["successor"] = last_to_first_line
    for number in range(rounds + 1):
        found: dict[str, float] = {}
        for name, calls in PROGRAMS.items():
            found[f"streamed: {name}"] = await streamed(calls)
        base = percentiles(await bare_first_lines(samples))
        for name, way in ways.items():
            mine = percentiles(await way(samples))
            found |= {f"{name} to first line, {p}": mine[at] / base[at] for at, p in enumerate(("p50", "p99"))}
        found["a thousand sleeps of 50 ms"] = await a_thousand()
        if number:  # the first round warms up
            for name, ratio in found.items():
                ratios.setdefault(name, []).append(ratio)
    return ratios


GOALS = {
    **{f"streamed: {name}": 1.02 for name in PROGRAMS},
    "brace to first line, p50": 2.0,
    "brace to first line, p99": 3.0,
    "successor to first line, p50": 1.0,
    "a thousand sleeps of 50 ms": 1.1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="How long the live executor lets things wait.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--samples", type=int, default=150)
    args = parser.parse_args()
    ratios = asyncio.run(measured(args.rounds, args.samples))
    print(f"Python {platform.python_version()}, {args.rounds} rounds; wall clock")
    print(f"{'':<40}{'ratio':>8}  {'range':<18}goal")
    for name, some in ratios.items():
        goal, middle = GOALS.get(name), median(some)
        verdict = "" if goal is None else f"<= {goal:g}: {'met' if middle <= goal else 'missed'}"
        print(f"{name:<40}{middle:>8.3f}  {f'{min(some):.3f} to {max(some):.3f}':<18}{verdict}")
    early = [name for name, some in ratios.items() if name.startswith("streamed") and min(some) < 1]
    if early:
        sys.exit(f"faster than is possible, so something ran too early: {', '.join(early)}")


if __name__ == "__main__":
    main()
