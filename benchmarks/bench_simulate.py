"""The SimPy driver, trace on, against a bare SimPy script of the same task: conversations per second, as a ratio.

The task: a message of 8 calls, each referring to each earlier one with probability 0.3; tools that read and write
nothing; then the values are awaited and an answer is written. The bare script has the same processes and delays and
nothing else: no session, no scheduler, no transcript, no trace. Goal: at least 0.8 of its speed. Rounds are
interleaved and the median ratio is reported, since machines are noisy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
import simpy

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.durations import load_durations, uniform
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.writing import thinking_number
from asyncfc_sim.traces.trace import Header
from asyncfc_sim.workloads.workload import Task, Turn, World

CALLS, EDGE, TASKS, ROUNDS = 8, 0.3, 200, 9


class Nothing:
    """A world without state; every tool answers 1."""

    def call(self, future: int, tool: str, args: Mapping[str, Any]) -> int:
        return 1

    def state(self) -> str:
        return ""

    def copy(self) -> World:
        return self


def make_task(number: int, rng: np.random.Generator) -> Task:
    calls = []
    for future in range(1, CALLS + 1):
        needs = [Ref(earlier) for earlier in range(1, future) if rng.random() < EDGE]
        calls.append(Call(future, "tool", {"needs": needs}))
    program = Program((*calls, Done(tuple(Ref(call.future) for call in calls))))
    tools = {"tool": Tool("tool", Declaration(), concurrency=CALLS)}
    return Task(f"task{number}", "bench", (Turn("go", program),), tools, {}, Nothing)


def run_ours(task: Task, models: Models) -> float:
    policy = policy_named("asyncfc", grace_s=0.0, delivery="on_touch", duplicates="run")
    header = Header(run=task.name, source="simulate")
    return Simulation(task, policy, models, header, messages="turn").run().makespan_s


def run_bare(task: Task, models: Models) -> float:
    """The same delays, written straight in SimPy."""
    env = simpy.Environment()
    decoder, durations = models.decoder, models.durations
    done: dict[int, Any] = {}

    def tool(call: Call) -> Any:
        needs = [done[ref.future] for ref in call.args["needs"]]
        if needs:
            yield simpy.AllOf(env, needs)
        yield env.timeout(durations.sample_s(call.tool, uniform(0, task.name, call.future)))

    def decode() -> Any:
        step = decoder.step_tokens_at(uniform(0, f"{task.name}/step", thinking_number(1, 1)))
        yield env.timeout(decoder.ttft_s(0) + step * decoder.itl_s())
        for call in calls:
            yield env.timeout(10 * decoder.itl_s())
            done[call.future] = env.process(tool(call))
        yield env.timeout(decoder.ttft_s(0) + (decoder.step_tokens + decoder.await_tokens) * decoder.itl_s())
        yield simpy.AllOf(env, list(done.values()))
        yield env.timeout(decoder.ttft_s(0) + decoder.answer_tokens * decoder.itl_s())

    calls = [statement for statement in task.turns[0].program.body if isinstance(statement, Call)]
    env.process(decode())
    env.run()
    return float(env.now)


def main() -> None:
    rng = np.random.default_rng(0)
    models = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("default"))
    tasks = [make_task(number, rng) for number in range(TASKS)]
    runs: dict[str, Callable[[Task, Models], float]] = {"bare SimPy script": run_bare, "driver, trace on": run_ours}
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.process_time()
            for task in tasks:
                run(task, models)
            spent[name].append(time.process_time() - started)
    bare = spent["bare SimPy script"]
    for name, seconds in spent.items():
        ratio = median(one / other for one, other in zip(bare, seconds, strict=True))
        print(f"{name:20} {TASKS / median(seconds):8.0f} tasks/s   {ratio:5.2f} x the bare script's speed")
    print("goal: the driver at 0.80 x or more")


if __name__ == "__main__":
    main()
