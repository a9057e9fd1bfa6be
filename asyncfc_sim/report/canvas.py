"""Bars on a time scale, in characters: labels to the left, a figure to the right, a ruler and a legend below.

Knows times and glyphs, nothing of calls or decoders. Each state has its own glyph, so that colour is not needed, and
an ASCII one for outputs whose encoding is not UTF.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

NOTE = 10  # columns beside the bar


@dataclass(frozen=True, slots=True)
class Glyph:
    """How a state is drawn."""

    name: str
    unicode: str
    ascii: str
    style: str


# In the order of the legend.
GLYPHS = {
    glyph.name: glyph
    for glyph in (
        Glyph("prefill", "▒", ":", "blue"),
        Glyph("decode", "█", "#", "cyan"),
        Glyph("wait", "·", ".", "dim"),
        Glyph("queued", "┄", "-", "yellow"),
        Glyph("running", "━", "=", "green"),
        Glyph("given up, still running", "╌", "~", "magenta"),
        Glyph("no value", "✗", "x", "bold red"),
    )
}
Piece = tuple[float, float, str]  # start and end in seconds, name of the glyph


class Canvas:
    """Where everything stands: labels, then bars on a common time scale, then a note."""

    def __init__(self, width: int, span_s: float, labels: Iterable[str], ascii_only: bool) -> None:
        """`span_s` seconds fill the bars; `labels` are those to come."""
        self.width, self.ascii_only = max(width, 20), ascii_only
        self.label = max(9, min(max(map(cell_len, labels), default=0), width * 9 // 25))
        self.bars = max(8, width - self.label - NOTE - 4)
        self.span_s = span_s or 1.0
        self.used: set[str] = set()

    def row(self, label: str, pieces: Iterable[Piece], note: Text) -> Text:
        """A label, clipped to its column, its bar, and a note."""
        name = self.clip(Text(self.printable(label)), self.label)
        name.append(" " * (self.label - cell_len(name.plain)))
        return Text.assemble("  ", name, " ", self.bar(pieces), " ", note)

    def bar(self, pieces: Iterable[Piece]) -> Text:
        """One cell stands for one slice of time; a state shorter than a cell has one all the same, but for the shortest
        of those in which nothing is done."""
        cells: list[str | None] = [None] * self.bars
        # Short states are drawn last, so that long ones do not hide them.
        for start, end, name in sorted(pieces, key=lambda piece: piece[0] - piece[1]):
            if name in ("wait", "queued") and end - start <= self.span_s / self.bars / 8:
                continue  # nothing was waited for: a live run has such gaps of a few microseconds everywhere
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
                text.append(self.glyph(cell), GLYPHS[cell].style)
        return text

    def column(self, t: float) -> int:
        """The column of the bars at which the time `t` stands."""
        return round(t / self.span_s * self.bars)

    def glyph(self, name: str) -> str:
        return GLYPHS[name].ascii if self.ascii_only else GLYPHS[name].unicode

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

    def legend(self) -> Iterator[Text]:
        """The glyphs that were used, and what the figures beside the bars are."""
        entries = [
            Text.assemble((self.glyph(glyph.name) * 2, glyph.style), f" {glyph.name}")
            for glyph in GLYPHS.values()
            if glyph.name in self.used
        ]
        line = Text(" ")
        for entry in [*entries, Text("beside the bars: time decoding, time running", style="dim")]:
            if cell_len(line.plain) + cell_len(entry.plain) + 2 > self.width and line.plain.strip():
                yield line
                line = Text(" ")
            line = Text.assemble(line, " " if line.plain == " " else "   ", entry)
        yield line

    def wrapped(self, text: str, style: str, indent: str = "") -> Iterator[Text]:
        """A remark, on as many lines as it needs."""
        for line in wrap(self.printable(text), self.width, initial_indent=indent, subsequent_indent=indent + "  "):
            yield Text(line, style=style)

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
        """`text` on one line, without anything that could move the cursor."""
        text = "".join(char if char.isprintable() else "?" for char in text)
        return text.encode("ascii", "replace").decode() if self.ascii_only else text


def _tick_step(at_least: float) -> float:
    """The least of 1, 2, 5, 10, ... (or 0.1, 0.2, ...) seconds that leaves room for the labels."""
    power = 10.0 ** math.floor(math.log10(at_least))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= at_least * (1 - 1e-9))


def in_seconds(value: float) -> str:
    """A length of time for the eye: `2.78 s`, `50 ms`."""
    if value >= 0.1:
        return f"{value:.2f} s"
    return f"{1000 * value:.1f} ms" if value >= 0.001 else f"{1000 * value:.2g} ms"
