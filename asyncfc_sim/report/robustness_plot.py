"""The figure of label robustness: wrong conversations and speed-up against the rate of faults, a line for each kind."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .plots import COLOURS, MARKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Band:
    """A value at each rate, and its interval; `low` and `high` are None where there is none."""

    y: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class FaultLine:
    """One kind of fault: conversations that went wrong and that could, as percentages, and the speed-up."""

    label: str
    rates: tuple[float, ...]
    wrong: Band
    could: tuple[float, ...]
    speedup: Band


def plot_robustness(policies: Mapping[str, Sequence[FaultLine]], *, title: str, footnote: str) -> Figure:
    """Two panels for each policy, side by side; those one above the other share their scales."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.2, 3.4 * len(policies) + 1.0), layout="constrained")
    panels = figure.subplots(len(policies), 2, squeeze=False, sharex=True, sharey="col")
    for (policy, lines), (wrong, speedup) in zip(policies.items(), panels, strict=True):
        _draw_policy(policy, lines, wrong, speedup)
    for ax in panels[-1]:
        ax.set_xlabel("rate of faults: share of the tools hit")
    handles, labels = panels[0][1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    figure.suptitle(title)
    figure.supxlabel(textwrap.fill(footnote, 160), fontsize=7, color="0.3")
    return figure


def _draw_policy(policy: str, lines: Sequence[FaultLine], wrong: Axes, speedup: Axes) -> None:
    for number, line in enumerate(lines):
        colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
        _draw(wrong, line.rates, line.wrong, colour, mark, line.label)
        wrong.plot(line.rates, line.could, color=colour, linestyle=":", linewidth=1.2)
        _draw(speedup, line.rates, line.speedup, colour, mark, line.label)
    wrong.set(ylabel="conversations, %", ylim=(-2, 102))
    wrong.set_title(f"{policy}: wrong (dotted: some schedule is)", fontsize=10)
    speedup.axhline(1.0, color="0.5", linewidth=0.8, zorder=0)
    speedup.set(ylabel="speed-up over sync")
    speedup.set_title(f"{policy}: speed-up", fontsize=10)


def _draw(ax: Axes, rates: Sequence[float], band: Band, colour: str, mark: str, label: str) -> None:
    ax.plot(rates, band.y, color=colour, marker=mark, markersize=4, linewidth=1.2, label=label)
    low = [y if end is None else end for y, end in zip(band.y, band.low, strict=True)]
    high = [y if end is None else end for y, end in zip(band.y, band.high, strict=True)]
    ax.fill_between(rates, low, high, color=colour, alpha=0.12, linewidth=0)
