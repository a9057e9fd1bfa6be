"""What was recorded, as replays: runs of our own, and sessions in any form that traces/importers reads.

A trace does not write down calls of `await_future` and `cancel_future`; what they did, it does, and from that they are
made again. Calls that were refused were not recorded, or that strict took back. So the calls of a replay are numbered
anew, and with them the references in what the model wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from asyncfc_sim.core.duplicates import rename
from asyncfc_sim.core.messages import AWAIT, CANCEL, arguments
from asyncfc_sim.core.policy import POLICIES, Policy
from asyncfc_sim.core.references import Ref, format_string, parse_string
from asyncfc_sim.traces.encode import template_from_json
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep
from asyncfc_sim.traces.trace import Header, Run

from .model import Usage
from .replay import NOT_RECORDED, Replay, ReplayCall, ReplayMessage


class ReplayError(ValueError):
    """A recording in which there is nothing to replay: which, and what it lacks."""


def replays(recorded: Iterable[Run | RecordedSession]) -> list[Replay]:
    """One replay for each recording, under a name that no other has. Raises ReplayError."""
    found: dict[str, Replay] = {}
    for item in recorded:
        replay = _of_run(item) if isinstance(item, Run) else _of_session(item)
        if not replay.messages:
            raise ReplayError(f"{replay.name!r}: no complete message of a model in it, so there is nothing to replay")
        name, again = replay.name, 1
        while name in found:
            again += 1
            name = f"{replay.name} ({again})"
        found[name] = replace(replay, name=name)
    return list(found.values())


def _are(number: int, what: str) -> str:
    return f"{number} {what} is" if number == 1 else f"{number} {what}s are"


# ------------------------------------------------------------------------------------------------ our own runs


@dataclass(slots=True)
class _Message:
    """A message, while the events of its run are read. What it touched and was handed came after it."""

    requested_s: float
    tokens: dict[str, Any]
    ttft_s: float | None = None
    end_s: float | None = None
    text: str | None = None
    calls: list[tuple[int, str, Mapping[str, Any], float]] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)
    delivered: set[int] = field(default_factory=set)
    cancelled: list[int] = field(default_factory=list)
    last: bool = False  # its turn ended with it

    @property
    def awaited(self) -> list[int]:
        """What it awaited. An answer of the model also waits for what is under way, but is then handed all of that."""
        drained = not self.calls and not self.delivered.isdisjoint(self.touched)
        return [] if self.last or drained else list(dict.fromkeys(self.touched))

    @property
    def answers(self) -> bool:
        return self.last or bool(self.text) or not self.delivered.isdisjoint(self.touched or self.delivered)


def _of_run(run: Run) -> Replay:
    turns, unfinished = _read(run)
    prompts = [event.fields.get("text") for event in run.events if event.rule == "user"]
    futures = [call[0] for turn in turns for message in turn for call in message.calls]
    numbers = {future: number for number, future in enumerate(futures, 1)}
    plain = _plain(run.header)
    kept = [tuple(_message(message, numbers, plain) for message in turn if _said_something(message)) for turn in turns]
    refused = sum(not _said_something(message) for turn in turns for message in turn)
    notes = []
    if unfinished:
        notes.append(f"{_are(unfinished, 'message')} left out: not complete")
    if refused:
        notes.append(f"{_are(refused, 'message')} left out: nothing but calls that were refused")
    return Replay(
        run.header.run,
        _source(run.header),
        tuple(filter(None, kept)),
        tuple(notes),
        prompts=() if None in prompts else tuple(map(str, prompts)),
        futures=_futures(run.header),
    )


def _plain(header: Header) -> bool:
    """Whether a model wrote it that was told of no references, and so escaped nothing that looks like one."""
    policy = _policy(header)
    return header.source == "live" and policy is not None and not policy.references


def _futures(header: Header) -> bool:
    """Whether the policy of the run is one that shows futures, as far as it is known."""
    policy = _policy(header)
    return policy is not None and policy.futures


def _policy(header: Header) -> Policy | None:
    """The policy of a run, in what matters here; None if there is none of its name."""
    policy = POLICIES.get(header.policy or "")
    if policy is None or header.inputs.get("grace_s") != "inf":
        return policy
    return replace(policy, grace_s=inf)


def _source(header: Header) -> str:
    """How a run came about, so that nobody takes a simulation for a measurement."""
    what = {"simulate": "simulated", "live": "recorded live"}.get(header.source, f"made by the driver {header.source}")
    model = header.inputs.get("model" if header.source == "live" else "decoder")
    texts = header.inputs.get("texts")
    details = [f"policy {header.policy}" if header.policy else "", f"model {model}" if model else ""]
    return ", ".join(filter(None, [what, *details, f"texts {texts}" if texts else ""]))


def _read(run: Run) -> tuple[list[list[_Message]], int]:
    """The messages of each turn, and how many were begun and never ended."""
    turns: list[list[_Message]] = []
    by_number: dict[int, _Message] = {}
    message: _Message | None = None  # the one that was asked for last
    for t, rule, fields in run.events:
        match rule:
            case "user":
                turns.append([])
            case "request":
                message = by_number[fields["turn"]] = _Message(t, dict(fields))
                if not turns:
                    turns.append([])
                turns[-1].append(message)
            case "first_token" if (named := by_number.get(fields["turn"])) is not None:
                named.ttft_s = t - named.requested_s
            case "message" if (named := by_number.get(fields["turn"])) is not None:
                named.end_s, named.text = t - named.requested_s, fields.get("text")
                named.tokens |= fields
            case "issue":
                holder = by_number.get(fields.get("message", 0), message)
                if holder is not None:
                    holder.calls.append((fields["future"], fields["tool"], fields["args"], t - holder.requested_s))
            case "touch" if message is not None:
                message.touched += fields["futures"]
            case "deliver" if message is not None:
                message.delivered.update(fields["futures"])
            case "cancel" if message is not None:
                message.cancelled.append(fields["future"])
            case "cut":
                message = _cut(turns, fields["future"]) or message
            case "answer" if message is not None:
                message.last, message.text = True, message.text if message.text is not None else fields.get("text")
    unfinished = [each for turn in turns for each in turn if each.end_s is None]
    return [[each for each in turn if each.end_s is not None] for turn in turns], len(unfinished)


def _cut(turns: list[list[_Message]], failed: int) -> _Message | None:
    """strict: nothing came after the call that failed; returns its message, which is answered anew."""
    for turn in turns:
        for place, message in enumerate(turn):
            if any(call[0] == failed for call in message.calls):
                message.calls = [call for call in message.calls if call[0] <= failed]
                message.touched, message.delivered, message.cancelled = [], set(), []
                del turn[place + 1 :]
                return message
    return None


def _said_something(message: _Message) -> bool:
    return bool(message.calls or message.awaited or message.cancelled) or message.answers


def _message(message: _Message, numbers: Mapping[int, int], plain: bool) -> ReplayMessage:
    same = all(future == number for future, number in numbers.items())
    calls = [
        ReplayCall(tool, _written(args, {} if same else numbers, plain), _closed_s(message, issued_s, place))
        for place, (_, tool, args, issued_s) in enumerate(message.calls, 1)
    ]
    for tool, futures in ((AWAIT, message.awaited), (CANCEL, message.cancelled)):
        known = [Ref(numbers[future]) for future in futures if future in numbers]
        if known:
            calls.append(ReplayCall(tool, arguments({"ids": known}), message.end_s))
    text = message.text
    if text is not None and not same:
        text = format_string(rename(parse_string(text), numbers))
    if not text:
        text = None if calls else NOT_RECORDED if text is None else text
    usage = Usage(*(_tokens(message.tokens.get(name)) for name in ("prompt_tokens", "tokens", "cached_tokens")))
    return ReplayMessage(tuple(calls), text, message.ttft_s, message.end_s, usage)


def _closed_s(message: _Message, issued_s: float, place: int) -> float | None:
    """When a call was complete. One issued only as its message ended was so before, unless it was the last."""
    assert message.end_s is not None
    if issued_s < message.end_s:
        return issued_s
    is_last = place == len(message.calls) and not message.awaited and not message.cancelled
    return message.end_s if is_last else None


def _written(args: Mapping[str, Any], numbers: Mapping[int, int], plain: bool) -> str:
    """Arguments as the decoder wrote them, their references numbered anew."""
    if plain:
        return json.dumps(template_from_json(dict(args)), ensure_ascii=False)
    if not numbers:
        return json.dumps(args, ensure_ascii=False)
    return arguments(rename(template_from_json(dict(args)), numbers))


def _tokens(count: float | None) -> int | None:
    return None if count is None else round(count)


# ------------------------------------------------------------------------------------------------ sessions


def _of_session(session: RecordedSession) -> Replay:
    turns = tuple(tuple(map(_step, turn.steps)) for turn in session.turns if turn.steps)
    steps, calls = list(session.steps()), list(session.calls())
    notes = []
    if untimed := sum(step.llm_s is None for step in steps):
        notes.append(f"{_are(untimed, 'message')} sent at once: no time was recorded")
    if bare := sum(call.args is None for call in calls):
        notes.append(f"{_are(bare, 'call')} sent without arguments: none were recorded")
    prompts = [turn.prompt for turn in session.turns]
    return Replay(
        session.session,
        f"recorded by others: {session.source}",
        turns,
        tuple(notes),
        prompts=() if None in prompts else tuple(map(str, prompts)),
    )


def _step(step: RecordedStep) -> ReplayMessage:
    return ReplayMessage(
        tuple(
            ReplayCall(call.tool, json.dumps(dict(call.args or {}), ensure_ascii=False), _emitted_s(call, step))
            for call in step.calls
        ),
        None if step.calls else NOT_RECORDED,
        step.ttft_s,
        step.llm_s,
        Usage(step.prompt_tokens, step.out_tokens, step.cached_tokens),
    )


def _emitted_s(call: RecordedCall, step: RecordedStep) -> float | None:
    """When a call was complete: as recorded, or by its tokens."""
    if call.emit_s is not None or not call.emit_tok or not step.out_tokens or step.llm_s is None:
        return call.emit_s
    first_s = step.ttft_s or 0.0
    return first_s + (step.llm_s - first_s) * min(1.0, call.emit_tok / step.out_tokens)
