"""A hundred thousand calls in one run of the live executor: nothing is left open, and memory is accounted for.

Functions of every kind: reads, writes, references to earlier results, some that fail, some that time out and are still
acting, some in threads. A conversation keeps what was said in it, its values and its trace, so its memory grows by a
constant a call; printed are ten points on the way, and by which parts of the package the growth was allocated. The
same calls in many short conversations of one agent must leave nothing behind: there memory is flat.

    python benchmarks/soak_live.py [--calls 100000] [--per-message 100] [--skip-accounts]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart, Usage
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.tools.decorator import tool

KEYS = 997  # so many things that are read and written


@tool(reads=["thing:{key}"])
async def look(key: int, before: Any = None) -> str:
    await asyncio.sleep(0)
    return f"thing {key}"


@tool(writes=["thing:{key}"])
async def put(key: int, text: str) -> int:
    await asyncio.sleep(0)
    return len(text)


@tool(reads=["thing:{key}"])
def read_file(key: int) -> dict[str, int]:
    return {"size": key}


@tool(reads=[], writes=[])
async def fails(key: int) -> str:
    raise ValueError(f"no {key}")


@tool(writes=["slow:{key}"], timeout_s=0.005)
async def late(key: int) -> str:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0.001)
    return "late"


TOOLS: Sequence[Any] = [look, put, read_file, fails, late]


def call(number: int) -> tuple[str, Mapping[str, Any]]:
    """What call `number` of a conversation is."""
    key = number % KEYS
    match number % 100:
        case 99:
            return "late", {"key": key}
        case 49:
            return "fails", {"key": key}
        case 24 | 74:
            return "read_file", {"key": key}
        case _ if number % 3 == 0:
            return "put", {"key": key, "text": f"text {number}"}
        case _ if number % 3 == 1 and number > 1:
            return "look", {"key": key, "before": f"$f{number - 1}"}
        case _:
            return "look", {"key": key}


@dataclass
class Talker:
    """A model in memory that makes `calls` calls and answers. `at` is told before each message how many it has made."""

    calls: int
    per_message: int
    at: Callable[[int], None] = lambda made: None
    name: str = "talker"
    endpoint: str = "memory"

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        asked = sum(1 for message in messages if message["role"] == "assistant")
        made = min(asked * self.per_message, self.calls)
        self.at(made)
        await asyncio.sleep(0)
        yield Began()
        for number in range(made + 1, min(made + self.per_message, self.calls) + 1):
            name, args = call(number)
            yield CallPart(f"call_{number}", name, json.dumps(args))
        if made == self.calls:
            yield TextPart("done")
        yield Ended("stop", Usage(1, 1))


@dataclass
class Point:
    """Where a run stands: calls made, seconds, resident bytes, tasks on the loop."""

    calls: int
    elapsed_s: float
    resident: int
    tasks: int


@dataclass
class Soak:
    """A run, and ten points on the way."""

    run: AgentRun
    points: list[Point] = field(default_factory=list)

    def faults(self) -> Iterator[str]:
        """What was left open."""
        rules = Counter(event.rule for event in self.run.trace.events)
        issued = {event.fields["future"] for event in self.run.trace.events if event.rule == "issue"}
        settled = {event.fields["future"] for event in self.run.trace.events if event.rule in ("finish", "fail")}
        given_up = {event.fields["future"] for event in self.run.trace.events if event.rule == "timeout"}
        ended = {event.fields["future"] for event in self.run.trace.events if event.rule == "end"}
        if issued - settled:
            yield f"{len(issued - settled)} futures are open"
        if given_up != ended or self.run.in_doubt:
            yield f"{len(given_up - ended)} calls in doubt have not ended"
        if not rules["timeout"] or not rules["placeholder"]:
            yield "nothing timed out, or nothing was answered with a future"
        if self.run.output != "done":
            yield f"it answered {self.run.output!r}"


def soak(calls: int, per_message: int) -> Soak:
    """One conversation of so many calls."""
    points: list[Point] = []
    began_s = time.perf_counter()

    def at(made: int) -> None:
        if made >= len(points) * calls / 10 and len(points) < 10:
            gc.collect()
            points.append(Point(made, time.perf_counter() - began_s, resident(), len(asyncio.all_tasks())))

    async def main() -> AgentRun:
        run = await agent(Talker(calls, per_message, at)).run("go")
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left"
        return run

    return Soak(asyncio.run(main()), points)


def agent(model: Talker) -> Agent:
    return Agent(model, TOOLS, grace_s=0.001, max_requests=10**9, max_running_per_tool=32)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def accounts(calls: int, per_message: int) -> list[tuple[str, float]]:
    """By file, the bytes a call that are still held at the end of a conversation."""
    found: list[tuple[str, float]] = []
    before: list[tracemalloc.Snapshot] = []

    def at(made: int) -> None:
        if made in (0, calls):
            gc.collect()
            before.append(tracemalloc.take_snapshot())

    tracemalloc.start()
    try:
        asyncio.run(agent(Talker(calls, per_message, at)).run("go"))
    finally:
        tracemalloc.stop()
    for statistic in before[1].compare_to(before[0], "filename"):
        name = statistic.traceback[0].filename
        found.append(("/".join(name.split("/")[-2:]), statistic.size_diff / calls))
    return found


def many(conversations: int, calls: int) -> list[Point]:
    """The same in many short conversations of one agent, one after the other."""
    points: list[Point] = []
    began_s = time.perf_counter()

    async def main() -> None:
        one = agent(Talker(calls, calls))
        for number in range(conversations + 1):
            if number >= len(points) * conversations / 10:
                gc.collect()
                elapsed_s = time.perf_counter() - began_s
                points.append(Point(number * calls, elapsed_s, resident(), len(asyncio.all_tasks())))
            if number < conversations:
                await one.run("go")

    asyncio.run(main())
    return points


def show(points: Sequence[Point]) -> None:
    print(f"{'calls':>8} {'seconds':>8} {'MB':>8} {'bytes/call':>11} {'tasks':>6}")
    for place, point in enumerate(points):
        last = points[place - 1] if place else point
        grown = (point.resident - last.resident) / max(1, point.calls - last.calls)
        each = f"{grown:.0f}" if place else ""
        print(f"{point.calls:8} {point.elapsed_s:8.1f} {point.resident / 1e6:8.1f} {each:>11} {point.tasks:6}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--per-message", type=int, default=100)
    parser.add_argument("--skip-accounts", action="store_true", help="do not measure who holds the memory")
    args = parser.parse_args()
    print(f"many conversations of 100 calls, one agent, {args.calls} calls")
    show(many(args.calls // 100, 100))
    print(f"\none conversation of {args.calls} calls, {args.per_message} in a message")
    one = soak(args.calls, args.per_message)
    show(one.points)
    faults = list(one.faults())
    print(f"left open: {'; '.join(faults) or 'nothing'}; {len(one.run.trace.events)} events")
    if not args.skip_accounts:
        n = min(args.calls, 10_000)
        print(f"\nheld at the end of a conversation of {n} calls, bytes a call by the file that allocated them")
        held = accounts(n, args.per_message)
        for name, size in held[:12]:
            print(f"{size:8.0f}  {name}")
        print(f"{sum(size for _, size in held):8.0f}  together")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
