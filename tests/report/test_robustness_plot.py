"""The figure of label robustness: a pair of panels for each policy, a line for each kind of fault."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed (pip install asyncfc-sim[plot])")

from asyncfc_sim.report.plots import save
from asyncfc_sim.report.robustness_plot import Band, FaultLine, plot_robustness

RATES = (0.0, 0.5, 1.0)
PURE = FaultLine(
    "as_pure",
    RATES,
    Band((0.0, 20.0, 40.0), (0.0, 10.0, 30.0), (5.0, 30.0, 50.0)),
    (0.0, 60.0, 80.0),
    Band((1.0, 1.1, 1.2), (0.9, 1.0, 1.1), (1.1, 1.2, 1.3)),
)
MISSING = FaultLine(
    "missing", RATES, Band((0.0,) * 3, (0.0,) * 3, (5.0,) * 3), (0.0,) * 3, Band((1.0,) * 3, (None,) * 3, (None,) * 3)
)


def test_two_panels_for_each_policy_and_a_line_for_each_fault() -> None:
    figure = plot_robustness(
        {"asyncfc": [PURE, MISSING], "sync_parallel": [MISSING]}, title="a title", footnote="a note"
    )
    wrong, speedup, *below = figure.axes
    assert len(below) == 2
    assert [axes.get_title() for axes in figure.axes][::2] == [
        "asyncfc: wrong (dotted: some schedule is)",
        "sync_parallel: wrong (dotted: some schedule is)",
    ]
    drawn = {line.get_label(): tuple(np.asarray(line.get_ydata())) for line in wrong.get_lines()}
    assert drawn["as_pure"] == PURE.wrong.y
    assert PURE.could in drawn.values()
    assert {line.get_label(): tuple(np.asarray(line.get_ydata())) for line in speedup.get_lines()}[
        "as_pure"
    ] == PURE.speedup.y
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["as_pure", "missing"]
    assert {axes.get_xlabel() for axes in below} == {"rate of faults: share of the tools hit"}


def test_a_band_is_the_interval_and_has_no_width_where_there_is_none() -> None:
    figure = plot_robustness({"asyncfc": [PURE, MISSING]}, title="", footnote="")
    pure, missing = figure.axes[1].collections
    heights = [np.asarray(band.get_paths()[0].vertices)[:, 1] for band in (pure, missing)]
    assert (heights[0].min(), heights[0].max()) == (0.9, 1.3)
    assert set(heights[1]) == {1.0}


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        save(plot_robustness({"asyncfc": [PURE]}, title="t", footnote="f"), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
