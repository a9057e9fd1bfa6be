"""Our own traces of runs (traces/trace.py): each run that asked a decoder for messages is a session.

Of a run on a wall clock what is read off the clock is measured; of a simulated one it is sampled from its models. What
a call needs is known where the decoder used futures: the references that it wrote are `deps`, what it asked to see
before a message is `reads`. Without futures nothing says it. Runs share no clock, so `arrival_s` is known only in a
file of one run. A call that was cut off with the transcript never was.

A run with a broken line in it is no session at all: without one of its events its times would be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asyncfc_sim.core.syntax import refs_in
from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.encode import template_from_json
from asyncfc_sim.traces.sessions import Effect, Provenance, RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from asyncfc_sim.traces.trace import Event, Header, Run, TraceError, parse_trace

from .records import FieldFault, origin
from .source import Source

DIGITS: Final = 9
_CLOCKED: Final = (
    *("arrival_s", "turn.user_gap_s", "step.prompt_tokens", "step.cached_tokens", "step.out_tokens"),
    *("step.text_chars", "step.ttft_s", "step.llm_s", "call.emit_s", "call.exec_s", "call.result_chars"),
)
_FOUND: Final = ("call.deps", "call.reads", "call.effect")


def looks_like(source: Source) -> bool:
    return str(source.first.get("schema", "")).startswith("asyncfc.trace/")


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    pieces = list(_pieces(source))
    for first, lines in pieces:
        try:
            for run in parse_trace((line.encode() for line in lines), source.name):
                yield first, _session(run, source, alone=len(pieces) == 1)
        except TraceError as error:
            source.fault(error.message, first - 1 + (error.line or 1))
        except FieldFault as error:
            source.fault(str(error), first)


def _pieces(source: Source) -> Iterator[tuple[int, list[str]]]:
    """The lines of each run, and the number of the first."""
    first = 1
    lines: list[str] = []
    for number, line in enumerate(source.text.splitlines(keepends=True), 1):
        if _is_header(line) and not all(before.isspace() for before in lines):
            yield first, lines
            first, lines = number, []
        lines.append(line)
    yield first, lines


def _is_header(line: str) -> bool:
    if '"schema"' not in line:
        return False
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(item, dict) and "schema" in item


@dataclass(slots=True)
class _Call:
    """A call, while its events are read."""

    future: int
    tool: str
    written: dict[str, JSON]
    issued_s: float
    bound: dict[str, JSON] | None = None
    started_s: float | None = None
    ended_s: float | None = None
    value: JSON = None
    returned: bool = False
    given_up: bool = False
    effect: Effect | None = None
    error: bool = False


@dataclass(slots=True)
class _Step:
    """A message, while its events are read."""

    requested_s: float
    asked: dict[str, Any]
    read: list[int]  # what the decoder was shown, as it asked, since the message before
    first_token_s: float | None = None
    ended_s: float | None = None
    tokens: float | None = None
    calls: list[_Call] = field(default_factory=list)


class _Reader:
    """Goes through the events of one run."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.turns: list[tuple[float | None, list[_Step]]] = []
        self.futures = False  # whether the decoder was given any
        self._steps: dict[int, _Step] = {}
        self._calls: dict[int, _Call] = {}
        self._touched: list[int] = []
        self._answered_s: float | None = None
        for event in events:
            self._add(*event)

    def _add(self, t: float, rule: str, fields: Any) -> None:
        call = self._calls.get(fields.get("future", 0))
        match rule:
            case "user":
                self.turns.append((None if self._answered_s is None else _s(self._answered_s, t), []))
                self._touched = []
            case "answer" | "give_up":
                self._answered_s = t
            case "request":
                if not self.turns:
                    self.turns.append((None, []))
                step = self._steps[fields["turn"]] = _Step(t, dict(fields), self._touched)
                self.turns[-1][1].append(step)
                self._touched = []
            case "first_token" | "message" if (asked := self._steps.get(fields["turn"])) is not None:
                if rule == "first_token":
                    asked.first_token_s = t
                else:
                    asked.ended_s, asked.tokens = t, fields.get("tokens")
                    asked.asked = {**fields, **asked.asked}  # a live run knows its prompt's tokens only now
            case "touch":
                self.futures = True
                self._touched = [*self._touched, *fields["futures"]]
            case "placeholder":
                self.futures = True
            case "issue":
                self._issue(t, fields)
            case "cut":
                for step in self._steps.values():
                    step.calls = [each for each in step.calls if each.future <= fields["future"]]
            case _ if call is not None:
                _follow(call, t, rule, fields)

    def _issue(self, t: float, fields: Any) -> None:
        number = fields.get("message") or max(self._steps, default=0)
        if number not in self._steps:
            raise FieldFault(f"the call {fields['future']} was issued in no message: no request for it before")
        call = _Call(fields["future"], fields["tool"], fields["args"], t)
        self._calls[call.future] = call
        self._steps[number].calls.append(call)
        self.futures = self.futures or bool(_named(call))


