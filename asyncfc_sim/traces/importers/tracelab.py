"""Round traces of TraceLab (round_trace.jsonl), derived or sanitized: one message of Claude Code or Codex a line.

    {"provider", "session_id", "round_index", "model", "input_tokens_total", "prefix_tokens", "output_tokens",
     "timing_events": [{"event_type": "user_message" | "tool_result" | "reasoning" | "text" | "tool_call" | ...,
                        "timestamp"}],
     "tools": [{"tool_name", "tool_call_id", "emitted_at", "result_at"?, "tool_wall_latency_ms"?,
                "tool_internal_latency_ms"?, "result_chars", "is_error", "input"?}]}

`timing_events` begin with what was new in the prompt and go on with the message. A tool took as long as it says itself
(internal latency). Where it does not, the wall latency counts, from its emission to its result; but Claude Code starts
no tool before its message has ended, so for it the time is taken as in timed.py. Contents of results are not there, so
nothing is known of the flow of values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.sessions import RecordedSession

from .records import FieldFault, Record, count, maybe, number, objects, origin, text
from .source import Source
from .timed import PROVENANCE, TimedCall, TimedMessage, turns
from .times import Clock, elapsed

_INPUT: Final = ("user_message", "tool_result")
_OUTPUT: Final = ("reasoning", "text", "tool_call")


def looks_like(source: Source) -> bool:
    return {"round_index", "timing_events", "session_id"} <= source.first.keys()


@dataclass(slots=True)
class _Rounds:
    line: int
    rounds: list[tuple[int, TimedMessage]] = field(default_factory=list)


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    clock = Clock()
    sessions: dict[str, _Rounds] = {}
    for line, record in source.records():
        try:
            place, message = count(record, "round_index"), _message(record, clock, line)
            sessions.setdefault(text(record, "session_id"), _Rounds(line)).rounds.append((place, message))
        except FieldFault as error:
            source.fault(str(error), line)
    asked = [message.asked_s for each in sessions.values() for _, message in each.rounds if message.asked_s is not None]
    start_s = min(asked, default=0.0)
    for name, session in sessions.items():
        yield session.line, _session(name, session, source, start_s)


def _session(name: str, session: _Rounds, source: Source, start_s: float) -> RecordedSession:
    messages = [message for _, message in sorted(session.rounds, key=lambda item: item[0])]
    answered = [call for message in messages for call in message.calls if call.result_s is not None]
    arrival_s = messages[0].asked_s
    return RecordedSession(
        session=name,
        source=origin(source, "tracelab"),
        arrival_s=None if arrival_s is None else elapsed(start_s, arrival_s, f"to its start, the session {name!r}"),
        turns=tuple(turns(messages)),
        provenance=PROVENANCE
        | {"call.exec_s": "measured" if all(call.own_s is not None for call in answered) else "derived"},
    )


def _message(record: Record, clock: Clock, line: int) -> TimedMessage:
    inputs: list[float] = []
    prompts: list[tuple[float, str | None]] = []
    ends: list[float] = []
    for event in objects(record, "timing_events"):
        kind, time_s = text(event, "event_type"), clock.seconds(event.get("timestamp"), line)
        if kind in _OUTPUT:
            ends.append(time_s)
        elif kind in _INPUT and not ends:
            inputs.append(time_s)
            if kind == "user_message":
                prompts.append((time_s, None))
    tools = objects(record, "tools")
    calls = [_call(tool, record.get("provider") == "claude", clock, line) for tool in tools]
    ends += [call.emitted_s for call in calls]
    if not ends:
        raise FieldFault(f"no event of the message in timing_events; expected one of {', '.join(_OUTPUT)}")
    message = TimedMessage(
        model=maybe(text, record, "model"),
        asked_s=max(inputs, default=None),
        end_s=max(ends),
        prompts=prompts,
        prompt_tokens=maybe(count, record, "input_tokens_total"),
        cached_tokens=maybe(count, record, "prefix_tokens"),
        out_tokens=maybe(count, record, "output_tokens"),
        calls=calls,
    )
    message.since_asked(min(ends))  # a fault of this line, if time ran backwards in it
    return message


def _call(tool: Record, after_message: bool, clock: Clock, line: int) -> TimedCall:
    name = text(tool, "tool_call_id")
    emitted_s = clock.seconds(tool.get("emitted_at"), line)
    result_s = None if tool.get("result_at") is None else clock.seconds(tool["result_at"], line)
    if result_s is not None:
        elapsed(emitted_s, result_s, f"from its emission to its result, the call {name!r}")
    own_ms = maybe(number, tool, "tool_internal_latency_ms")
    wall_ms = maybe(number, tool, "tool_wall_latency_ms")
    if own_ms is None and not after_message:
        own_ms = wall_ms
    return TimedCall(
        id=name,
        tool=text(tool, "tool_name"),
        emitted_s=emitted_s,
        args=_args(tool.get("input")),
        result_s=result_s,
        result_chars=None if result_s is None else maybe(count, tool, "result_chars"),
        own_s=None if own_ms is None else own_ms / 1000,
        error=tool.get("is_error") is True,
    )


def _args(written: Any) -> dict[str, JSON] | None:
    """The arguments: Claude Code's are an object, Codex's the text of one. Codex also has tools that take a text."""
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except ValueError:
            return {"input": written}
    return written if isinstance(written, dict) else None
