"""Makespans of many samples at once, by a (max,+) network, for what does not depend on who was faster.

Where a policy shows the model the same, whatever takes how long, a task under an arm is one fixed network of decoding,
calls and waiting, and its makespan is a longest path [1]_. Then a sample costs a few additions. Everything else is
`NotVectorised`, and `run_samples` simulates it: the numbers are the same either way.

References
----------
.. [1] F. Baccelli, G. Cohen, G. J. Olsder, J.-P. Quadrat, "Synchronization and Linearity", Wiley, 1992.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isclose

import numpy as np

from asyncfc_sim.core.arguments import TypeOf, types_of
from asyncfc_sim.core.order import Issued, happens_before, observe
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool, pure
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.workloads.workload import Task

from . import reasons
from .bound import bound, turn_path
from .draws import Sample, draw
from .experiment import Arm, simulate
from .models import Models
from .network import Builder, Column, Decoding, Network, network
from .outline import Outline, outline
from .reference import run_reference
from .writing import Writing, Written

FEW = 8  # samples that are simulated sooner than a network is made
ROUNDING = 1e-9


class NotVectorised(ValueError):
    """An arm, or a task under it, whose makespans are no (max,+) network; the message says why."""


def run_samples(task: Task, arms: Sequence[Arm], models: Models, samples: Sequence[Sample]) -> list[Column]:
    """The makespans of `task` in seconds: for each arm a column, with a number for each sample.

    An arm is computed by a network if it can be, and else simulated. All arms meet the same draws. A sample names
    the seed and the case that its times are drawn for; the world, and so what fails, is that of `task` in all of them.
    """
    networks: dict[int, Network] = {}
    if len(samples) > FEW:
        for place, arm in enumerate(arms):
            try:
                networks[place] = compile_network(task, arm, models, samples[0])
            except NotVectorised:
                continue
    draws = draw(task, models, samples, networks.values())
    return [
        networks[place].makespans(draws) if place in networks else _simulated(task, arm, models, samples)
        for place, arm in enumerate(arms)
    ]


def compile_network(task: Task, arm: Arm, models: Models, sample: Sample | None = None) -> Network:
    """The network of `task` under `arm`, checked against one simulated sample.

    Raises NotVectorised.
    """
    sample = sample or Sample(0, task.name)
    made = _bound_network(task, arm, models) if arm.policy is None else _policy_network(task, arm, arm.policy, models)
    (expected,) = _simulated(task, arm, models, [sample])
    (computed,) = made.makespans(draw(task, models, [sample], [made]))
    if not isclose(computed, expected, rel_tol=ROUNDING):
        raise AssertionError(f"{task.name} under {arm.label}: {computed} s by the network, {expected} s simulated")
    return made


def _simulated(task: Task, arm: Arm, models: Models, samples: Sequence[Sample]) -> Column:
    if arm.policy is not None:
        return np.array([simulate(replace(task, name=case), arm, models, seed).makespan_s for seed, case in samples])
    in_order = run_reference(task)
    limits = (bound(replace(task, name=case), in_order, models, seed, arm.messages) for seed, case in samples)
    return np.array([limit.longest_path_s for limit in limits])


def _policy_network(task: Task, arm: Arm, policy: Policy, models: Models) -> Network:
    _refuse(arm.label, reasons.before_running(task, policy, models, arm.await_rate))
    dependence = "all" if arm.await_rate >= 1 else arm.dependence
    seen = outline(task, policy, models, 0, arm.messages, dependence)
    _refuse(arm.label, reasons.after_running(policy, seen))
    # What a call may touch narrows from the front of a key, or all at once: it waits for certain arguments of another
    # call, never for the first of several to be known. So the address edges, too, are edges of a longest path.
    type_of = types_of({call.future: call for call in seen.calls}, task.tools)
    order = happens_before([_observed(call, task.tools, seen, policy, type_of) for call in seen.calls])
    builder = Builder()
    settled: dict[int, int] = {}  # the moment at which a call has, by its number
    asked: int | None = None
    before: int | None = None  # the end of the call that ran before
    for message in seen.messages:
        out = builder.write(_undrawn(message.writing), asked)
        for number, closed in zip(message.calls, out, strict=False):
            if not number:
                continue
            dispatched = closed if policy.dispatch == "call" else out[-1]
            after = [dispatched, *(settled[earlier] for earlier in order.predecessors[number])]
            if number in seen.ran:
                # With one slot calls run in the order of their issue: the lowest that has not run is always ready.
                alone = [before] if policy.max_running == 1 and before is not None else []
                settled[number] = before = builder.run(seen.origins[number], [*after, *alone])
            else:
                settled[number] = builder.latest(after)
        asked = builder.latest([out[-1], *(settled[number] for number in message.waits_for)])
    _refuse(arm.label, reasons.crowded(policy, seen, task.tools, builder, settled))
    tools = {seen.origins[number]: tool for number, tool in seen.ran.items()}
    return network(builder, [] if asked is None else [asked], tools)


def _refuse(label: str, why: Iterable[str]) -> None:
    for reason in why:
        raise NotVectorised(f"{label}: {reason}")


def _undrawn(writing: Writing) -> Decoding:
    first, *others = writing.parts
    first = replace(first, tokens=first.tokens - writing.thinking_tokens)
    return Decoding(writing.first_token_s, (first, *others), writing.thinking_of)


def _observed(call: Call, tools: Mapping[str, Tool], seen: Outline, policy: Policy, type_of: TypeOf) -> Issued:
    tool = tools.get(call.tool, pure(call.tool))
    value = seen.values[call.future]
    one = observe(call, tool, seen.values, type_of=type_of)
    ran = call.future in seen.ran
    held_back = not ran and isinstance(value, ErrorValue) and value.kind == "not_executed"
    guarded = tool.irreversible or (policy.failure != "poison" and bool(one.footprint.writes))
    if ran or held_back:
        return replace(one, barrier=guarded)
    return one


def _bound_network(task: Task, arm: Arm, models: Models) -> Network:
    values = run_reference(task).values
    builder = Builder()
    ends: list[int] = []
    tools: dict[int, str] = {}
    for number in range(1, len(task.turns) + 1):
        turn = turn_path(task, number, values, models, arm.messages)
        settled: dict[int, int] = {}
        now: int | None = None
        for step in turn.steps:
            if not step.touch:
                part = Written(step.tokens, step.itl_s)
                (now,) = builder.write(Decoding(step.first_token_s, (part,), step.thinking_of), now)
            if step.issue is not None:
                assert now is not None
                after = [now, *(settled[earlier] for earlier in turn.order.predecessors[step.issue])]
                if step.issue in turn.ran:
                    settled[step.issue] = builder.run(step.issue, after)
                    tools[step.issue] = turn.calls[step.issue].tool
                else:
                    settled[step.issue] = builder.latest(after)
            touched = [settled[future] for future in step.touch]
            if touched:
                assert now is not None
                now = builder.latest([now, *touched])
        assert now is not None
        ends.append(builder.latest([now, *settled.values()]))
    return network(builder, ends, tools)
