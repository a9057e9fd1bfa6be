"""Figures for papers: curves with confidence intervals, and maps of a saving that say where there is none.

matplotlib is imported when a figure is made. The colours are told apart by people who see fewer of them (Okabe and Ito
2008; ColorBrewer's RdBu), lines also by their marks. The same figure gives the same bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from asyncfc_sim.traces.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Figure  # for annotations elsewhere

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKS = "osD^vPX*"
FORMS = (".png", ".svg", ".pdf")
LOG_FROM = 8.0  # an axis whose largest value is so many times its smallest is drawn in logarithms


class PlotError(ValueError):
    """A figure that cannot be made; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A label with its unit, and the values on the axis: numbers, or words, which stand side by side."""

    label: str
    values: tuple[float | str, ...]

    @property
    def numeric(self) -> bool:
        return not any(isinstance(value, str) for value in self.values)

    @property
    def places(self) -> tuple[float, ...]:
        """Where the values stand: numbers where they are, words at 0, 1, 2, ..."""
        numbers = [value for value in self.values if not isinstance(value, str)]
        return tuple(numbers) if self.numeric else tuple(map(float, range(len(self.values))))

    @property
    def logarithmic(self) -> bool:
        return self.numeric and min(self.places) > 0 and max(self.places) / min(self.places) >= LOG_FROM


@dataclass(frozen=True, slots=True)
class Line:
    """Values over an axis, None where there is none; or one value for all of it. `low`, `high`: the interval.

    Lines of one `colour`, by default the label, are drawn alike, but for `dashed`.
    """

    label: str
    y: tuple[float | None, ...] | float
    low: tuple[float | None, ...] | float | None = None
    high: tuple[float | None, ...] | float | None = None
    dashed: bool = False
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Curves:
    """One panel of lines."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """One panel of a value for each pair: `rows[i][j]` at the i-th y, the j-th x; `open` where its sign is not sure."""

    title: str
    rows: tuple[tuple[float, ...], ...]
    open: tuple[tuple[bool, ...], ...]


def plot_curves(
    panels: Sequence[Curves], x: Axis, y_label: str, *, title: str, footnote: str, level: float | None = None
) -> Figure:
    """Panels side by side, on one pair of axes' scales. `level` is marked: above it is better, say."""
    figure, axes = _panels(1, len(panels), title, footnote)
    colours = list(dict.fromkeys(line.colour or line.label for panel in panels for line in panel.lines))
    for panel, ax in zip(panels, axes, strict=True):
        for line in panel.lines:
            number = colours.index(line.colour or line.label)
            _draw_line(ax, x, line, COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)])
        if level is not None:
            ax.axhline(level, color="0.5", linewidth=0.8, zorder=0)
        ax.set_title(panel.title, fontsize=10)
        ax.set_xlabel(x.label)
        _scale(ax, x)
    axes[0].set_ylabel(y_label)
    handles = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8, frameon=False)
    return figure


