"""Figures are looked at by their data: what is drawn where, and that the same figure is the same bytes."""

from __future__ import annotations

import sys
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.report.plots import (
    COLOURS,
    FORMS,
    Axis,
    Curves,
    Line,
    Map,
    PlotError,
    _edges,
    check_plot,
    plot_curves,
    plot_maps,
    save,
)

pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra [plot])")

X = Axis("tool times (s)", (0.5, 1.0, 2.0))
LINES = (
    Line("a", (1.0, 1.5, None), (0.9, 1.25, None), (1.25, 1.75, None)),
    Line("a, worse", (0.9, 1.0, 1.0), (0.5, 1.0, 1.0), (1.0, 1.0, 1.0), dashed=True, colour="a"),
    Line("limit", 2.0, 1.5, 2.5),
)


def _curves():
    return plot_curves(
        [Curves("left", LINES), Curves("right", LINES[:1])],
        X,
        "speed-up (x)",
        title="t",
        footnote="simulated",
        level=1.0,
    )


def test_curves_are_drawn_with_their_intervals() -> None:
    figure = _curves()
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("left", "right")
    assert (left.get_xlabel(), left.get_ylabel()) == ("tool times (s)", "speed-up (x)")
    assert figure._supxlabel.get_text() == "simulated"
    a, worse = left.containers
    assert list(a[0].get_xdata()) == [0.5, 1.0]  # where there is no value, nothing is drawn
    assert list(a[0].get_ydata()) == [1.0, 1.5]
    (bars,) = a[2]
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[0.9, 1.25], [1.25, 1.75]]
    assert a[0].get_color() == worse[0].get_color() == COLOURS[0]
    assert (a[0].get_linestyle(), worse[0].get_linestyle()) == ("-", "--")
    limit = next(line for line in left.lines if line.get_label() == "limit")
    assert set(limit.get_ydata()) == {2.0}
    assert limit.get_color() != COLOURS[0]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["limit", "a", "a, worse"]


def test_words_are_places_with_nothing_between() -> None:
    axis = Axis("grace", ("0", "auto"))
    figure = plot_curves(
        [Curves("", (Line("a", (1.0, 2.0), (1.0, 2.0), (1.0, 2.0)),))], axis, "y", title="", footnote=""
    )
    ax = figure.axes[0]
    (drawn,) = ax.containers
    assert list(drawn[0].get_xdata()) == [0.0, 1.0]
    assert drawn[0].get_linestyle() == "None"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "auto"]


@pytest.mark.parametrize(
    ("values", "scale"), [((1.0, 2.0, 3.0), "linear"), ((0.1, 1.0, 10.0), "log"), ((0.0, 9.0), "linear")]
)
def test_wide_axes_are_logarithmic(values: tuple[float, ...], scale: str) -> None:
    ones = (1.0,) * len(values)
    figure = plot_curves([Curves("", (Line("a", ones, ones, ones),))], Axis("x", values), "y", title="", footnote="")
    assert figure.axes[0].get_xscale() == scale


def _map(rows: tuple[tuple[float, ...], ...], sure: bool = True):
    unsure = tuple(tuple(not sure for _ in row) for row in rows)
    return plot_maps(
        [Map("m", rows, unsure)], X, Axis("decoding (s)", (1.0, 4.0)), "saved (%)", title="t", footnote="f"
    )


def test_a_map_has_its_values_zero_in_the_middle_and_a_line_where_the_sign_changes() -> None:
    figure = _map(((-10.0, 5.0, 20.0), (-20.0, -5.0, 0.4)))
    ax, bar = figure.axes
    mesh, *contours = ax.collections
    assert mesh.get_array().tolist() == [[-10.0, 5.0, 20.0], [-20.0, -5.0, 0.4]]
    assert mesh.get_clim() == (-20.0, 20.0)
    assert [text.get_text() for text in ax.texts] == ["-10", "5", "20", "-20", "-5", "0"]
    assert (ax.get_xlabel(), ax.get_ylabel(), bar.get_ylabel()) == ("tool times (s)", "decoding (s)", "saved (%)")
    (contour,) = contours
    assert contour.levels.tolist() == [0.0]
    # Between -10 at 0.5 and 5 at 1.0 it crosses zero two thirds of the way.
    points = np.concatenate([path.vertices for path in contour.get_paths()])
    assert any(np.allclose(point, (0.5 + 0.5 * 2 / 3, 1.0)) for point in points)


def test_where_nothing_changes_sign_there_is_no_line_and_what_is_not_sure_is_in_brackets() -> None:
    ax = _map(((1.0, 2.0, 3.0), (1.0, 2.0, -0.0)), sure=False).axes[0]
    assert len(ax.collections) == 1
    assert [text.get_text() for text in ax.texts] == ["(1)", "(2)", "(3)", "(1)", "(2)", "(0)"]


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=8, unique_by=lambda x: round(log(x), 2)))
def test_cells_hold_their_values(values: list[float]) -> None:
    axis = Axis("x", tuple(sorted(values)))
    edges = _edges(axis)
    assert len(edges) == len(values) + 1
    assert all(low < value < high for low, value, high in zip(edges, axis.places, edges[1:], strict=False))
    assert not axis.logarithmic or edges[0] > 0


@pytest.mark.parametrize("form", FORMS)
def test_the_same_figure_is_the_same_bytes(form: str, tmp_path: Path) -> None:
    written = set()
    for name in ("one", "two"):
        path = tmp_path / f"{name}{form}"
        save(_map(((1.0, -2.0, 3.0), (1.0, 2.0, 3.0))), path)
        written.add(path.read_bytes())
    assert len(written) == 1


def test_other_files_are_refused_and_without_matplotlib_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_plot(Path("out.svg"))
    for name in ("out.gif", "out", "svg"):
        with pytest.raises(PlotError, match=r"\.png, \.svg or \.pdf"):
            check_plot(Path(name))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install asyncfc-sim\[plot\]"):
        check_plot(Path("out.svg"))
