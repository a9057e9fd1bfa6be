"""Transcripts of Claude Code: JSON lines, one a block of a message, a result of a tool, or a message of the user.

    {"type": "assistant", "sessionId", "isSidechain", "uuid", "parentUuid", "timestamp",
     "message": {"id", "model", "usage": {...}, "content": [{"type": "tool_use", "id", "name", "input"} | ...]}}
    {"type": "user", ..., "toolUseResult": {"durationMs"?, ...},
     "message": {"content": text | [{"type": "tool_result", "tool_use_id", "content", "is_error"}, ...]}}

Each block is written when it is complete, so the end of each call in the stream is known; the time of the first token
is not. What is taken for the time of a request and of a tool: timed.py.

The count of output tokens is that of the start of the message in some versions (1 to 4). Where the text of a message
cannot have so few, it stands for its characters at 4 to the token; the thoughts, which are not recorded, are missing
there. Sub-agents (`isSidechain`) are sessions of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.sessions import RecordedSession

from .flow import with_flow
from .records import FieldFault, Record, count, maybe, number, objects, origin, text
from .source import Source
from .timed import PROVENANCE, TimedCall, TimedMessage, turns
from .times import Clock, elapsed

CHARS_PER_TOKEN: Final = 4  # a rule of thumb for English text and JSON
STUB_CHARS_PER_TOKEN: Final = 8  # no text has so many on average: the count is that of the start of the message


def looks_like(source: Source) -> bool:
    return any(
        record.get("type") in ("user", "assistant") and isinstance(record.get("message"), dict) and "uuid" in record
        for record in source.peek(60)
    )


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    clock = Clock()
    conversations: dict[str, _Conversation] = {}
    agents: dict[str, str] = {}  # record of a sub-agent -> its conversation
    start_s = float("inf")
    for line, record in source.records():
        if record.get("type") not in ("user", "assistant"):
            continue  # titles, snapshots of files, notes of the client
        try:
            time_s = clock.seconds(record.get("timestamp"), line)
            name, parent = _whose(record, agents, source)
            conversation = conversations.setdefault(name, _Conversation(name, parent, line))
            conversation.add(record, time_s)
            start_s = min(start_s, time_s)
        except FieldFault as error:
            source.fault(str(error), line)
    for conversation in conversations.values():
        if conversation.messages:
            yield conversation.line, conversation.session(source, start_s)


def _whose(record: Record, agents: dict[str, str], source: Source) -> tuple[str, str | None]:
    """The session that a record belongs to, and the one that started it."""
    session = maybe(text, record, "sessionId") or source.stem
    if not record.get("isSidechain"):
        return session, None
    uuid, before = maybe(text, record, "uuid") or "", maybe(text, record, "parentUuid") or ""
    agent = maybe(text, record, "agentId") or uuid[:8]
    agents[uuid] = agents.get(before, f"{session}/{agent}")
    return agents[uuid], session


class _Conversation:
    """The messages of one session, while its records are read."""

    def __init__(self, name: str, parent: str | None, line: int) -> None:
        self.name, self.parent, self.line = name, parent, line
        self.messages: dict[str, TimedMessage] = {}
        self._chars: dict[str, int] = {}  # of each message, as decoded
        self._calls: dict[str, TimedCall] = {}
        self._prompts: list[tuple[float, str | None]] = []  # since the last message
        self._asked_s: float | None = None

    def add(self, record: Record, time_s: float) -> None:
        message = record.get("message")
        if not isinstance(message, dict):
            raise FieldFault(f"message is {message!r:.60}; expected an object")
        if record["type"] == "user":
            self._user(record, message, time_s)
        elif message.get("model") != "<synthetic>":  # a notice of the client: no model wrote it
            self._assistant(message, time_s)

    def _user(self, record: Record, message: Record, time_s: float) -> None:
        blocks = _blocks(message)
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for block in results:
            name = text(block, "tool_use_id")
            if (call := self._calls.get(name)) is None:
                raise FieldFault(f"a result of the call {name!r}, which no message before made")
            elapsed(call.emitted_s, time_s, f"from its emission to its result, the call {name!r}")
            call.result, call.result_s = _text_of(block), time_s
            call.result_chars = len(call.result)
            call.error = block.get("is_error") is True
            call.own_s = _own_s(record.get("toolUseResult")) if len(results) == 1 else None
        prompt = "\n".join(text(block, "text") for block in blocks if block.get("type") == "text")
        if prompt and not record.get("isMeta") and not record.get("isCompactSummary"):
            self._prompts.append((time_s, prompt))
        self._asked_s = max(self._asked_s or time_s, time_s)

    def _assistant(self, record: Record, time_s: float) -> None:
        name = text(record, "id")
        message = self.messages.get(name) or TimedMessage(
            maybe(text, record, "model"), self._asked_s, time_s, self._prompts
        )
        message.since_asked(time_s)
        usage = {} if record.get("usage") is None else record["usage"]
        if not isinstance(usage, dict):
            raise FieldFault(f"usage is {usage!r:.60}; expected an object")
        parts = [maybe(count, usage, f"{kind}input_tokens") for kind in ("", "cache_creation_", "cache_read_")]
        out_tokens = maybe(count, usage, "output_tokens")
        blocks = _blocks(record)
        calls = [
            TimedCall(text(block, "id"), text(block, "name"), time_s, _args(block))
            for block in blocks
            if block.get("type") == "tool_use"
        ]
        if parts[0] is not None:
            message.prompt_tokens, message.cached_tokens = sum(part or 0 for part in parts), parts[2]
        if out_tokens is not None:
            message.out_tokens = max(message.out_tokens or 0, out_tokens)
        message.end_s = max(message.end_s, time_s)
        self._chars[name] = self._chars.get(name, 0) + sum(map(_chars, blocks))
        message.calls += calls
        self._calls |= {call.id: call for call in calls}
        if name not in self.messages:
            self.messages[name], self._prompts = message, []

    def session(self, source: Source, start_s: float) -> RecordedSession:
        messages = list(self.messages.values())
        stubs = [name for name, message in self.messages.items() if self._is_stub(name, message)]
        for name in stubs:
            self.messages[name].out_tokens = round(self._chars[name] / CHARS_PER_TOKEN)
        told = all(call.own_s is not None for call in self._calls.values() if call.result_s is not None)
        arrival_s = messages[0].asked_s
        return RecordedSession(
            session=self.name,
            source=origin(source, "claude_code"),
            arrival_s=None if arrival_s is None else elapsed(start_s, arrival_s, "from the first record, a session"),
            parent=self.parent,
            turns=with_flow(turns(messages)),
            provenance=PROVENANCE
            | {
                "step.out_tokens": "derived" if stubs else "measured",
                "call.exec_s": "measured" if told else "derived",
            },
        )

    def _is_stub(self, name: str, message: TimedMessage) -> bool:
        return message.out_tokens is not None and self._chars[name] > STUB_CHARS_PER_TOKEN * message.out_tokens


# ------------------------------------------------------------------------------------------------ blocks


def _blocks(message: Record) -> list[dict[str, Any]]:
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else objects(message, "content")


def _args(block: Record) -> dict[str, JSON]:
    args = block.get("input")
    if not isinstance(args, dict):
        raise FieldFault(f"input is {args!r:.60}; expected an object")
    return args


def _text_of(block: Record) -> str:
    """The text of a result; an image has none."""
    if block.get("content") is None:
        return ""
    return "\n".join(text(part, "text") for part in _blocks(block) if part.get("type") == "text")


def _chars(block: Record) -> int:
    """The characters that a block has as decoded."""
    match block.get("type"):
        case "tool_use":
            return len(json.dumps([block["name"], block["input"]], ensure_ascii=False))
        case "text" | "thinking" as name:
            return len(maybe(text, block, name) or "")
    return 0


def _own_s(result: Any) -> float | None:
    """How long a tool says that it took."""
    if not isinstance(result, dict):
        return None
    for name, per_second in (("durationMs", 1000), ("totalDurationMs", 1000), ("durationSeconds", 1)):
        if (duration := maybe(number, result, name)) is not None:
            return duration / per_second
    return None
