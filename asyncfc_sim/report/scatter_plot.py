"""Clouds of points on equal axes: what was predicted against what was measured, beside the line where they agree."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .plots import COLOURS, MARKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points (x, y) of one kind."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Clouds:
    """One panel."""

    title: str
    clouds: tuple[Cloud, ...]


def plot_clouds(panels: Sequence[Clouds], x_label: str, y_label: str, *, title: str, footnote: str) -> Figure:
    """Panels side by side, all on one scale."""
    from matplotlib.figure import Figure

    points = [point for panel in panels for cloud in panel.clouds for point in cloud.points]
    most = 1.05 * max((max(point) for point in points), default=1.0)
    figure = Figure(figsize=(4.2 * len(panels) + 1.8, 4.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)[0]
    figure.suptitle(title)
    figure.supxlabel(textwrap.fill(footnote, 60 * len(panels)), fontsize=7, color="0.3")
    for panel, ax in zip(panels, axes, strict=True):
        ax.plot([0, most], [0, most], color="0.5", linewidth=0.8, zorder=0)
        for number, cloud in enumerate(panel.clouds):
            xs, ys = zip(*cloud.points, strict=True) if cloud.points else ((), ())
            colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
            ax.scatter(xs, ys, s=14, color=colour, marker=mark, alpha=0.7, linewidths=0, label=cloud.label)
        ax.set(xlim=(0, most), ylim=(0, most), aspect="equal", xlabel=x_label)
        ax.set_title(panel.title, fontsize=10)
    axes[0].set_ylabel(y_label)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    return figure
