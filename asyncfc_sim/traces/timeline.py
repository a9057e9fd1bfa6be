"""A run as a timeline: what the decoder and each call did when, and which call waited for whose value. Data only.

Spans and arrows are what a terminal view, a Perfetto file or a plot draws. Times are seconds since the start of the
run. A trace that stops early still has a timeline: what is open at its end ends there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from asyncfc_sim.core.syntax import Call, refs_in
from asyncfc_sim.core.values import JSON

from .encode import template_from_json
from .intervals import Interval, Split, lanes, split
from .spans import Arrow, CallSpan, DecodeKind, DecodeSpan, Status
from .trace import Event, Header, RawEvent, Run


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run, drawn. `calls` are in issue order; no two calls in one of the `lanes` lanes overlap."""

    header: Header
    makespan_s: float
    decoder: tuple[DecodeSpan, ...]
    calls: tuple[CallSpan, ...]
    arrows: tuple[Arrow, ...]
    lanes: int
    split: Split


def timeline(run: Run) -> Timeline:
    """The timeline of a run."""
    decoder = _decode_spans(run.events, run.makespan_s)
    lives, moments = _lives(run.events, run.makespan_s)
    assigned = lanes([(life.issued_s, life.ended_s) for life in lives])
    calls = tuple(life.span(lane) for life, lane in zip(lives, assigned, strict=True))
    decoding, calling = busy(run.events)
    return Timeline(
        run.header,
        run.makespan_s,
        tuple(decoder),
        calls,
        (*_data_arrows(lives), *moments),
        max(assigned, default=-1) + 1,
        split(decoding, calling),
    )


def busy(events: Sequence[Event | RawEvent]) -> tuple[list[Interval], list[Interval]]:
    """When the decoder decoded (M) and when each tool ran (E), straight from events: cheap enough for every run."""
    decoding: list[Interval] = []
    calling: list[Interval] = []
    requested: float | None = None
    started: dict[int, float] = {}
    given_up: set[int] = set()
    for t, rule, fields in events:
        if rule == "start":
            started[fields["future"]] = t
        elif rule in ("finish", "fail", "end"):
            future = fields["future"]
            if future in started and (rule != "fail" or future not in given_up):
                calling.append((started.pop(future), t))
        elif rule in ("cancel", "timeout"):
            given_up.add(fields["future"])
        elif rule == "request":
            if requested is not None:
                decoding.append((requested, t))
            requested = t
        elif rule == "message" and requested is not None:
            decoding.append((requested, t))
            requested = None
    if events:
        last = events[-1][0]
        calling += [(start, last) for start in started.values()]
        if requested is not None:
            decoding.append((requested, last))
    return decoding, calling


def _decode_spans(events: Iterable[Event], makespan_s: float) -> list[DecodeSpan]:
    spans: list[DecodeSpan] = []
    turn = 0
    requested: float | None = None  # a message is being decoded since
    prompt: Any = None
    since = 0.0  # start of its decode phase, or of the wait
    waiting = False

    def close(kind: DecodeKind, t: float, tokens: Any = None) -> None:
        if t > since or kind == "decode":
            spans.append(DecodeSpan(kind, turn, since, t, tokens))

    touched_s = 0.0
    for t, rule, fields in events:
        if rule == "request":
            if requested is not None:  # the last request was given up
                close("decode", t)
            elif waiting:
                close("wait", t)
            turn, prompt = fields["turn"], fields.get("prompt_tokens")
            requested = since = t
            waiting = False
        elif rule == "first_token" and requested is not None:
            close("prefill", t, prompt)
            since = t
        elif rule == "message" and requested is not None:
            close("decode", t, fields.get("tokens"))
            requested, since, waiting = None, t, True
        elif rule in ("answer", "give_up") and waiting:
            close("wait", t)
            waiting = False  # what follows is the user's time
        elif rule in ("touch", "deliver"):
            touched_s = t
    if requested is not None:
        close("decode", makespan_s)
    elif waiting:
        close("wait", touched_s)
    return spans


