"""Many requests, and many conversations, on one server: against bare SimPy scripts of the same.

First the batcher: 1,000 requests of 512 prompt tokens and 128 answer tokens, 4 a second, as simulators of LLM servers
are measured (microsoft/vidur at 7d47513 does 129 requests/s of these on a machine like those this was written on; goal:
10 times that). The bare script has a process for each request, which waits for each of its tokens.

Then a contended sweep: conversations of 8 calls that share 8 workers. The bare script, in the style of processes, has
the same delays and the same queue and nothing else: no session, no scheduler, no transcript, no trace. The same script
with callbacks instead of processes, and both callback forms on a bare heap instead of SimPy, say what a faster clock
could save: of the script much, of the simulation little, since its time goes into the scheduler and the session. Goal:
3 times the bare script. Rounds are interleaved, and ratios are the medians of those of each round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from heapq import heappop, heappush
from statistics import median
from typing import Any

import numpy as np
import simpy
from bench_simulate import CALLS, make_task  # type: ignore[import-not-found]  # beside this script

from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.simulate.batcher import Batcher
from asyncfc_sim.simulate.clock import Clock
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import Arm, simulation
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.replay import call_kind, call_s
from asyncfc_sim.simulate.server import DedicatedServer
from asyncfc_sim.simulate.site import Site
from asyncfc_sim.simulate.tool_pools import ToolPools
from asyncfc_sim.simulate.writing import Writing, Written
from asyncfc_sim.workloads.workload import Task

REQUESTS, PROMPT, ANSWER, RATE = 1000, 512, 128, 4.0
KNOWN_REQUESTS_PER_S = 129  # vidur, CPU time
TASKS, WORKERS, LOAD = 150, 8, 0.7
ROUNDS = 7

MODELS = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("default"))


class HeapClock(Clock):
    """A clock without SimPy: a heap of what is to happen, in the order of time, then of asking."""

    def __init__(self) -> None:
        self._now_s, self._heap, self._asked = 0.0, list[tuple[float, int, Callable[[], None]]](), 0

    @property
    def now_s(self) -> float:
        return self._now_s

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._asked += 1
        heappush(self._heap, (self._now_s + delay_s, self._asked, action))

    def run(self) -> None:
        while self._heap:
            self._now_s, _, action = heappop(self._heap)
            action()


# Requests ------------------------------------------------------------------------------------------------------


def arrivals_s() -> list[float]:
    return [float(at_s) for at_s in np.cumsum(np.random.default_rng(0).exponential(1 / RATE, REQUESTS))]


def our_requests(clock: Clock) -> float:
    """All requests on the batcher; when the last one ends."""
    decoder = MODELS.decoder
    server = Batcher(clock, decoder)
    first_token_s = decoder.ttft_s(PROMPT)
    part = Written(ANSWER, decoder.itl_s())
    writing = Writing(PROMPT, PROMPT, ANSWER, first_token_s, (), (), first_token_s + ANSWER * part.itl_s, (part,))

    def come(number: int) -> None:
        server.write(str(number), writing, [_nothing, _nothing])

    for number, at_s in enumerate(arrivals_s()):
        clock.after(at_s, partial(come, number))
    clock.run()
    return clock.now_s


def bare_requests(_: Clock) -> float:
    """The same, token by token: each iteration wakes every request in the batch."""
    env = simpy.Environment()
    decoder = MODELS.decoder
    prefill_s = decoder.prefill_s(PROMPT)
    prefill = simpy.Resource(env)
    batch: list[list[Any]] = []  # of each request in it: tokens to come, what to wake
    idle: list[Any] = []

    def request() -> Generator[Any, Any, None]:
        yield env.timeout(decoder.ttft_s(PROMPT) - prefill_s)
        with prefill.request() as turn:
            yield turn
            yield env.timeout(prefill_s)
        mine = [ANSWER, env.event()]
        batch.append(mine)
        if idle:
            idle.pop().succeed()
        while mine[0]:
            yield mine[1]

    def iterations() -> Generator[Any, Any, None]:
        while True:
            if not batch:
                idle.append(env.event())
                yield idle[0]
            present = list(batch)
            yield env.timeout(decoder.itl_s(len(present)))
            for mine in present:
                mine[0] -= 1
                woken, mine[1] = mine[1], env.event()
                woken.succeed()
                if not mine[0]:
                    batch.remove(mine)

    def source() -> Generator[Any, Any, None]:
        for at_s in arrivals_s():
            yield env.timeout(at_s - env.now)
            env.process(request())

    env.process(iterations())
    env.process(source())
    env.run()
    return float(env.now)


def _nothing() -> None:
    pass


# Conversations -------------------------------------------------------------------------------------------------


def begins_s(tasks: Sequence[Task]) -> list[float]:
    """Arrivals that keep the workers busy for the share LOAD of the time."""
    work_s = CALLS * MODELS.durations.mean_s("tool")
    gaps_s = np.random.default_rng(1).exponential(work_s / WORKERS / LOAD, len(tasks))
    return [float(at_s) for at_s in np.cumsum(gaps_s)]


def our_tasks(tasks: Sequence[Task], clock: Clock) -> list[float]:
    """All conversations on one site; the makespan of each."""
    kind = call_kind(tasks[0], MODELS, 1, "tool")
    site = Site(clock, DedicatedServer(clock), ToolPools(clock, {kind: WORKERS}))
    arm = Arm("asyncfc", policy_named("asyncfc", grace_s=0.0, delivery="on_touch", duplicates="run"), "turn")
    runs = [simulation(task, arm, MODELS, 0, site) for task in tasks]
    for run, at_s in zip(runs, begins_s(tasks), strict=True):
        clock.after(at_s, run.start)
    clock.run()
    return [run.makespan_s for run in runs]


def segments_s(task: Task) -> tuple[list[float], list[float], list[list[int]]]:
    """What both bare scripts are told: seconds of decoding up to each call, of each call, and what each call needs."""
    decoder = MODELS.decoder
    step = decoder.step_tokens_at(0.5)
    decode_s = [decoder.ttft_s(0) + step * decoder.itl_s()] + [10 * decoder.itl_s()] * (CALLS - 1)
    calls = [statement for statement in task.turns[0].program.body if isinstance(statement, Call)]
    tool_s = [call_s(task, MODELS, 0, call.future, call.tool) for call in calls]
    return decode_s, tool_s, [[ref.future - 1 for ref in call.args["needs"]] for call in calls]


def bare_processes(tasks: Sequence[Task], _: Clock) -> list[float]:
    """The usual script: a process for each conversation and each tool, a shared resource."""
    env = simpy.Environment()
    workers = simpy.Resource(env, WORKERS)
    ends_s = [0.0] * len(tasks)

    def tool(needs: list[Any], duration_s: float) -> Generator[Any, Any, None]:
        if needs:
            yield simpy.AllOf(env, needs)
        with workers.request() as turn:
            yield turn
            yield env.timeout(duration_s)

    def conversation(number: int, begin_s: float) -> Generator[Any, Any, None]:
        yield env.timeout(begin_s)
        decode_s, tool_s, needs = segments_s(tasks[number])
        done: list[Any] = []
        for at in range(CALLS):
            yield env.timeout(decode_s[at])
            done.append(env.process(tool([done[need] for need in needs[at]], tool_s[at])))
        yield simpy.AllOf(env, done)
        yield env.timeout(decode_s[0])
        ends_s[number] = env.now - begin_s

    for number, begin_s in enumerate(begins_s(tasks)):
        env.process(conversation(number, begin_s))
    env.run()
    return ends_s


def bare_callbacks(tasks: Sequence[Task], clock: Clock) -> list[float]:
    """The same with callbacks and counters: no process, no condition."""
    pools = ToolPools(clock, {"tool": WORKERS})
    ends_s = [0.0] * len(tasks)

    def begin(number: int, begin_s: float) -> None:
        decode_s, tool_s, needs = segments_s(tasks[number])
        waits = [len(of) for of in needs]
        written = [False] * CALLS
        left = CALLS

        def write(at: int) -> None:
            written[at] = True
            if not waits[at]:
                pools.run("tool", tool_s[at], partial(finish, at))
            if at + 1 < CALLS:
                clock.after(decode_s[at + 1], partial(write, at + 1))

        def finish(at: int) -> None:
            nonlocal left
            left -= 1
            for other in range(at + 1, CALLS):
                if at in needs[other]:
                    waits[other] -= 1
                    if written[other] and not waits[other]:
                        pools.run("tool", tool_s[other], partial(finish, other))
            if not left:
                clock.after(decode_s[0], end)

        def end() -> None:
            ends_s[number] = clock.now_s - begin_s

        clock.after(decode_s[0], partial(write, 0))

    for number, begin_s in enumerate(begins_s(tasks)):
        clock.after(begin_s, partial(begin, number, begin_s))
    clock.run()
    return ends_s


# -----------------------------------------------------------------------------------------------------------------


def measure(runs: dict[str, Callable[[], Any]], count: int, what: str) -> dict[str, float]:
    """Print the speed of each, and its ratio to that of the first; returns the speeds."""
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.process_time()
            run()
            spent[name].append(time.process_time() - started)
    first = next(iter(spent.values()))
    for name, seconds in spent.items():
        ratio = median(one / other for one, other in zip(first, seconds, strict=True))
        print(f"{name:36} {count / median(seconds):9.0f} {what}/s   {ratio:6.2f} x the bare script's speed")
    return {name: count / median(seconds) for name, seconds in spent.items()}


def main() -> None:
    ends_s = [our_requests(Clock()), our_requests(HeapClock()), bare_requests(Clock())]
    assert ends_s[0] == ends_s[1]
    assert abs(ends_s[0] - ends_s[2]) < 1e-6, ends_s
    speeds = measure(
        {
            "bare SimPy script, token by token": lambda: bare_requests(Clock()),
            "batcher": lambda: our_requests(Clock()),
            "batcher on a bare heap": lambda: our_requests(HeapClock()),
        },
        REQUESTS,
        "requests",
    )
    known = speeds["batcher"] / KNOWN_REQUESTS_PER_S
    print(f"batcher: {known:.0f} times the {KNOWN_REQUESTS_PER_S} requests/s of a known simulator; goal: 10 times\n")

    rng = np.random.default_rng(0)
    tasks = [make_task(number, rng) for number in range(TASKS)]
    assert our_tasks(tasks, Clock()) == our_tasks(tasks, HeapClock())
    scripts = [bare_processes(tasks, Clock()), bare_callbacks(tasks, Clock()), bare_callbacks(tasks, HeapClock())]
    assert max(abs(one - other) for one, other in zip(scripts[0], scripts[1], strict=True)) < 1e-9
    assert scripts[1] == scripts[2]
    measure(
        {
            "bare SimPy script, processes": lambda: bare_processes(tasks, Clock()),
            "bare SimPy script, callbacks": lambda: bare_callbacks(tasks, Clock()),
            "bare heap script, callbacks": lambda: bare_callbacks(tasks, HeapClock()),
            "conversations, trace on": lambda: our_tasks(tasks, Clock()),
            "conversations, trace on, bare heap": lambda: our_tasks(tasks, HeapClock()),
        },
        TASKS,
        "conversations",
    )
    print("goal: conversations at 3 x the bare script in the style of processes, 6 x if a faster clock pays")


if __name__ == "__main__":
    main()