def plot_maps(
    panels: Sequence[Map], x: Axis, y: Axis, value_label: str, *, title: str, footnote: str, columns: int = 1
) -> Figure:
    """Panels in `columns`, on one scale of colours with zero in its middle; the line is where values change sign."""
    rows = -(-len(panels) // columns)
    figure, axes = _panels(rows, columns, title, footnote)
    largest = max((abs(value) for panel in panels for row in panel.rows for value in row), default=0.0) or 1.0
    for number, (panel, ax) in enumerate(zip(panels, axes, strict=False)):
        mesh = ax.pcolormesh(
            _edges(x), _edges(y), panel.rows, cmap="RdBu", vmin=-largest, vmax=largest, edgecolors="none"
        )
        flat = [value for row in panel.rows for value in row]
        if min(flat) < 0 < max(flat) and len(x.values) > 1 and len(y.values) > 1:
            ax.contour(x.places, y.places, panel.rows, levels=[0.0], colors="black", linewidths=1.5)
        _write_values(ax, panel, x, y, largest)
        ax.set_title(panel.title, fontsize=10)
        _scale(ax, x, y)
        ax.set_xlabel(x.label)
        ax.set_ylabel("" if number % columns else y.label)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    figure.colorbar(mesh, ax=list(axes), label=value_label)
    return figure


def check_plot(path: Path) -> None:
    """Raises PlotError if no figure can be written to a file of this name, ImportError without matplotlib."""
    if path.suffix not in FORMS:
        raise PlotError(f"{path}: expected a name ending in .png, .svg or .pdf")
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise ImportError("figures need matplotlib: pip install asyncfc-sim[plot]", name="matplotlib") from None


def save(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all; the name says in which form. Raises OSError, and as `check_plot`."""
    check_plot(path)
    from matplotlib import rc_context

    # What would differ from run to run: identifiers made by chance, and the date.
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
    with rc_context({"svg.hashsalt": "asyncfc-sim"}), atomic_write(path) as out:
        figure.savefig(out, format=path.suffix[1:], dpi=150, metadata=undated)


def _panels(rows: int, columns: int, title: str, footnote: str) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.figure import Figure

    width, height = 4.2 * columns + 1.8, 3.6 * rows + 0.8
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=rows == 1)
    figure.suptitle(title)
    figure.supxlabel(textwrap.fill(footnote, int(width * 16)), fontsize=7, color="0.3")
    return figure, list(axes.flat)


def _draw_line(ax: Axes, x: Axis, line: Line, colour: str, mark: str) -> None:
    style = "--" if line.dashed else "-"
    if not isinstance(line.y, tuple):
        ax.axhline(line.y, color=colour, linestyle=style, linewidth=1.2, label=line.label)
        if isinstance(line.low, float) and isinstance(line.high, float):
            ax.axhspan(line.low, line.high, color=colour, alpha=0.12, linewidth=0)
        return
    assert isinstance(line.low, tuple)
    assert isinstance(line.high, tuple)
    each = zip(x.places, line.y, line.low, line.high, strict=True)
    known = [
        (at, y, y if low is None else low, y if high is None else high) for at, y, low, high in each if y is not None
    ]
    places, ys, lows, highs = zip(*known, strict=True) if known else ((), (), (), ())
    # An interval that does not hold its value (a skewed bootstrap) has no arm on that side.
    below = [max(0.0, y - low) for y, low in zip(ys, lows, strict=True)]
    above = [max(0.0, high - y) for y, high in zip(ys, highs, strict=True)]
    bars = ax.errorbar(places, ys, yerr=[below, above], color=colour, capsize=2, linewidth=1.2, label=line.label)
    # Between words there is nothing to draw a line through.
    bars[0].set(linestyle=style if x.numeric else "none", marker=mark, markersize=4)
    if line.dashed:
        bars[0].set_markerfacecolor("white")


def _scale(ax: Axes, x: Axis | None = None, y: Axis | None = None) -> None:
    for of, axis, set_scale in ((x, ax.xaxis, ax.set_xscale), (y, ax.yaxis, ax.set_yscale)):
        if of is None:
            continue
        if of.logarithmic:
            set_scale("log")
        if not of.numeric or of.logarithmic:
            words = [value if isinstance(value, str) else f"{value:g}" for value in of.values]
            axis.set_ticks(of.places, labels=words)
            axis.set_ticks([], minor=True)


def _edges(axis: Axis) -> list[float]:
    """The borders of the cells around the values: half way, in logarithms on such a scale."""
    places = axis.places
    if len(places) == 1:
        return [places[0] * 0.8, places[0] * 1.25] if axis.logarithmic else [places[0] - 0.5, places[0] + 0.5]
    if axis.logarithmic:
        inner = [(a * b) ** 0.5 for a, b in pairwise(places)]
        return [places[0] ** 2 / inner[0], *inner, places[-1] ** 2 / inner[-1]]
    inner = [(a + b) / 2 for a, b in pairwise(places)]
    return [2 * places[0] - inner[0], *inner, 2 * places[-1] - inner[-1]]


def _write_values(ax: Axes, panel: Map, x: Axis, y: Axis, largest: float) -> None:
    """The value in each cell, in brackets where its sign is not sure."""
    if len(x.values) * len(y.values) > 150:
        return
    for at_y, row, unsure in zip(y.places, panel.rows, panel.open, strict=True):
        for at_x, value, is_open in zip(x.places, row, unsure, strict=True):
            text = f"{round(value) + 0}"
            dark = abs(value) > 0.7 * largest
            ax.text(
                at_x,
                at_y,
                f"({text})" if is_open else text,
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else "black",
            )
