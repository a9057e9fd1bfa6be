"""How well a served model does the tasks of the office, end to end through the executor.

    python models/tiny-futures/evaluate.py --base-url URL [--tasks 200] [--policy sync --policy asyncfc]

Right is a task whose answers are the expected ones, word for word, and after which the office is as expected. A
reference is right if the call it stands in is one of those that the task takes, once it is filled in. Where that cannot
be, because the call that it names failed, it is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from asyncfc_sim.core.policy import POLICIES, policy_named
from asyncfc_sim.core.references import parse_string
from asyncfc_sim.core.syntax import refs_in
from asyncfc_sim.live.agent import LIVE_GUARDS, Agent
from asyncfc_sim.live.model import ModelError
from asyncfc_sim.live.run import AgentRun, RunFailed
from asyncfc_sim.studies.expert_model import slow
from asyncfc_sim.traces.trace import Run
from asyncfc_sim.workloads.office.judge import expected, outcome
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task
from asyncfc_sim.workloads.office.tools import office_tools

SEED = 2026  # of the held-out tasks; training draws from other seeds


async def attempt(base_url: str, task: OfficeTask, policy: str, seed: int) -> tuple[Counter[str], AgentRun]:
    """Run one task: what was right of it, counted."""
    rng = np.random.default_rng(seed)
    with Office() as office:
        # Some calls end only after the model's next message.
        tools = [slow(function, lambda: rng.exponential(0.03)) for function in office_tools(office)]
        agent = Agent(base_url=base_url, tools=tools, policy=policy_named(policy, **LIVE_GUARDS), timeout_s=120)
        broken = 0
        try:
            run = await agent.run(*task.prompts)
        except RunFailed as failed:
            broken = 1
            if isinstance(failed.__cause__, ModelError) and failed.__cause__.unreachable:
                raise  # that says nothing of the model
            run = failed.run
        wanted, calls = expected(task)
        counted = references(run.trace, calls)
        counted["tasks"], counted["failed"] = 1, broken
        counted["right"] = int(outcome(run.outputs, office) == wanted)
        counted["turns"] = len(task.turns)
        counted["turns right"] = sum(map(str.__eq__, run.outputs, wanted.answers))
        counted["misused"] = sum(run.guards.values())
        return counted, run


def references(trace: Run, calls: list[tuple[str, dict[str, Any]]]) -> Counter[str]:
    """References that the model wrote and that could be filled in, and how many of them were right."""
    written: dict[int, int] = {}  # by future, references in its arguments
    started: dict[int, tuple[str, Mapping[str, Any]]] = {}
    for event in trace.events:
        if event.rule == "fail" and event.fields["error"]["kind"] == "dependency_failed":
            written.pop(event.fields["future"], None)
        if event.rule not in ("issue", "start"):
            continue
        future, args = event.fields["future"], event.fields["args"]
        started[future] = (event.fields["tool"], args)
        if event.rule == "issue":
            texts = [value for value in args.values() if isinstance(value, str)]
            written[future] = sum(len(list(refs_in(parse_string(text)))) for text in texts)
    right = sum(n for future, n in written.items() if started[future] in calls)
    return Counter({"references": sum(written.values()), "references right": right})


async def evaluate(base_url: str, policy: str, tasks: int, show: int) -> Counter[str]:
    rng = np.random.default_rng(SEED)
    total: Counter[str] = Counter()
    for number in range(tasks):
        task = random_task(rng)
        counted, run = await attempt(base_url, task, policy, number)
        total.update(counted)
        if not counted["right"] and show > 0:
            show -= 1
            print(json.dumps({"wanted": expected(task)[0].answers, "messages": list(run.messages)}, indent=1))
        if sys.stderr.isatty():
            end = "\n" if number + 1 == tasks else ""
            print(f"\r{policy} {number + 1}/{tasks}: {total['right']} right", end=end, file=sys.stderr, flush=True)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--tasks", type=int, default=200)
    policies = [name for name, policy in POLICIES.items() if policy.live]
    parser.add_argument("--policy", action="append", choices=policies, help="default: sync, then asyncfc")
    parser.add_argument("--show", type=int, default=0, help="print so many conversations that went wrong")
    asked = parser.parse_args()
    for policy in asked.policy or ["sync", "asyncfc"]:
        try:
            counted = asyncio.run(evaluate(asked.base_url, policy, asked.tasks, asked.show))
        except RunFailed as failed:
            print(f"error: {failed}", file=sys.stderr)
            sys.exit(3)
        print(json.dumps({"policy": policy, "seed": SEED, **counted}))


if __name__ == "__main__":
    main()
