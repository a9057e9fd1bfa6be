"""What a model wrote in a run, and what its tools did; and apart from that, how long each of it took.

It is read from the run's trace, which has the times, and from its chat, which has all that was written: awaits too,
which a trace has no events for. With it a run can be played again in a simulation, exactly as it was or at another
pace, whatever the model would have said then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncfc_sim.core.messages import AWAIT, CANCEL
from asyncfc_sim.core.references import Template
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.wire import call_from_wire

from .encode import error_from_json
from .sessions import shown, written_chars
from .trace import Event, Run

FORGED = "drain_"  # how the ids of awaits begin that the model did not write


class EmissionError(ValueError):
    """A run of which it cannot be told what was written in which message: why."""


@dataclass(frozen=True, slots=True)
class EmittedCall:
    """A call as it was written, and how many seconds after the request for its message it was complete."""

    tool: str
    args: Mapping[str, Template]
    text: str
    complete_s: float


@dataclass(frozen=True, slots=True)
class EmittedMessage:
    """A message. Tokens are the server's count, None where it has none; `uncached_tokens` of the prompt were not in the
    prefix cache, or if nobody says so, were not in the prompt before. `ttft_s` is until something of it was seen."""

    calls: tuple[EmittedCall, ...]
    text: str
    tokens: int | None
    uncached_tokens: int | None
    ttft_s: float
    decode_s: float

    @property
    def opens_with_call(self) -> bool:
        return bool(self.calls) and not self.text

    @property
    def text_share(self) -> float | None:
        """The share of what was written that is text, not calls, by its length; None if most of it is not shown."""
        chars = shown(len(self.text) + sum(written_chars(call.tool, call.text) for call in self.calls), self.tokens)
        return len(self.text) / chars if chars else None

    @property
    def llm_s(self) -> float:
        """From the request to the end of the message."""
        return self.ttft_s + self.decode_s


@dataclass(frozen=True, slots=True)
class EmittedTurn:
    """What the user said, and all that the model wrote until it had answered."""

    prompt: str
    messages: tuple[EmittedMessage, ...]


@dataclass(frozen=True, slots=True)
class Emission:
    """A run. Calls are numbered as their futures: how long each ran (if it did), what it was bound to, its value."""

    name: str
    turns: tuple[EmittedTurn, ...]
    tools: Mapping[int, str]
    args: Mapping[int, Mapping[str, JSON]]
    call_s: Mapping[int, float]
    values: Mapping[int, Value]
    answered_s: float  # from the first message of the user to the last answer

    @property
    def messages(self) -> Iterator[EmittedMessage]:
        for turn in self.turns:
            yield from turn.messages


def answered_s(events: Iterable[Event | tuple[float, str, Any]]) -> float:
    """Seconds from the first message of the user to the last answer; 0 if there is none."""
    user = [event[0] for event in events if event[1] == "user"]
    answers = [event[0] for event in events if event[1] == "answer"]
    return answers[-1] - user[0] if user and answers else 0.0


def emission(run: Run, chat: Sequence[Mapping[str, Any]], *, references: bool, prefix_cache: bool = True) -> Emission:
    """What was emitted in `run`, whose chat is this. `references`: whether the model knew how to write any. Where its
    server has no `prefix_cache`, all tokens of a prompt are uncached.

    Raises EmissionError if the two do not belong together, as where strict has cut the chat back.
    """
    seen = _Seen(run.events)
    turns: list[EmittedTurn] = []
    numbered = 0
    held = 0
    messages = iter(sorted(seen.messages.items()))
    for said in chat:
        if said["role"] == "user":
            turns.append(EmittedTurn(str(said["content"]), ()))
            continue
        if said["role"] != "assistant":
            continue
        number, times = next(messages, (0, None))
        if times is None or not turns:
            raise EmissionError(f"run {run.header.run!r}: its chat has messages of the model that its trace lacks")
        calls = []
        for call in said.get("tool_calls") or ():
            if str(call["id"]).startswith(FORGED):
                continue
            tool = call["function"]["name"]
            numbered += tool not in (AWAIT, CANCEL)
            issued_s = seen.issued_s.get((number, numbered)) if tool not in (AWAIT, CANCEL) else None
            calls.append(_call(tool, call["function"]["arguments"], times.complete_s(issued_s), references))
        prompt = times.fields.get("prompt_tokens")
        message = EmittedMessage(
            tuple(calls),
            str(said.get("content") or ""),
            times.fields.get("tokens"),
            _uncached(prompt, times.fields.get("cached_tokens"), held),
            times.first_s - times.asked_s,
            times.ended_s - times.first_s,
        )
        held = (prompt or held) if prefix_cache else 0
        turns[-1] = EmittedTurn(turns[-1].prompt, (*turns[-1].messages, message))
    if next(messages, None) is not None:
        raise EmissionError(f"run {run.header.run!r}: its trace has messages of the model that its chat lacks")
    return Emission(
        run.header.run, tuple(turns), seen.tools, seen.args, seen.call_s, seen.values, answered_s(run.events)
    )


def _call(tool: str, text: str, complete_s: float, references: bool) -> EmittedCall:
    try:
        args = call_from_wire(1, tool, text, references=references).args
    except LanguageError:  # it was refused when it was written; as it stands in the chat it has no arguments
        args = {}
    return EmittedCall(tool, args, text, complete_s)


def _uncached(prompt: int | None, cached: int | None, held: int) -> int | None:
    if prompt is None:
        return None
    return max(0, prompt - (held if cached is None else cached))


@dataclass(slots=True)
class _Times:
    """When a message was asked for, begun and complete."""

    asked_s: float
    first_s: float = -1.0
    ended_s: float = -1.0
    fields: Mapping[str, Any] = field(default_factory=dict)

    def complete_s(self, issued_s: float | None) -> float:
        """Of a call that was issued then; at the end if it was not."""
        return min(self.ended_s, max(self.first_s, self.ended_s if issued_s is None else issued_s)) - self.asked_s


class _Seen:
    """The times of a trace, by message and by future."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.messages: dict[int, _Times] = {}
        self.issued_s: dict[tuple[int, int], float] = {}  # by message and future
        self.tools: dict[int, str] = {}
        self.args: dict[int, Mapping[str, JSON]] = {}
        self.call_s: dict[int, float] = {}
        self.values: dict[int, Value] = {}
        self._started_s: dict[int, float] = {}
        for t, rule, fields in events:
            self._add(t, rule, fields)
        self.messages = {number: times for number, times in self.messages.items() if times.ended_s >= 0}

    def _add(self, t: float, rule: str, fields: Any) -> None:
        match rule:
            case "request":
                self.messages[fields["turn"]] = _Times(t)
            case "first_token" | "message" if (times := self.messages.get(fields["turn"])) is not None:
                if rule == "first_token":
                    times.first_s = t
                else:
                    times.first_s = t if times.first_s < 0 else times.first_s
                    times.ended_s, times.fields = t, fields
            case "issue":
                self.tools[fields["future"]] = fields["tool"]
                self.issued_s[fields.get("message") or 0, fields["future"]] = t
            case "start":
                self._started_s[fields["future"]] = t
                self.args[fields["future"]] = fields["args"]
            case "finish" | "fail" | "end":
                self._ended(t, rule, fields)

    def _ended(self, t: float, rule: str, fields: Any) -> None:
        future = fields["future"]
        if rule == "finish":
            self.values[future] = fields["value"]
        elif rule == "fail":
            self.values[future] = error_from_json(fields["error"])
        if future in self._started_s:
            self.call_s[future] = t - self._started_s[future]
