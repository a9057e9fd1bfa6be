"""Our own runs as GenAI spans, as they happened: decoding and tools overlap, and links show who waited for whose value.

A turn of the user is a trace. A call that never ran has a span from its issue to its resolution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from asyncfc_sim.traces import semconv
from asyncfc_sim.traces.intervals import Interval, split
from asyncfc_sim.traces.sessions import MARKED
from asyncfc_sim.traces.spans import CallSpan, DecodeSpan
from asyncfc_sim.traces.timeline import timeline
from asyncfc_sim.traces.trace import Header, Run

from .otlp_json import CLIENT, START_NS, SpanOut, as_text, line, nanoseconds, span_id, trace_id


def run_lines(runs: Iterable[Run], *, content: bool = False, start_ns: int = START_NS) -> Iterator[str]:
    """A line for each run."""
    for run in runs:
        yield line(run_spans(run, content=content, start_ns=start_ns), start_ns)


def run_spans(run: Run, *, content: bool = False, start_ns: int = START_NS) -> list[SpanOut]:
    """The spans of a run: its turns, its messages, its calls."""
    drawn = timeline(run)
    requests = {fields["turn"]: fields for _, rule, fields in run.events if rule == "request"}
    users = [t for t, rule, _ in run.events if rule == "user"] or [0.0]
    agents = [_agent(run, place, start_ns + nanoseconds(t)) for place, t in enumerate(users, 1)]

    def agent_at(t: float) -> SpanOut:
        return agents[max(0, sum(user <= t for user in users) - 1)]

    messages: dict[int, list[DecodeSpan]] = {}
    for span in drawn.decoder:
        if span.kind != "wait":
            messages.setdefault(span.turn, []).append(span)
    chats = {
        number: _chat(run, number, spans, requests.get(number, {}), agent_at(spans[0].start_s), start_ns)
        for number, spans in messages.items()
    }
    decoding = [(span.start_s, span.end_s) for spans in messages.values() for span in spans]
    tools = [_call(call, decoding, agent_at(call.issued_s), start_ns, content) for call in drawn.calls]
    calls: dict[int, SpanOut] = {}  # after a cut a number is given again: the last counts
    for call, tool in zip(drawn.calls, tools, strict=True):
        calls[call.future] = tool
        if (chat := chats.get(call.message or 0)) is not None:
            tool.links.append((chat, "call"))
    for arrow in drawn.arrows:
        if arrow.target is not None and arrow.target in calls and arrow.source in calls:
            calls[arrow.target].links.append((calls[arrow.source], "data"))
    below = [*chats.values(), *tools]
    for agent in agents:
        agent.end_ns = max([agent.start_ns, *(span.end_ns for span in below if span.parent == agent.span)])
    return [*agents, *below]


def _agent(run: Run, place: int, at_ns: int) -> SpanOut:
    header = run.header
    return SpanOut(
        name=semconv.AGENT,
        trace=trace_id(header.run, place),
        span=span_id(header.run, place),
        parent=None,
        start_ns=at_ns,
        end_ns=at_ns,
        attributes={
            semconv.OPERATION: semconv.AGENT,
            semconv.CONVERSATION[0]: header.run,
            "asyncfc.policy": header.policy,
            "asyncfc.case": header.case,
            "asyncfc.clock": header.clock,
            semconv.PROVENANCE: as_text(_provenance(header)),
            "asyncfc.source": header.source,
        },
    )


def _provenance(header: Header) -> dict[str, str]:
    """Where the numbers of the spans are from: what a simulation drew from its models was measured by nobody."""
    clocked = "sampled" if header.clock == "simulated" else "measured"
    names = [prefix + name for prefix, names in MARKED.items() for name in names]
    return {name: "derived" if name in ("call.deps", "call.reads") else clocked for name in names}


def _chat(run: Run, number: int, spans: list[DecodeSpan], request: Any, agent: SpanOut, start_ns: int) -> SpanOut:
    prefill, decode = (next((span for span in spans if span.kind == kind), None) for kind in ("prefill", "decode"))
    model = run.header.inputs.get("decoder")
    tokens = (request.get("prompt_tokens"), request.get("cached_tokens"), None if decode is None else decode.tokens)
    prompt_tokens, cached_tokens, out_tokens = (None if number is None else round(number) for number in tokens)
    return SpanOut(
        name=f"{semconv.CHAT} {model}" if isinstance(model, str) else semconv.CHAT,
        trace=agent.trace,
        span=span_id(run.header.run, "message", number),
        parent=agent.span,
        start_ns=start_ns + nanoseconds(spans[0].start_s),
        end_ns=start_ns + nanoseconds(spans[-1].end_s),
        kind=CLIENT,
        attributes={
            semconv.OPERATION: semconv.CHAT,
            semconv.REQUEST_MODEL: model if isinstance(model, str) else None,
            semconv.CONVERSATION[0]: run.header.run,
            semconv.FIRST_CHUNK: None if prefill is None else round(prefill.end_s - prefill.start_s, 9),  # as spans
            semconv.INPUT_TOKENS[0]: prompt_tokens,
            semconv.CACHE_READ[0]: cached_tokens,
            semconv.OUTPUT_TOKENS[0]: out_tokens,
        },
    )


def _call(call: CallSpan, decoding: list[Interval], agent: SpanOut, start_ns: int, content: bool) -> SpanOut:
    began = call.issued_s if call.started_s is None else call.started_s
    span = SpanOut(
        name=f"{semconv.TOOL} {call.tool}",
        trace=agent.trace,
        span=span_id(agent.span, "call", call.future, call.issued_s),
        parent=agent.span,
        start_ns=start_ns + nanoseconds(began),
        end_ns=start_ns + nanoseconds(call.ended_s),
        attributes={
            semconv.OPERATION: semconv.TOOL,
            semconv.TOOL_NAME: call.tool,
            semconv.CALL_ID: f"f{call.future}",
            semconv.FUTURE: call.future,
            semconv.STATE: call.status,
            semconv.WAIT: began - call.issued_s,
            semconv.OVERLAP: 0.0 if call.running is None else split(decoding, [call.running]).decode_tool_s,
            semconv.UNKNOWN: ["reads", *(["exec_s"] if call.started_s is None else [])],
        },
        error=None if call.status == "ok" else _kind(call),
    )
    if content:
        span.attributes[semconv.CALL_RESULT[0]] = as_text(call.outcome)
    return span


def _kind(call: CallSpan) -> str:
    kind = call.outcome.get("kind") if isinstance(call.outcome, dict) else None
    return str(kind or call.status)
