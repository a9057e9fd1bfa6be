"""The simulator held against AsyncLM's closed forms: independent calls, and nothing but decoding and executing them.

Requests, prompts, thinking, answers and awaiting take no time here, and calls are emitted longest execution first, the
order for which the formula of asynchronous execution is exact. Seconds are random; differences are those of rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, Program
from asyncfc_sim.core.tool import pure
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.simulate.closed_form import IndependentCall, async_s, sync_parallel_s, sync_s
from asyncfc_sim.simulate.decoder import Decoder, load_decoder
from asyncfc_sim.simulate.durations import DurationModel, Rule
from asyncfc_sim.simulate.experiment import Arm, simulate
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.scaling import scaled_decoder
from asyncfc_sim.simulate.script import Messages
from asyncfc_sim.simulate.writing import call_text
from asyncfc_sim.workloads.symbolic import SymbolicWorld
from asyncfc_sim.workloads.workload import Task, Turn

from .setting import arm_of

MOST_CALLS = 6


@dataclass(frozen=True, slots=True)
class Compared:
    """A policy against its formula: over `n` instances, the largest difference as a fraction of what the formula says,
    and the range of the speed-ups over L_Sync that the instances have."""

    formula: str
    policy: str
    n: int
    largest_difference: float
    least_speedup: float
    most_speedup: float


@dataclass(frozen=True, slots=True)
class _Instance:
    """Independent calls, longest execution first, and the models under which each takes its G and its E."""

    task: Task
    models: Models
    calls: tuple[IndependentCall, ...]


FORMS: tuple[tuple[str, Callable[[Sequence[IndependentCall]], float], str, Messages], ...] = (
    ("L_Sync = sum G + sum E", sync_s, "sync", "call"),
    ("L_SyncPar = sum G + max E", sync_parallel_s, "sync_parallel", "turn"),
    ("L_Async = max over f of E(f) + sum of G(g) where E(g) >= E(f)", async_s, "interrupt", "call"),
)


def compare(instances: int, rng: np.random.Generator) -> list[Compared]:
    """Simulate so many random instances under the policy of each formula."""
    drawn = [_instance(number, rng) for number in range(instances)]
    return [_compare(name, formula, arm_of(policy, messages, {}), drawn) for name, formula, policy, messages in FORMS]


def _compare(
    name: str, formula: Callable[[Sequence[IndependentCall]], float], arm: Arm, drawn: Sequence[_Instance]
) -> Compared:
    differences, speedups = [], []
    for each in drawn:
        simulated_s = simulate(each.task, arm, each.models, 0).makespan_s
        differences.append(abs(simulated_s / formula(each.calls) - 1))
        speedups.append(sync_s(each.calls) / simulated_s)
    return Compared(name, arm.label, len(drawn), max(differences), min(speedups), max(speedups))


def _instance(number: int, rng: np.random.Generator) -> _Instance:
    """One to `MOST_CALLS` calls; the whole of them executes between a tenth and ten times as long as it decodes."""
    count = int(rng.integers(1, MOST_CALLS + 1))
    scale = 10 ** rng.uniform(-1, 1)
    execute_s = sorted((float(scale * rng.uniform(0.1, 2)) for _ in range(count)), reverse=True)
    names = [f"tool{place}" for place in range(count)]
    written = [Call(n + 1, names[n], {"text": "x" * int(rng.integers(1, 200))}) for n in range(count)]
    decoder = _free_but_for_calls()
    decode_s = [
        decoder.call_tokens(call_text(call.tool, arguments(dict(call.args)))) * decoder.itl_s() for call in written
    ]
    tools = {name: pure(name) for name in names}
    program = Program((*written, Done(tuple(Ref(call.future) for call in written))))
    world = partial(SymbolicWorld, tools, _answer)
    task = Task(f"independent#{number}", "closed forms", (Turn("", program),), tools, {}, world)
    calls = tuple(IndependentCall(g, e) for g, e in zip(decode_s, execute_s, strict=True))
    return _Instance(task, Models(decoder, _durations(dict(zip(names, execute_s, strict=True)))), calls)


def _free_but_for_calls() -> Decoder:
    """A decoder for which only the tokens of calls take time, so many as their text has."""
    decoder = load_decoder("gpt-4o")
    nothing = Quantity(0.0, "tokens", 0, "no measurement", "assumed")
    free = scaled_decoder(decoder, 0).ttft
    return replace(decoder, ttft=free, call=None, step=nothing, answer=nothing, await_=nothing)


def _durations(seconds: Mapping[str, float]) -> DurationModel:
    kinds = {name: Quantity(each, "s", 0, "drawn", "assumed") for name, each in seconds.items()}
    first = next(iter(kinds))
    return DurationModel("drawn", "drawn", kinds, (), Rule("*", first, "assumed", "every tool is a kind of its own"))


def _answer(future: int, tool: str, args: Mapping[str, JSON], digest: str) -> Value:
    return digest
