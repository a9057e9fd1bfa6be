"""Runs as Chrome Trace Event JSON, which ui.perfetto.dev and chrome://tracing open.

A process per run, one track for the decoder, as many for the calls as ran or waited at once, and an arrow for every
value that went from a future to a call or to the decoder. Times are microseconds, to the nanosecond.

Perfetto is particular, and silent about what it drops (a flow needs a slice that is open at its time; slices that
overlap in one track without nesting vanish; track numbers are global). So all times are whole nanoseconds before they
are written, every slice lasts at least one, and track numbers are never used twice.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .encode import preview
from .files import atomic_write
from .intervals import lanes
from .spans import Arrow, CallSpan
from .timeline import Timeline, timeline
from .trace import Run

CHARS = 400  # of a value shown with its slice


def to_perfetto(runs: Iterable[Run]) -> dict[str, Any]:
    """The whole document, as JSON objects."""
    timelines = [timeline(run) for run in runs]
    tids = itertools.count(len(timelines) + 1)  # a track with the number of its process would be its main thread
    flows = itertools.count(1)
    events: list[dict[str, Any]] = []
    for pid, line in enumerate(timelines, 1):
        events += _Process(line, pid, tids, flows).events()
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"source": "asyncfc.trace/1"}}


def write_perfetto(path: str | os.PathLike[str], runs: Iterable[Run]) -> None:
    """Write the document to a path, whole or not at all; gzip, which Perfetto opens too, if it ends in `.gz`."""
    text = json.dumps(to_perfetto(runs), allow_nan=False, separators=(",", ":"))
    with atomic_write(path) as out:
        out.write(text.encode())


@dataclass(slots=True)
class _Slice:
    """A box on a track, in nanoseconds."""

    start: int
    end: int
    name: str
    cat: str
    args: dict[str, Any] = field(default_factory=dict)


class _Process:
    """One run."""

    def __init__(self, line: Timeline, pid: int, tids: Iterator[int], flows: Iterator[int]) -> None:
        self.line, self.pid, self.flows = line, pid, flows
        self.decoder_tid = next(tids)
        self.decoder = _decoder_slices(line)
        self.calls = [_call_slices(call) for call in line.calls]
        assigned = lanes([(slices[0].start, slices[-1].end) for slices in self.calls])
        lane_tids = [next(tids) for _ in range(max(assigned, default=-1) + 1)]
        self.tids = [lane_tids[lane] for lane in assigned]
        self.index = {call.future: number for number, call in enumerate(line.calls)}

    def events(self) -> Iterator[dict[str, Any]]:
        header = self.line.header
        title = " · ".join(part for part in (header.policy or header.source, header.case) if part)
        yield self._meta("process_name", self.pid, name=title)
        yield self._meta("process_labels", self.pid, labels=f"run {header.run}, {header.clock} clock")
        yield self._meta("process_sort_index", self.pid, sort_index=self.pid)
        for number, tid in enumerate(sorted({self.decoder_tid, *self.tids})):
            yield self._meta("thread_name", tid, name=f"tools {number}" if number else "decoder")
            yield self._meta("thread_sort_index", tid, sort_index=tid)
        # Before the slices, because an arrow may need a mark of its own on the decoder's track.
        arrows = [self._arrow(arrow) for arrow in self.line.arrows]
        for piece in self.decoder:
            yield self._slice(piece, self.decoder_tid)
        for pieces, tid in zip(self.calls, self.tids, strict=True):
            for piece in pieces:
                yield self._slice(piece, tid)
        # After them, because at equal times Perfetto needs the slice first.
        for pair in arrows:
            yield from pair

    def _meta(self, kind: str, tid: int, **args: Any) -> dict[str, Any]:
        return {"ph": "M", "name": kind, "pid": self.pid, "tid": tid, "ts": 0, "args": args}

    def _slice(self, piece: _Slice, tid: int) -> dict[str, Any]:
        place = {"ph": "X", "pid": self.pid, "tid": tid, "name": piece.name, "cat": piece.cat}
        return {**place, "ts": piece.start / 1000, "dur": (piece.end - piece.start) / 1000, "args": piece.args}

    def _arrow(self, arrow: Arrow) -> list[dict[str, Any]]:
        origin = self.index[arrow.source]
        source = self.calls[origin][-1]
        leaves = max(source.start, min(_ns(arrow.leaves_s), source.end) - 1)
        if arrow.target is None:
            tid, arrives = self.decoder_tid, self._moment(_ns(arrow.arrives_s), leaves, arrow)
        else:
            consumer = self.index[arrow.target]
            target = self.calls[consumer][-1]
            # One that never ran is met by the value while it waits.
            tid, arrives = self.tids[consumer], target.end - 1 if target.cat == "queued" else target.start
        common = {"name": arrow.kind, "cat": "future", "id": next(self.flows), "pid": self.pid}
        return [
            {"ph": "s", **common, "tid": self.tids[origin], "ts": leaves / 1000},
            {"ph": "f", "bp": "e", **common, "tid": tid, "ts": arrives / 1000},
        ]

    def _moment(self, t: int, leaves: int, arrow: Arrow) -> int:
        """A time at or just before `t`, not before `leaves`, at which the decoder's track has a slice."""
        for piece in self.decoder:
            if piece.start <= t < piece.end:
                return t
        if leaves < t and any(piece.end == t for piece in self.decoder):
            return t - 1
        self.decoder.append(_Slice(t, t + 1, arrow.kind, "decoder"))
        return t


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _decoder_slices(line: Timeline) -> list[_Slice]:
    slices: list[_Slice] = []
    end = 0
    for span in line.decoder:
        start = max(_ns(span.start_s), end)
        end = max(_ns(span.end_s), start + 1)
        args = {"turn": span.turn, **({} if span.tokens is None else {"tokens": span.tokens})}
        slices.append(
            _Slice(start, end, "wait" if span.kind == "wait" else f"{span.kind} {span.turn}", span.kind, args)
        )
    return slices


def _call_slices(call: CallSpan) -> list[_Slice]:
    """The wait and the run of a call; if it never ran, the wait only."""
    args: dict[str, Any] = {"future": f"$f{call.future}", "call": call.text, "status": call.status}
    if call.outcome is not None:
        args["value" if call.status == "ok" else "error"] = preview(call.outcome, CHARS)
    args |= {"reads": ", ".join(call.reads) or "nothing", "writes": ", ".join(call.writes) or "nothing"}
    name = call.tool if call.status == "ok" else f"{call.tool} ({call.status})"
    issued, ended = _ns(call.issued_s), _ns(call.ended_s)
    if call.started_s is None:
        return [_Slice(issued, ended + 1, name, "queued", args)]
    started = _ns(call.started_s)
    running = _Slice(started, max(ended, started + 1), name, "call", args)
    waiting = _Slice(issued, started, f"{call.tool}: queued", "queued", {"future": args["future"], "call": call.text})
    return [waiting, running] if issued < started else [running]