class _Life:
    """A call, while its events are read."""

    def __init__(self, future: int, t: float, tool: str, args: dict[str, JSON], message: Any) -> None:
        self.call = Call(future, tool, {name: template_from_json(value) for name, value in args.items()})
        self.message = message
        self.status: Status = "open"
        self.issued_s = t
        self.started_s: float | None = None
        self.settled_s: float | None = None
        self.ended_s = t
        self.open = True  # the tool may still run, or is still to run
        self.outcome: JSON = None
        self.reads: tuple[str, ...] = ()
        self.writes: tuple[str, ...] = ()

    def start(self, t: float, fields: Any) -> None:
        self.started_s = t
        self.reads, self.writes = tuple(fields["reads"]), tuple(fields["writes"])

    def settle(self, t: float, status: Status, *, ended: bool) -> None:
        if self.settled_s is None:
            self.settled_s, self.status = t, status
        if ended or self.started_s is None:
            self.end(t)

    def fail(self, t: float, error: JSON) -> None:
        # Of a call given up this is the resolution; the end of its tool is an event of its own.
        self.settle(t, "poisoned" if self.started_s is None else "failed", ended=self.settled_s is None)
        self.outcome = error

    def end(self, t: float) -> None:
        if self.open:
            self.ended_s, self.open = t, False

    def span(self, lane: int) -> CallSpan:
        call = self.call
        text = str(call).partition(" = ")[2]
        times = (self.issued_s, self.started_s, self.settled_s, self.ended_s)
        return CallSpan(
            call.future, call.tool, text, self.status, *times, lane, self.message, self.outcome, self.reads, self.writes
        )


def _lives(events: Iterable[Event], makespan_s: float) -> tuple[list[_Life], list[Arrow]]:
    """Every call, in issue order, and the arrows to the decoder."""
    lives: list[_Life] = []
    now: dict[int, _Life] = {}  # after a cut, a number may be given again
    arrows: list[Arrow] = []
    for t, rule, fields in events:
        if rule in ("touch", "deliver"):
            for future in fields["futures"]:
                source = now.get(future)
                if source is not None and source.settled_s is not None:
                    arrows.append(Arrow("touch" if rule == "touch" else "deliver", future, None, source.settled_s, t))
            continue
        if "future" not in fields:
            continue
        future = fields["future"]
        if rule == "issue" or (rule == "start" and future not in now):
            now[future] = _Life(future, t, fields["tool"], fields["args"], fields.get("message"))
            lives.append(now[future])
        life = now.get(future)
        if life is None:
            continue
        match rule:
            case "start":
                life.start(t, fields)
            case "finish":
                life.outcome = fields["value"]
                life.settle(t, "ok", ended=True)
            case "fail":
                life.fail(t, fields["error"])
            case "cancel":
                life.settle(t, "cancelled", ended=False)
            case "timeout":
                life.settle(t, "timeout", ended=False)
            case "end":
                life.end(t)
            case "cut":
                for later in now.values():
                    if later.call.future > future:
                        later.status = "cut"
                        later.settle(t, "cut", ended=False)
    for life in lives:
        life.end(makespan_s)
    return lives, arrows


def _data_arrows(lives: Iterable[_Life]) -> list[Arrow]:
    """One for each call and each future that its arguments name, if that future's value or error got there."""
    arrows: list[Arrow] = []
    before: dict[int, _Life] = {}
    for life in lives:
        arrives_s = life.settled_s if life.started_s is None else life.started_s
        named = {ref.future: None for template in life.call.args.values() for ref in refs_in(template)}
        for future in named:
            source = before.get(future)
            if source is None or source.settled_s is None or arrives_s is None or source.settled_s > arrives_s:
                continue
            arrows.append(Arrow("data", future, life.call.future, source.settled_s, arrives_s))
        before[life.call.future] = life
    return arrows
