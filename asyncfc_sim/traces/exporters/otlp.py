"""Recorded sessions as GenAI spans: `invoke_agent` for a turn, `chat` for a step, `execute_tool`; one line a session.

A session has durations, a span has times; so the steps of a turn are laid one after another, and the calls of a message
start at its end, or at the end of the last call that they depend on. A duration that is not known lasts no time in the
span, and `asyncfc.unknown` says so. Times are rounded to nanoseconds. Read back, all else is as it was, but for content
(prompts, arguments, results), which is written only if asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from asyncfc_sim.traces import semconv
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn

from .fault import ExportFault
from .otlp_json import CLIENT, START_NS, SpanOut, as_text, line, nanoseconds, span_id, trace_id

# What the conventions have no name for.
OWN: Final = ("kind", "emit_tok", "emit_s", "result_chars", "effect")


def otlp_lines(
    sessions: Iterable[RecordedSession], *, content: bool = False, start_ns: int = START_NS
) -> Iterator[str]:
    """A line for each session. `start_ns` is when the records began, in nanoseconds since 1970.

    Raises ExportFault if two sessions have one name, since spans say only by it which session they are of.
    """
    names: set[str] = set()
    for session in sessions:
        if session.session in names:
            raise ExportFault(f"two sessions are named {session.session!r}; in spans they would be one")
        names.add(session.session)
        yield line(session_spans(session, content=content, start_ns=start_ns), start_ns)


def session_spans(session: RecordedSession, *, content: bool = False, start_ns: int = START_NS) -> list[SpanOut]:
    """The spans of a session, each turn a trace of its own."""
    return _Layout(session, content, start_ns).spans


class _Layout:
    """Lays a session out in time."""

    def __init__(self, session: RecordedSession, content: bool, start_ns: int) -> None:
        self.session, self.content = session, content
        self.spans: list[SpanOut] = []
        self.calls: dict[str, SpanOut] = {}
        self.futures = count(1)
        now = start_ns + nanoseconds(session.arrival_s or 0.0)
        for place, turn in enumerate(session.turns, 1):
            # Before the first turn there is nothing that a pause could follow: it is an attribute.
            now = self._turn(place, turn, now + (nanoseconds(turn.user_gap_s or 0.0) if place > 1 else 0))

    def _turn(self, place: int, turn: RecordedTurn, now: int) -> int:
        session = self.session
        trace = trace_id(session.session, place)
        agent = SpanOut(semconv.AGENT, trace, span_id(session.session, place), None, now, now)
        self.spans.append(agent)
        for number, step in enumerate(turn.steps, 1):
            now = self._step(agent, number, step, now)
        agent.end_ns = now
        agent.attributes = {
            semconv.OPERATION: semconv.AGENT,
            semconv.CONVERSATION[0]: session.session,
            semconv.PARENT: session.parent,
            semconv.PROVENANCE: as_text(dict(session.provenance)),
            f"{semconv.FIELD}user_gap_s": turn.user_gap_s if place == 1 else None,
            semconv.UNKNOWN: [*_unknown(turn, "user_gap_s"), *_unknown(session, "arrival_s")],
        }
        if self.content and turn.prompt is not None:
            message = {"role": "user", "parts": [{"type": "text", "content": turn.prompt}]}
            agent.attributes[semconv.INPUT_MESSAGES] = as_text([message])
        return now

    def _step(self, agent: SpanOut, number: int, step: RecordedStep, now: int) -> int:
        chat = SpanOut(
            name=f"{semconv.CHAT} {step.model}" if step.model else semconv.CHAT,
            trace=agent.trace,
            span=span_id(agent.span, number),
            parent=agent.span,
            start_ns=now,
            end_ns=now + nanoseconds(step.llm_s or 0.0),
            kind=CLIENT,
            attributes={
                semconv.OPERATION: semconv.CHAT,
                semconv.REQUEST_MODEL: step.model,
                semconv.CONVERSATION[0]: self.session.session,
                semconv.FIRST_CHUNK: step.ttft_s,
                semconv.INPUT_TOKENS[0]: step.prompt_tokens,
                semconv.CACHE_READ[0]: step.cached_tokens,
                semconv.OUTPUT_TOKENS[0]: step.out_tokens,
                f"{semconv.FIELD}text_chars": step.text_chars,
                semconv.UNKNOWN: _unknown(step, "llm_s"),
            },
        )
        self.spans.append(chat)
        return max([chat.end_ns, *(self._call(agent, chat, call).end_ns for call in step.calls)])

    def _call(self, agent: SpanOut, chat: SpanOut, call: RecordedCall) -> SpanOut:
        deps = [self.calls[name] for name in call.deps or ()]
        start = max([chat.end_ns, *(dep.end_ns for dep in deps)])
        future = next(self.futures)
        span = SpanOut(
            name=f"{semconv.TOOL} {call.tool}",
            trace=agent.trace,
            span=span_id(agent.span, "call", future),
            parent=agent.span,
            start_ns=start,
            end_ns=start + nanoseconds(call.exec_s or 0.0),
            attributes={
                semconv.OPERATION: semconv.TOOL,
                semconv.TOOL_NAME: call.tool,
                semconv.CALL_ID: call.id,
                semconv.FUTURE: future,
                **{semconv.FIELD + name: getattr(call, name) for name in OWN},
                semconv.UNKNOWN: _unknown(call, "exec_s", "deps", "reads"),
            },
            links=[
                (chat, "call"),
                *((dep, "data") for dep in deps),
                *((self.calls[name], "read") for name in call.reads or ()),
            ],
            error="tool_error" if call.error else None,
        )
        if self.content:
            span.attributes[semconv.CALL_ARGUMENTS[0]] = None if call.args is None else as_text(dict(call.args))
            span.attributes[semconv.CALL_RESULT[0]] = None if call.result is None else as_text(call.result)
        self.spans.append(span)
        self.calls[call.id] = span
        return span


def _unknown(part: object, *names: str) -> list[str]:
    return [name for name in names if getattr(part, name) is None]


def lost(sessions: Iterable[RecordedSession], *, content: bool = False) -> list[str]:
    """What of these sessions the spans do not hold, in words."""
    if content:
        return []
    texts = [
        *(("prompts", turn.prompt) for session in sessions for turn in session.turns),
        *(("arguments", call.args) for session in sessions for call in session.calls()),
        *(("results", call.result) for session in sessions for call in session.calls()),
    ]
    left_out = [
        word for word in ("prompts", "arguments", "results") if any(w == word and t is not None for w, t in texts)
    ]
    return [f"{' and '.join(left_out)} were left out: content is written only if asked for"] if left_out else []
