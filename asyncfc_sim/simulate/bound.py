"""What no schedule can beat: the longest path through decoding, calls, and what must wait for what.

An oracle's bound: it knows every footprint in advance (no address edges), has a worker for every call, writes each
message once, with a warm cache and the shorter of an argument and its reference, and never awaits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from asyncfc_sim.core.arguments import types_of
from asyncfc_sim.core.events import Issue
from asyncfc_sim.core.makespan import DecodeStep, critical_path, longest_path_with_decoder
from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.order import Order, happens_before, observe
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import UNKNOWN, ErrorValue, Value, bind
from asyncfc_sim.workloads.workload import Task

from . import replay
from .durations import uniform
from .models import Models
from .reference import Reference, path
from .script import Messages
from .writing import call_text, thinking_number


@dataclass(frozen=True, slots=True)
class Bound:
    """Seconds over a whole conversation, turn after turn: the longest path, and the terms of the paper's Eq. 1.

    `decode_s` is T_LLM with every argument written out, as a synchronous model must. `least_s` is the sum over turns
    of max(T_LLM, T_cp): a turn ends by waiting for its calls, so that is the denominator of Eq. 1 for a conversation.
    `kinds_s` is T_tool by the kind of tool.
    """

    longest_path_s: float
    decode_s: float
    tool_s: float
    least_s: float
    kinds_s: Mapping[str, float]


def bound(
    task: Task, reference: Reference, models: Models, seed: int, messages: Messages, *, stream: bool = False
) -> Bound:
    """The bound of `task`, with the durations that every policy gets. `stream`: a turn is one request (AsyncLM)."""
    total = Bound(0.0, 0.0, 0.0, 0.0, {})
    for number in range(1, len(task.turns) + 1):
        one = _turn_bound(task, number, reference.values, models, seed, messages, stream=stream)
        total = Bound(
            total.longest_path_s + one.longest_path_s,
            total.decode_s + one.decode_s,
            total.tool_s + one.tool_s,
            total.least_s + one.least_s,
            {k: total.kinds_s.get(k, 0.0) + one.kinds_s.get(k, 0.0) for k in {**total.kinds_s, **one.kinds_s}},
        )
    return total


@dataclass(frozen=True, slots=True)
class Step:
    """The decoding of a call, of an answer, or none at all where futures are looked at.

    `thinking_of`: the number by which the thinking is drawn that comes on top of `tokens`; 0 if there is none.
    `longer_tokens` are those of a call whose arguments are written out.
    """

    first_token_s: float = 0.0
    tokens: int = 0
    itl_s: float = 0.0
    thinking_of: int = 0
    longer_tokens: int = 0
    issue: int | None = None
    touch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnPath:
    """What a turn goes through, its calls by number, those among them that run, and what must wait for what."""

    steps: tuple[Step, ...]
    calls: Mapping[int, Call]
    ran: frozenset[int]
    order: Order


def turn_path(
    task: Task, number: int, values: Mapping[int, Value], models: Models, messages: Messages, *, stream: bool = False
) -> TurnPath:
    """The path of turn `number`, from 1, given what its futures will be: all of it but what is drawn."""
    decoder, turn = models.decoder, task.turns[number - 1]
    begins = frozenset() if task.recorded is None else task.recorded.begins
    steps: list[Step] = []
    issued = []
    calls: dict[int, Call] = {}
    type_of = types_of(calls, task.tools)
    touched: list[int] = []
    fresh = True  # the next call begins a message
    message: set[int] = set()  # the calls of the message under way: what came of those before it has been shown
    place = 0  # messages begun
    for event in path(turn.program, values):
        if not isinstance(event, Issue):
            steps.append(Step(touch=event.futures))
            touched += event.futures
            fresh = fresh or not message.isdisjoint(event.futures)
            continue
        call = event.call
        calls[call.future] = call
        if messages == "step":
            fresh = fresh or call.future in begins
        message = {call.future} if fresh else message | {call.future}
        asked = fresh and not (stream and place)
        place += fresh
        part = replay.call_part(task, call.future)
        if part is not None:
            ttft_s = replay.part_ttft_s(part, models) if part.first else decoder.least_ttft_s
            step = Step(ttft_s if asked else 0.0, part.tokens, replay.part_itl_s(part, models))
        else:
            tokens, written_out = _call_tokens(call, values, models)
            thinking_of = thinking_number(number, place) if fresh else 0
            ttft_s = decoder.least_ttft_s if asked else 0.0
            step = Step(ttft_s, tokens, decoder.itl_s(), thinking_of, written_out - tokens)
        steps.append(replace(step, issue=call.future))
        tool = task.tools[call.tool]
        issued.append(observe(call, tool, values, touched=touched, barrier=tool.irreversible, type_of=type_of))
        fresh = messages == "call"
    steps.append(_answer(task, number, models, asked=not (stream and place)))
    ran = frozenset(future for future in calls if _runs(values.get(future)))
    return TurnPath(tuple(steps), calls, ran, happens_before(issued, address=False))


def _turn_bound(
    task: Task,
    number: int,
    values: Mapping[int, Value],
    models: Models,
    seed: int,
    messages: Messages,
    *,
    stream: bool,
) -> Bound:
    turn = turn_path(task, number, values, models, messages, stream=stream)
    steps: list[DecodeStep] = []
    longer_s = 0.0  # where arguments are written out
    for step in turn.steps:
        tokens = step.tokens
        if step.thinking_of:
            tokens += models.decoder.step_tokens_at(uniform(seed, f"{task.name}/step", step.thinking_of))
        steps.append(DecodeStep(step.first_token_s + tokens * step.itl_s, step.issue, step.touch))
        longer_s += step.longer_tokens * step.itl_s
    duration: dict[int, float] = {}
    kinds_s: dict[str, float] = {}
    for future, call in turn.calls.items():
        seconds = replay.call_s(task, models, seed, future, call.tool) if future in turn.ran else 0.0
        duration[future] = seconds
        kind = replay.call_kind(task, models, future, call.tool)
        kinds_s[kind] = kinds_s.get(kind, 0.0) + seconds
    decode_s = sum(step.decode_s for step in steps) + longer_s
    critical_s, _ = critical_path(turn.order, duration)
    longest_s = longest_path_with_decoder(turn.order, duration, steps)
    return Bound(longest_s, decode_s, sum(duration.values()), max(decode_s, critical_s), kinds_s)


def _call_tokens(call: Call, values: Mapping[int, Value], models: Models) -> tuple[int, int]:
    """Tokens of a call, written the shorter way and with every argument written out."""
    if not models.overhead:
        tokens = models.decoder.call_tokens(call_text(call.tool, ""))
        return tokens, tokens
    referring = models.decoder.call_tokens(call_text(call.tool, arguments(call.args)))
    literal: Any = bind(dict(call.args), values)
    if literal is UNKNOWN or isinstance(literal, ErrorValue):  # UNKNOWN: of a branch not taken
        return referring, referring
    written_out = models.decoder.call_tokens(call_text(call.tool, arguments(literal)))
    return min(referring, written_out), written_out


def _runs(value: Value) -> bool:
    """Whether a call that came to `value` ever ran."""
    never = ("dependency_failed", "not_executed", "invalid_reference", "invalid_argument")
    return not (isinstance(value, ErrorValue) and value.kind in never)


def _answer(task: Task, number: int, models: Models, *, asked: bool) -> Step:
    """The decoding of a turn's answer; `asked`: it is a request of its own."""
    part, decoder = replay.answer_part(task, number), models.decoder
    if part is None:
        return Step(decoder.least_ttft_s if asked else 0.0, decoder.answer_tokens, decoder.itl_s())
    return Step(replay.part_ttft_s(part, models) if asked else 0.0, part.tokens, replay.part_itl_s(part, models))
