"""Runs as bars in a terminal, one above the other on one time scale: what the decoder did, and every call.

State is shown by the glyph and by the word beside the bar, and also by colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from asyncfc_sim.traces.spans import CallSpan
from asyncfc_sim.traces.timeline import Timeline, timeline
from asyncfc_sim.traces.trace import Run

from .canvas import NOTE, Canvas, Piece, in_seconds

MAX_CALLS = 16  # rows for one run; the rest is counted


def render_timelines(runs: Sequence[Run], width: int | None = None, *, max_calls: int = MAX_CALLS) -> RenderableType:
    """The runs, in this order and on one time scale; each is compared with the synchronous run of its case.

    `width` in columns, the console's by default. Of a run with more than `max_calls` calls the first are shown.
    """
    return _View(tuple(map(timeline, runs)), width, max_calls)


class _View:
    def __init__(self, lines: Sequence[Timeline], width: int | None, max_calls: int) -> None:
        self.lines, self.width, self.max_calls = lines, width, max_calls
        self.of_case: dict[str | None, list[Timeline]] = {}
        for line in lines:
            self.of_case.setdefault(line.header.case, []).append(line)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(self.width or options.max_width, options.max_width)
        span_s = max((line.makespan_s for line in self.lines), default=0.0)
        labels = [_label(call) for line in self.lines for call in line.calls[: self.max_calls]]
        canvas = Canvas(width, span_s, labels, options.ascii_only)
        for line in self._rows(canvas):
            line.rstrip()
            yield canvas.clip(line, width)

    def _rows(self, canvas: Canvas) -> Iterator[Text]:
        if not self.lines:
            yield Text("no runs")
            return
        titles = [_title(line, self.of_case[line.header.case]) for line in self.lines]
        for number, line in enumerate(self.lines):
            if number == 0 or titles[number] != titles[number - 1]:
                yield from ([Text()] if number else [])
                yield from canvas.wrapped(titles[number], "bold")
            yield Text()
            yield from self._run(canvas, line)
        if canvas.used:
            yield Text()
            yield from canvas.axis()
            yield from canvas.legend()

    def _run(self, canvas: Canvas, line: Timeline) -> Iterator[Text]:
        baseline = self._baseline(line)
        name = canvas.printable(line.header.policy or line.header.source)
        own = _inputs(line, self.of_case[line.header.case], shared=False)
        inputs = canvas.printable(f" ({', '.join(own)})" if own else "")
        yield Text.assemble((name, "bold"), inputs, f"  {in_seconds(line.makespan_s)}{_saved(line, baseline)}")
        if not line.decoder and not line.calls:
            yield Text("  nothing was decoded, nothing was called", style="dim")
            return
        if overlap := _overlap(line, baseline):
            yield from canvas.wrapped(overlap, "dim", indent="  ")
        if line.decoder:
            pieces = [(span.start_s, span.end_s, span.kind) for span in line.decoder]
            yield canvas.row("decoder", pieces, _note(line.split.decode_s))
        shown, hidden = line.calls[: self.max_calls], line.calls[self.max_calls :]
        for call in shown:
            yield canvas.row(_label(call), _call_pieces(call), _outcome(call))
        if hidden:
            yield from canvas.wrapped(_hidden(hidden), "dim", indent="  ")

    def _baseline(self, line: Timeline) -> Timeline | None:
        """The synchronous run of the same case, unless this is it."""
        found = next((other for other in self.of_case[line.header.case] if other.header.policy == "sync"), None)
        return None if found is line else found


def _label(call: CallSpan) -> str:
    return f"f{call.future} {call.text}"


def _outcome(call: CallSpan) -> Text:
    """How long the tool ran, or, which matters more, why there is no value."""
    if call.status != "ok":
        return Text(call.status, "red")
    return _note(call.running[1] - call.running[0]) if call.running else Text()


def _call_pieces(call: CallSpan) -> list[Piece]:
    started = call.ended_s if call.started_s is None else call.started_s
    pieces: list[Piece] = [(call.issued_s, started, "queued")]
    if call.started_s is not None:
        settled = call.ended_s if call.settled_s is None else call.settled_s
        pieces.append((started, min(settled, call.ended_s), "running"))
        if settled < call.ended_s:
            pieces.append((settled, call.ended_s, "given up, still running"))
    if call.status != "ok" and call.settled_s is not None:
        pieces.append((call.settled_s, call.settled_s, "no value"))
    return pieces


def _title(line: Timeline, same: Sequence[Timeline]) -> str:
    """The case, and the inputs that all its runs share."""
    header = line.header
    parts = [header.case or header.run]
    if header.seed is not None:
        parts.append(f"seed {header.seed}")
    if header.clock == "wall" and "layout" not in header.inputs:  # a recording laid out says what of it was measured
        parts.append("measured on the wall clock")
    return ", ".join([*parts, *_inputs(line, same, shared=True)])


def _inputs(line: Timeline, same: Sequence[Timeline], *, shared: bool) -> list[str]:
    return [
        f"{name} {value}"
        for name, value in line.header.inputs.items()
        if isinstance(value, str | int | float) and all(o.header.inputs.get(name) == value for o in same) == shared
    ]


def _saved(line: Timeline, baseline: Timeline | None) -> str:
    """What the run saved against its baseline."""
    if baseline is None or not line.makespan_s or not baseline.makespan_s:
        return ""
    saved = baseline.makespan_s - line.makespan_s
    word = "saved" if saved >= 0 else "lost"
    share, speedup = 100 * abs(saved) / baseline.makespan_s, baseline.makespan_s / line.makespan_s
    return f", {word} {in_seconds(abs(saved))} ({share:.0f} %), speed-up {speedup:.2f}x"


def _overlap(line: Timeline, baseline: Timeline | None) -> str:
    """Where the time was saved, and what was paid for it."""
    split = line.split
    named = (("tool||tool", split.tool_tool_s), ("decode||tool", split.decode_tool_s))
    parts = [f"{name} {in_seconds(value)}" for name, value in named if value > 0]
    if not parts:
        return ""
    extra = split.decode_s - baseline.split.decode_s if baseline else 0.0
    paid = f"; {in_seconds(extra)} more decoding" if extra > 1e-9 else ""
    return f"overlap: {' + '.join(parts)}{paid}"


def _hidden(calls: Sequence[CallSpan]) -> str:
    spent = sum(call.running[1] - call.running[0] for call in calls if call.running)
    bad = [f"f{call.future} {call.status}" for call in calls if call.status != "ok"]
    which = f"f{calls[0].future}" if len(calls) == 1 else f"f{calls[0].future} to f{calls[-1].future}"
    text = f"and {len(calls)} more call{'s' if len(calls) > 1 else ''} ({which}), running {in_seconds(spent)}"
    return text + (f"; {', '.join(bad[:6])}{', ...' if len(bad) > 6 else ''}" if bad else "")


def _note(seconds: float) -> Text:
    return Text(f"{in_seconds(seconds):>{NOTE - 1}}", style="dim")
