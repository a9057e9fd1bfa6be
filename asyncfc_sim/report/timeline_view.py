"""Runs as bars in a terminal, one above the other on one time scale: what the decoder did, and every call.

State is shown by the glyph and by the word beside the bar, and also by colour. Where the output cannot show the
glyphs (its encoding is not UTF), ASCII ones stand in for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from asyncfc_sim.traces.spans import CallSpan
from asyncfc_sim.traces.timeline import Timeline, timeline
from asyncfc_sim.traces.trace import Run

MAX_CALLS = 24  # rows for one run; the rest is counted
NOTE = 10  # columns beside the bar


@dataclass(frozen=True, slots=True)
class _Glyph:
    name: str
    unicode: str
    ascii: str
    style: str


# In the order of the legend.
_GLYPHS = {
    glyph.name: glyph
    for glyph in (
        _Glyph("prefill", "▒", ":", "blue"),
        _Glyph("decode", "█", "#", "cyan"),
        _Glyph("wait", "·", ".", "dim"),
        _Glyph("queued", "┄", "-", "yellow"),
        _Glyph("running", "━", "=", "green"),
        _Glyph("given up, may still act", "╌", "~", "magenta"),
        _Glyph("no value", "✗", "x", "bold red"),
    )
}
_Piece = tuple[float, float, str]  # start and end in seconds, name of the glyph


def render_timelines(runs: Sequence[Run], width: int | None = None, *, max_calls: int = MAX_CALLS) -> RenderableType:
    """The runs, in this order and on one time scale; each is compared with the synchronous run of its case.

    `width` in columns, the console's by default. Of a run with more than `max_calls` calls the first are shown.
    """
    return _View(tuple(map(timeline, runs)), width, max_calls)


@dataclass(frozen=True, slots=True)
class _View:
    lines: tuple[Timeline, ...]
    width: int | None
    max_calls: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(self.width or options.max_width, options.max_width)
        canvas = _Canvas(self.lines, width, options.ascii_only)
        for line in self._rows(canvas):
            line.rstrip()
            yield canvas.clip(line, width)

    def _rows(self, canvas: _Canvas) -> Iterator[Text]:
        if not self.lines:
            yield Text("no runs")
            return
        case = None
        for line in self.lines:
            title = _title(line)
            if title != case:
                yield Text(title, style="bold")
                case = title
            yield Text()
            yield from self._run(canvas, line)
        yield Text()
        yield from canvas.axis()
        yield canvas.legend()

    def _run(self, canvas: _Canvas, line: Timeline) -> Iterator[Text]:
        name = line.header.policy or line.header.source
        yield Text.assemble((name, "bold"), f"  {_seconds(line.makespan_s)}", _compared(line, self._baseline(line)))
        if not line.decoder and not line.calls:
            yield Text("  no events", style="dim")
            return
        if line.decoder:
            pieces = [(span.start_s, span.end_s, span.kind) for span in line.decoder]
            yield canvas.row(
                "decoder", pieces, _note(sum(s.end_s - s.start_s for s in line.decoder if s.kind != "wait"))
            )
        shown = line.calls[: self.max_calls]
        for call in shown:
            running = call.running
            note = _note(running[1] - running[0]) if call.status == "ok" and running else Text(call.status, "red")
            yield canvas.row(f"f{call.future} {call.text}", _call_pieces(call), note)
        if hidden := line.calls[len(shown) :]:
            spent = sum(call.running[1] - call.running[0] for call in hidden if call.running)
            text = f"  and {len(hidden)} more calls (f{hidden[0].future} to f{hidden[-1].future}), {_seconds(spent)} of tool time"
            yield Text(text, style="dim")

    def _baseline(self, line: Timeline) -> Timeline | None:
        same = [other for other in self.lines if other.header.case == line.header.case]
        return next((other for other in same if other.header.policy == "sync"), same[0])


def _call_pieces(call: CallSpan) -> list[_Piece]:
    started = call.ended_s if call.started_s is None else call.started_s
    pieces: list[_Piece] = [(call.issued_s, started, "queued")]
    if call.started_s is not None:
        settled = call.ended_s if call.settled_s is None else call.settled_s
        pieces.append((started, min(settled, call.ended_s), "running"))
        if settled < call.ended_s:
            pieces.append((settled, call.ended_s, "given up, may still act"))
    if call.status != "ok" and call.settled_s is not None:
        pieces.append((call.settled_s, call.settled_s, "no value"))
    return pieces


class _Canvas:
    """Where everything stands: labels, then bars on a common time scale, then a note."""

    def __init__(self, lines: Iterable[Timeline], width: int, ascii_only: bool) -> None:
        lines = list(lines)
        self.ascii_only = ascii_only
        longest = max((cell_len(call.text) + 5 for line in lines for call in line.calls), default=8)
        self.label = max(9, min(longest, width * 3 // 10))
        self.bars = max(8, width - self.label - NOTE - 4)
        self.span_s = max((line.makespan_s for line in lines), default=0.0) or 1.0
        self.used: set[str] = set()

    def row(self, label: str, pieces: Iterable[_Piece], note: Text) -> Text:
        name = self.clip(Text(self.printable(label)), self.label)
        name.append(" " * (self.label - cell_len(name.plain)))
        return Text.assemble("  ", name, " ", self.bar(pieces), " ", note)

    def bar(self, pieces: Iterable[_Piece]) -> Text:
        """One cell stands for one slice of time; a state shorter than a cell has one all the same."""
        cells: list[str | None] = [None] * self.bars
        # Short states are drawn last, so that long ones do not hide them.
        for start, end, name in sorted(pieces, key=lambda piece: piece[0] - piece[1]):
            if start == end and name != "no value":
                if name in ("wait", "queued"):
                    continue
            first, last = self.column(start), self.column(end)
            if name == "no value":  # the last cell before, where the bar ends
                first = max(0, first - 1)
            first = min(first, self.bars - 1)
            cells[first : max(first + 1, last)] = [name] * (max(first + 1, last) - first)
        text = Text()
        for cell in cells:
            if cell is None:
                text.append(" ")
            else:
                self.used.add(cell)
                text.append(self.glyph(cell), _GLYPHS[cell].style)
        return text

    def column(self, t: float) -> int:
        return round(t / self.span_s * self.bars)

    def glyph(self, name: str) -> str:
        return _GLYPHS[name].ascii if self.ascii_only else _GLYPHS[name].unicode

    def axis(self) -> Iterator[Text]:
        """A ruler, its labels in seconds."""
        step = _tick_step(self.span_s * 9 / self.bars)
        decimals = max(0, -math.floor(math.log10(step)))
        tick, dash = ("+", "-") if self.ascii_only else ("┴", "─")
        ruler, labels = [dash] * self.bars, [" "] * (self.bars + NOTE)
        number = 0
        while (column := self.column(number * step)) < self.bars:
            ruler[column] = tick
            label = f"{number * step:.{decimals}f}" + ("" if number else " s")
            labels[column : column + len(label)] = label
            number += 1
        indent = " " * (self.label + 3)
        yield Text(indent + "".join(ruler), style="dim")
        yield Text(indent + "".join(labels), style="dim")

    def legend(self) -> Text:
        text = Text("  ")
        for glyph in _GLYPHS.values():
            if glyph.name in self.used:
                text.append(self.glyph(glyph.name) * 2, glyph.style).append(f" {glyph.name}   ")
        return text

    def clip(self, text: Text, width: int) -> Text:
        """At most `width` columns, with a mark where something was left out."""
        if cell_len(text.plain) <= width:
            return text
        mark = "..." if self.ascii_only else "…"
        text = text.copy()
        text.truncate(max(0, width - len(mark)))
        text.append(mark[:width])
        return text

    def printable(self, text: str) -> str:
        text = "".join(char if char.isprintable() else "?" for char in text)
        return text.encode("ascii", "replace").decode() if self.ascii_only else text


def _tick_step(at_least: float) -> float:
    """The least of 1, 2, 5, 10, ... (or 0.1, 0.2, ...) seconds that leaves room for the labels."""
    power = 10.0 ** math.floor(math.log10(at_least))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= at_least * (1 - 1e-9))


def _title(line: Timeline) -> str:
    header = line.header
    parts = [header.case or header.run]
    if header.seed is not None:
        parts.append(f"seed {header.seed}")
    parts += [f"{name} {value}" for name, value in header.inputs.items() if isinstance(value, str | int | float)]
    if header.clock == "wall":
        parts.append("measured on the wall clock")
    return ", ".join(parts)


def _compared(line: Timeline, baseline: Timeline | None) -> Text:
    """What the run saved against its baseline, and the overlap that did it."""
    text = Text()
    if baseline is not None and baseline is not line and line.makespan_s > 0:
        saved = baseline.makespan_s - line.makespan_s
        word = "saved" if saved >= 0 else "lost"
        share = 100 * abs(saved) / baseline.makespan_s if baseline.makespan_s else 0.0
        text.append(f", {word} {_seconds(abs(saved))} ({share:.0f} %, {baseline.makespan_s / line.makespan_s:.2f}x)")
    split = line.split
    parts = [
        f"{name} {_seconds(value)}"
        for name, value in (("tool||tool", split.tool_tool_s), ("decode||tool", split.decode_tool_s))
        if value > 0
    ]
    if parts:
        text.append("; overlap: " + " + ".join(parts))
    return text


def _note(seconds: float) -> Text:
    return Text(f"{_seconds(seconds):>{NOTE - 1}}", style="dim")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 else f"{1000 * value:.3g} ms"
