"""Why the makespans of a task under a policy are no longest path: what takes how long would change more than when.

Each function yields what it finds, in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from asyncfc_sim.core.order import Order, Reason, width
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.syntax import calls_in
from asyncfc_sim.core.tool import Tool, commuting
from asyncfc_sim.workloads.workload import Task

from .models import Models
from .network import Builder
from .outline import Outline


def before_running(task: Task, policy: Policy, models: Models, await_rate: float) -> Iterator[str]:
    """What the policy and the tools say by themselves."""
    grace_s = policy.grace(models.turn_overhead_s)
    used = {call.tool for turn in task.turns for call in calls_in(turn.program.body)} & task.tools.keys()
    commute = commuting(task.tools)
    if 0 < await_rate < 1:
        yield f"with await rate {await_rate:g} each sample awaits elsewhere"
    if 0 < grace_s < inf:
        yield f"with a grace of {grace_s:g} s the model is shown what was faster than that"
    if policy.futures and policy.delivery != "on_touch":
        yield f"delivery {policy.delivery} shows the model what has returned by then"
    if policy.futures and policy.duplicates != "run":
        yield f"with duplicates={policy.duplicates} it matters whether a call is still pending"
    if policy.futures and policy.max_awaits is not None:
        yield "max_awaits changes what is waited for"
    if policy.retries:
        yield "calls may be tried again"
    if any(task.tools[name].approval for name in used):
        yield "a call asks for approval"
    if any(task.tools[name].timeout_s is not None for name in used):
        yield "a call may time out"
    if any(used & commute.get(name, frozenset()) for name in used):
        yield "of calls that commute, the one that is ready first goes first"


def after_running(policy: Policy, seen: Outline) -> Iterator[str]:
    """What one schedule has shown."""
    if seen.gave_up is not None:
        yield f"the run gives up: {seen.gave_up}"
    if seen.cut:
        yield "a call fails, and strict cuts off what has been written by then"
    if policy.futures and seen.most_in_turn > policy.max_pending:
        yield f"more than {policy.max_pending} calls may be pending, and then the model waits"


def crowded(
    policy: Policy, seen: Outline, tools: Mapping[str, Tool], builder: Builder, settled: Mapping[int, int]
) -> Iterator[str]:
    """Why calls may have to wait for a slot: then who is ready first decides who goes first."""
    if policy.max_running == 1:
        return
    by_tool: dict[str, list[int]] = {}
    for number, tool in seen.ran.items():
        by_tool.setdefault(tool, []).append(number)
    limits = {name: tools[name].concurrency or policy.max_running_per_tool for name in by_tool}
    groups = [(sorted(seen.ran), policy.max_running, "calls")]
    groups += [(sorted(numbers), limits[name], f"calls of {name}") for name, numbers in by_tool.items()]
    for numbers, limit, name in groups:
        if len(numbers) > limit and (most := _most_at_once(numbers, builder, settled)) > limit:
            yield f"{most} {name} may be ready at once, and {limit} may run"


def _most_at_once(numbers: Sequence[int], builder: Builder, settled: Mapping[int, int]) -> int:
    before = {
        number: {
            one: frozenset[Reason]() for one in numbers if one < number and builder.sure(settled[one], settled[number])
        }
        for number in numbers
    }
    return width(Order(before))
