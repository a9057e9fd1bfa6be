"""OpenTelemetry's GenAI spans: `chat`, `execute_tool` and `invoke_agent`, of whatever instrumentation wrote them.

A session is a conversation (`gen_ai.conversation.id`), or one trace where none is named; each of its traces is a turn.
A step is a chat span. A call is an execute_tool span: of the message that it links to, or that names it, or that it
stands in, or else of the last that had begun when it started. How long they lasted is `llm_s` and `exec_s`; the time
between the writing of a call and its start is in neither. otlp_scopes.py says which spans belong together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces import semconv
from asyncfc_sim.traces.sessions import MARKED, Provenance, RecordedCall, RecordedSession, RecordedStep, RecordedTurn

from .flow import with_flow
from .kinds import effect_of, kind_of
from .otlp_scopes import Scope, sessions_of
from .otlp_spans import Key, Span, has_spans, read_spans
from .records import FieldFault, count, each, head, maybe, number, origin, text
from .source import Source
from .times import Clock, elapsed

MEASURED: Final[dict[str, Provenance]] = {
    **{prefix + name: "measured" for prefix, names in MARKED.items() for name in names},
    "turn.user_gap_s": "derived",
    "call.kind": "derived",
    "call.effect": "derived",
}
# Where links do not say what a call needed, recorded content may.
FLOW: Final[dict[str, Provenance]] = {"call.deps": "derived", "call.reads": "derived"}

FIRST_GAP: Final = f"{semconv.FIELD}user_gap_s"  # before the first turn, where no time can show it
_EDGES: Final = {"data": "deps", "read": "reads"}


def looks_like(source: Source) -> bool:
    return has_spans(head(source))


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    sessions = sessions_of(read_spans(source))
    begin_ns = min((turns[0].start_ns for turns in sessions), default=0)
    callers = {turn.caller for turns in sessions for turn in turns if turn.caller}
    name = origin(source, "otlp")
    records = ((turns[0].line, turns) for turns in sessions)
    return each(source, records, lambda turns: [_Session(turns, begin_ns, callers, name).session()])


class _Session:
    """One session, while it is read: calls need to know each other."""

    def __init__(self, turns: list[Scope], begin_ns: int, callers: set[Key], source: str) -> None:
        self.turns, self.callers, self.source = turns, callers, source
        start = turns[0].spans[0].resource.get(semconv.RECORDS_START)
        self.begin_ns = start if isinstance(start, int) else begin_ns
        self.ids: dict[Key, str] = {}
        self.names: set[str] = set()

    def session(self) -> RecordedSession:
        first = self.turns[0]
        provenance = _parsed(first.get(semconv.PROVENANCE))
        turns = tuple(self._turn(place, turn) for place, turn in enumerate(self.turns))
        linked = any(semconv.FUTURE in tool.attributes for turn in self.turns for tool in turn.tools)
        return RecordedSession(
            session=first.session,
            source=self.source,
            arrival_s=None if "arrival_s" in _unknown(first.agent) else (first.start_ns - self.begin_ns) / 1e9,
            parent=first.parent,
            turns=turns if linked else with_flow(turns),
            provenance=provenance if isinstance(provenance, dict) else {**MEASURED, **({} if linked else FLOW)},
        )

    def _turn(self, place: int, turn: Scope) -> RecordedTurn:
        gap_ns = turn.start_ns - self.turns[place - 1].end_ns if place else -1
        gap_s = gap_ns / 1e9 if gap_ns >= 0 and "user_gap_s" not in _unknown(turn.agent) else None
        if not turn.chats:
            span = turn.tools[0]
            raise FieldFault(f"span {span.key[1]!r} ({span.name!r:.60}): a call of a tool, and no chat in its trace")
        chats = sorted(turn.chats, key=lambda span: (span.start_ns, span.end_ns))
        emitted = {chat.key: _emitted(chat) for chat in chats}
        calls: dict[Key, list[Span]] = {chat.key: [] for chat in chats}
        for tool in sorted(turn.tools, key=lambda span: span.start_ns):
            calls[_message_of(tool, turn, chats, emitted)].append(tool)
        return RecordedTurn(
            user_gap_s=gap_s if place else maybe(number, turn.agent.attributes if turn.agent else {}, FIRST_GAP),
            prompt=_prompt(turn),
            steps=tuple(self._step(chat, _in_order(calls[chat.key], emitted[chat.key])) for chat in chats),
        )

    def _step(self, chat: Span, calls: list[Span]) -> RecordedStep:
        prompt_tokens, cached_tokens, out_tokens = _usage(chat)
        model = chat.get(semconv.MODEL)
        return RecordedStep(
            model=None if model is None else str(model),
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
            out_tokens=out_tokens,
            text_chars=maybe(count, chat.attributes, f"{semconv.FIELD}text_chars"),
            ttft_s=_first_token(chat),
            llm_s=None if "llm_s" in _unknown(chat) else chat.seconds,
            calls=tuple([self._call(span) for span in calls]),
        )

    def _call(self, span: Span) -> RecordedCall:
        own = span.attributes
        recorded = span.get(semconv.CALL_RESULT)
        result = _parsed(recorded)
        chars = maybe(count, own, f"{semconv.FIELD}result_chars")
        args = _parsed(span.get(semconv.CALL_ARGUMENTS))
        args = args if isinstance(args, dict) else None
        tool = str(span.get(semconv.TOOL_NAME) or span.name.removeprefix(semconv.TOOL).strip() or "unknown")
        ours = semconv.FUTURE in own
        call = RecordedCall(
            id=self._name(span),
            tool=tool,
            kind=maybe(text, own, f"{semconv.FIELD}kind") if ours else self._kind(span, tool, args),
            args=args,
            emit_tok=maybe(count, own, f"{semconv.FIELD}emit_tok"),
            emit_s=maybe(number, own, f"{semconv.FIELD}emit_s"),
            exec_s=None if "exec_s" in _unknown(span) else span.seconds,
            result=result,
            result_chars=chars if ours else _length(result, recorded),
            deps=self._linked(span, "data"),
            reads=self._linked(span, "read"),
            effect=own.get(f"{semconv.FIELD}effect") if ours else effect_of(tool, args),
            error=span.failed,
        )
        self.ids[span.key] = call.id
        return call

    def _kind(self, span: Span, tool: str, args: Mapping[str, JSON] | None) -> str | None:
        return "sub_agent" if span.key in self.callers else kind_of(tool, args)

    def _name(self, span: Span) -> str:
        """The id of a call; some models count theirs anew in each message."""
        name = str(span.get(semconv.CALL_ID) or span.key[1])
        if name in self.names:
            name = f"{name}@{span.key[1]}"
        self.names.add(name)
        return name

    def _linked(self, span: Span, edge: str) -> tuple[str, ...] | None:
        """The calls that it links to over such edges; None where links do not say it."""
        if semconv.FUTURE not in span.attributes or _EDGES[edge] in _unknown(span):
            return None
        return tuple(self.ids[key] for key, link in span.links if link.get(semconv.EDGE) == edge and key in self.ids)


def _message_of(tool: Span, turn: Scope, chats: list[Span], emitted: Mapping[Key, list[str]]) -> Key:
    for key, link in tool.links:
        if link.get(semconv.EDGE) == "call" and key in emitted:
            return key
    call_id = tool.get(semconv.CALL_ID)
    for chat in reversed(chats):
        if call_id in emitted[chat.key] and chat.start_ns <= tool.start_ns:
            return chat.key
    if turn.around.get(tool.key) in emitted:
        return turn.around[tool.key]
    return next((chat.key for chat in reversed(chats) if chat.start_ns <= tool.start_ns), chats[0].key)


def _in_order(calls: list[Span], emitted: list[str]) -> list[Span]:
    """Calls of one message as they were emitted, where that is known, else as they started."""
    places = {name: place for place, name in enumerate(emitted)}

    def order(span: Span) -> tuple[int, int]:
        future = span.attributes.get(semconv.FUTURE)
        return future if isinstance(future, int) else 0, places.get(str(span.get(semconv.CALL_ID)), len(places))

    return sorted(calls, key=order)


def _emitted(chat: Span) -> list[str]:
    """The ids of the calls in a message, if its content was recorded."""
    return [str(part["id"]) for part in _parts(chat.get(semconv.OUTPUT_MESSAGES), "assistant") if part.get("id")]


def _prompt(turn: Scope) -> str | None:
    """What the user said last."""
    said = [part.get("content") for part in _parts(turn.get(semconv.INPUT_MESSAGES), "user", last=True)]
    return "\n".join(words for words in said if isinstance(words, str)) or None


def _parts(messages: Any, role: str, *, last: bool = False) -> list[dict[str, Any]]:
    """The parts of all messages of a role, or of the last. Content of another form than the conventions' has none."""
    wanted = [message for message in _dicts(_parsed(messages)) if message.get("role") == role]
    return [part for message in (wanted[-1:] if last else wanted) for part in _dicts(message.get("parts"))]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _usage(chat: Span) -> tuple[int | None, int | None, int | None]:
    """Tokens of the whole prompt, those of them that came from the prefix cache, and tokens that were decoded."""
    details = _parsed(chat.get(semconv.USAGE_DETAILS))
    if isinstance(details, dict):
        return maybe(count, details, "input"), None, maybe(count, details, "output")
    prompt, cached, written, out = (
        _first_count(chat, names)
        for names in (semconv.INPUT_TOKENS, semconv.CACHE_READ, semconv.CACHE_WRITE, semconv.OUTPUT_TOKENS)
    )
    if prompt is not None and (cached or 0) + (written or 0) > prompt:
        prompt += (cached or 0) + (written or 0)  # as Anthropic counts: what is in the cache comes on top
    return prompt, cached, out


def _first_count(span: Span, names: tuple[str, ...]) -> int | None:
    return next((count(span.attributes, name) for name in names if span.attributes.get(name) is not None), None)


def _first_token(chat: Span) -> float | None:
    first = chat.get(semconv.COMPLETION_START)
    if first is None:
        return maybe(number, chat.attributes, semconv.FIRST_CHUNK)
    return elapsed(chat.start_ns / 1e9, Clock().seconds(_parsed(first)), "the time to the first token")


def _length(result: JSON, recorded: Any) -> int | None:
    """Of a result as text: a text as it is, anything else as it was recorded."""
    words = result if isinstance(result, str) else recorded
    return len(words) if isinstance(words, str) else None


def _unknown(span: Span | None) -> list[str]:
    """Which times of a span only stand for times that were not recorded: our exporter says so."""
    names = span.get(semconv.UNKNOWN) if span else None
    return names if isinstance(names, list) else []


def _parsed(value: Any) -> JSON:
    """The JSON in a text; what is none is the text itself."""
    try:
        parsed: JSON = json.loads(value, parse_constant=_refuse) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return str(value)
    return parsed


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