def _follow(call: _Call, t: float, rule: str, fields: Any) -> None:
    match rule:
        case "start":
            call.started_s, call.bound = t, fields["args"]
            call.effect = "write" if fields["writes"] else "read"
        case "finish":
            call.ended_s, call.value, call.returned = t, fields["value"], True
        case "fail":
            call.error = True
            if not call.given_up:  # of a call given up, the tool ends later
                call.ended_s = t
        case "cancel" | "timeout":
            call.given_up = call.error = True
        case "end":
            call.ended_s = t


def _named(call: _Call) -> dict[int, None]:
    """The futures in the arguments of a call, in order."""
    return {ref.future: None for ref in refs_in(template_from_json(call.written))}


# ------------------------------------------------------------------------------------------------ what comes out


def _session(run: Run, source: Source, *, alone: bool) -> RecordedSession:
    header = run.header
    try:
        reader = _Reader(run.events)
    except FieldFault as error:
        raise FieldFault(f"run {header.run!r}: {error}") from None
    first = next((step for _, steps in reader.turns for step in steps), None)
    if first is None:
        raise FieldFault(f"run {header.run!r}: no request to a decoder, as in any run of the source {header.source!r}")
    measured = header.clock == "wall" and not header.inputs.get("replay")
    clocked: Provenance = "measured" if measured else "sampled"
    return RecordedSession(
        session=header.run,
        source=f"{origin(source, 'trace')} ({header.source})",
        arrival_s=first.requested_s if alone else None,
        turns=tuple(
            RecordedTurn(user_gap_s=gap_s, steps=tuple(_step(step, header, reader.futures) for step in steps))
            for gap_s, steps in reader.turns
            if steps
        ),
        provenance={**dict.fromkeys(_CLOCKED, clocked), **dict.fromkeys(_FOUND, "derived")},
    )


def _step(step: _Step, header: Header, futures: bool) -> RecordedStep:
    decoder = header.inputs.get("decoder")
    return RecordedStep(
        model=decoder if isinstance(decoder, str) else None,
        prompt_tokens=_count(step.asked.get("prompt_tokens")),
        cached_tokens=_count(step.asked.get("cached_tokens")),
        out_tokens=_count(step.tokens),
        # With futures awaits are written, too, and what stands in the arguments is not what was written.
        text_chars=None if futures else _count(step.asked.get("text_chars")),
        ttft_s=None if step.first_token_s is None else _s(step.requested_s, step.first_token_s),
        llm_s=None if step.ended_s is None else _s(step.requested_s, step.ended_s),
        calls=tuple(_call(call, step, header, futures) for call in step.calls),
    )


def _call(call: _Call, step: _Step, header: Header, futures: bool) -> RecordedCall:
    full = header.values == "full"
    result, chars = _result(call, full, laid_out="layout" in header.inputs)
    return RecordedCall(
        id=f"f{call.future}",
        tool=call.tool,
        args=call.bound if full and call.bound is not None else call.written,
        emit_s=_emit_s(call, step),
        exec_s=None if call.started_s is None or call.ended_s is None else _s(call.started_s, call.ended_s),
        result=result,
        result_chars=chars,
        deps=tuple(f"f{future}" for future in _named(call)) if futures else None,
        reads=tuple(f"f{future}" for future in dict.fromkeys(step.read)) if futures else None,
        effect=call.effect,
        error=call.error,
    )


def _emit_s(call: _Call, step: _Step) -> float | None:
    """A call issued before its message ended was complete then; of those issued later, only the last was at its end."""
    if step.ended_s is None or call.issued_s < step.ended_s:
        return _s(step.requested_s, call.issued_s)
    return _s(step.requested_s, step.ended_s) if call is step.calls[-1] else None


def _result(call: _Call, full: bool, laid_out: bool) -> tuple[JSON, int | None]:
    """The result and its length. A run that was laid out from a recording has none where none was recorded."""
    if not call.returned or (laid_out and call.value is None):
        return None, None
    match call.value:
        case {"preview": str(), "chars": int() as chars} if not full:
            return None, chars
        case str():
            return call.value, len(call.value)
        case None:  # nothing: not a result that was not recorded
            return None, 0
    return call.value, len(json.dumps(call.value, ensure_ascii=False))


def _count(tokens: float | None) -> int | None:
    return None if tokens is None else round(tokens)


def _s(start_s: float, end_s: float) -> float:
    return round(end_s - start_s, DIGITS)
