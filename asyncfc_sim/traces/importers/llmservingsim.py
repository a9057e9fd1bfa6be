"""Files of LLMServingSim: workloads for its simulator, and what its vLLM benchmark measured; one object a line.

    agentic      {"session_id", "arrival_time_ns", "sub_requests": [{"input_toks", "output_toks", "tool_duration_ns"}]}
    flat         {"input_toks", "output_toks", "arrival_time_ns"}
    measured     {"request_id", "input_toks", "output_toks", "arrival_time", "queued_ts", "scheduled_ts",
                  "first_token_ts", "last_token_ts"}

In an agentic session a sub-request waits for the one before and then for its `tool_duration_ns`: one call, of a tool
that is not named. That of the last is read by nobody, there as here.

In measured requests `arrival_time` is the time of day, and the rest is a monotonic clock, so `ttft_s` and `llm_s` begin
with `queued_ts`, a fraction of a second after the arrival: the time in the queue is part of both. All in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any, Final

from asyncfc_sim.traces.sessions import Provenance, RecordedCall, RecordedSession, RecordedStep, RecordedTurn

from .records import FieldFault, Record, count, each, maybe, number, objects, origin, text
from .source import Source

CLOCK: Final = ("queued_ts", "scheduled_ts", "first_token_ts", "last_token_ts")

MEASURED: Final[dict[str, Provenance]] = {
    "arrival_s": "measured",
    "step.prompt_tokens": "measured",
    "step.out_tokens": "measured",
    "step.ttft_s": "measured",
    "step.llm_s": "measured",
}
# Arrivals are made by its generators; a tool's time is that from an answer to the next message of a recording.
WORKLOAD: Final[dict[str, Provenance]] = {
    "arrival_s": "derived",
    "step.prompt_tokens": "measured",
    "step.out_tokens": "measured",
    "call.exec_s": "derived",
}


def looks_like(source: Source) -> bool:
    return "sub_requests" in source.first or "input_toks" in source.first


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    records = list(source.records())
    start_s = min(_arrivals(records), default=0.0)
    lines = ((line, (line, record)) for line, record in records)

    def sessions(item: tuple[int, dict[str, Any]]) -> Iterator[RecordedSession]:
        line, record = item
        if "sub_requests" in record:
            yield _agentic(record, origin(source, "llmservingsim"))
        else:
            yield _single(record, line, start_s, origin(source, "llmservingsim"))

    return each(source, lines, sessions)


def _arrivals(records: list[tuple[int, dict[str, Any]]]) -> Iterator[float]:
    """Of measured requests, by the time of day; what is no time is told of later, where the request is read."""
    for _, record in records:
        with suppress(FieldFault):
            yield number(record, "arrival_time")


def _agentic(record: Record, source: str) -> RecordedSession:
    requests = objects(record, "sub_requests")
    steps = [_step(request) for request in requests]
    for place, request in enumerate(requests[:-1], 1):
        # Left out it is zero, by the documentation of the format.
        exec_s = (maybe(number, request, "tool_duration_ns") or 0.0) / 1e9
        steps[place - 1] = _step(request, (RecordedCall(id=str(place), tool="unknown", exec_s=exec_s),))
    return RecordedSession(
        session=text(record, "session_id"),
        source=source,
        arrival_s=number(record, "arrival_time_ns") / 1e9,
        turns=(RecordedTurn(steps=tuple(steps)),),
        provenance=WORKLOAD,
    )


def _single(record: Record, line: int, start_s: float, source: str) -> RecordedSession:
    measured = "request_id" in record
    if not measured and "arrival_time_ns" not in record:
        raise FieldFault("neither a measured request (request_id, ...) nor one of a workload (arrival_time_ns)")
    return RecordedSession(
        session=text(record, "request_id") if measured else f"request-{line}",
        source=source,
        arrival_s=number(record, "arrival_time") - start_s if measured else number(record, "arrival_time_ns") / 1e9,
        turns=(RecordedTurn(steps=(_timed(record) if measured else _step(record),)),),
        provenance=MEASURED if measured else WORKLOAD,
    )


def _step(record: Record, calls: tuple[RecordedCall, ...] = ()) -> RecordedStep:
    return RecordedStep(prompt_tokens=count(record, "input_toks"), out_tokens=count(record, "output_toks"), calls=calls)


def _timed(record: Record) -> RecordedStep:
    times = [number(record, name) for name in CLOCK]
    for (before, earlier), (after, later) in pairwise(zip(CLOCK, times, strict=True)):
        if later < earlier:
            raise FieldFault(f"{after} is {later}, before {before}, {earlier}")
    return RecordedStep(
        prompt_tokens=count(record, "input_toks"),
        out_tokens=count(record, "output_toks"),
        ttft_s=times[2] - times[0],
        llm_s=times[3] - times[0],
    )
