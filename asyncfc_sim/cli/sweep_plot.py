"""The figure of a sweep: a curve against one numeric knob, a map over two; other knobs make lines and panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from asyncfc_sim.report.plots import Axis, Curves, Line, Map, PlotError, check_plot, plot_curves, plot_maps, save
from asyncfc_sim.simulate.experiment import SYNC
from asyncfc_sim.simulate.knobs import KNOBS, KnobValue, Point
from asyncfc_sim.simulate.script import Messages
from asyncfc_sim.simulate.study import BOUND
from asyncfc_sim.simulate.sweep import SweepRow

from .simulate_view import GROUPINGS
from .sweep_view import BASIS, Found, cell, varying

if TYPE_CHECKING:
    from asyncfc_sim.report.plots import Figure

MAPPED = "asyncfc"  # the policy that maps are of, if it is there
MOST_MAPS = 12
Sweeps = Mapping[str, tuple[KnobValue, ...]]


def check(path: Path, sweeps: Sweeps, points: Sequence[Point]) -> None:
    """Raises PlotError or ImportError if no figure could be drawn in the end."""
    check_plot(path)
    _axes(sweeps)
    if not any(arm.label != SYNC for point in points for arm in point.arms()):
        raise PlotError("--plot: figures show speed-ups over sync, and there is no policy but sync")


def draw(path: Path, found: Found) -> None:
    """Draw what was found to `path`. Raises PlotError, OSError."""
    save(figure(found), path)


def figure(found: Found) -> Figure:
    """The figure that suits the knobs that were swept. Raises PlotError."""
    axes = _axes(found.sweeps)
    return _map(found, *axes) if len(axes) == 2 else _curves(found, axes[0])


def _axes(sweeps: Sweeps) -> list[str]:
    """The knobs on the axes: the one or two that are numeric, or else the first that is not the policy."""
    several = [name for name, values in sweeps.items() if len(values) > 1]
    numeric = [name for name in several if KNOBS[name].axis and all(map(_is_number, sweeps[name]))]
    if len(numeric) > 2:
        raise PlotError(f"--plot: a figure has one or two numeric knobs, and these are swept: {', '.join(numeric)}")
    words = [name for name in several if name not in numeric and name != "policy"]
    if not numeric and not words:
        raise PlotError("--plot: nothing to plot against; sweep a knob other than the policy over several values")
    return numeric or words[:1]


def _is_number(value: KnobValue) -> bool:
    return not isinstance(value, str) and isfinite(value)


def _axis(found: Found, name: str) -> Axis:
    values = found.sweeps[name]
    numbers = [float(value) for value in values if not isinstance(value, str) and isfinite(value)]
    in_order: Sequence[float | str] = sorted(numbers) if len(numbers) == len(values) else [*map(cell, values)]
    return Axis(KNOBS[name].axis or name, tuple(in_order))


def _at(axis: Axis, knob: str, rows: Sequence[SweepRow]) -> list[SweepRow | None]:
    """The rows by where they stand on an axis."""
    by_value = {_key(row.knobs[knob], axis): row for row in rows}
    return [by_value.get(value) for value in axis.values]


def _key(value: KnobValue | None, axis: Axis) -> KnobValue | None:
    return cell(value) if not axis.numeric else value


def _arms(found: Found, rows: Sequence[SweepRow], axes: Sequence[str]) -> dict[str, list[SweepRow]]:
    """The rows of each arm, by its name: its policy, and what else tells it from others."""
    apart = [name for name in varying(found.rows) if name not in (*axes, "policy", "messages", "dependence")]
    arms: dict[str, list[SweepRow]] = {}
    for row in rows:
        more = [f"{name}={cell(row.knobs[name])}" for name in apart if row.knobs[name] is not None]
        needs = ["needs all results"] if row.knobs["dependence"] == "all" else []
        arms.setdefault(", ".join([str(row.knobs["policy"]), *more, *needs]), []).append(row)
    return arms


def _by_messages(found: Found) -> dict[Messages, list[SweepRow]]:
    """The rows of all arms but sync, for each way to make messages."""
    panels: dict[Messages, list[SweepRow]] = {}
    for row in found.rows:
        if row.row.label != SYNC:
            panels.setdefault(row.row.messages, []).append(row)
    return panels


def _curves(found: Found, knob: str) -> Figure:
    axis = _axis(found, knob)
    panels = [
        Curves(GROUPINGS[messages], tuple(_line(axis, knob, *arm) for arm in _arms(found, rows, [knob]).items()))
        for messages, rows in _by_messages(found).items()
    ]
    return plot_curves(
        panels,
        axis,
        "speed-up over sync (x)",
        title=found.workload,
        footnote=f"{_footnote(found)}; bars: 95 % intervals",
        level=1.0,
    )


def _line(axis: Axis, knob: str, label: str, rows: Sequence[SweepRow]) -> Line:
    dashed = rows[0].knobs["dependence"] == "all"
    colour = label.removesuffix(", needs all results")
    if rows[0].knobs[knob] is None:
        one = rows[0].row
        return Line(label, one.speedup, one.speedup_low, one.speedup_high, dashed, colour)
    placed = [None if row is None else row.row for row in _at(axis, knob, rows)]
    return Line(
        label,
        tuple(None if one is None else one.speedup for one in placed),
        tuple(None if one is None else one.speedup_low for one in placed),
        tuple(None if one is None else one.speedup_high for one in placed),
        dashed,
        colour,
    )


def _map(found: Found, across: str, up: str) -> Figure:
    x, y = _axis(found, across), _axis(found, up)
    panels = []
    for messages, rows in _by_messages(found).items():
        futures = [row for row in rows if row.knobs["policy"] == MAPPED] or [
            row for row in rows if row.knobs["policy"] != BOUND
        ]
        for label, own in _arms(found, futures, [across, up]).items():
            if own[0].knobs[across] is not None and own[0].knobs[up] is not None:
                panels.append(_panel(f"{label}\n{GROUPINGS[messages]}", own, (x, across), (y, up)))
    if not 0 < len(panels) <= MOST_MAPS:
        raise PlotError(
            f"--plot: {len(panels)} maps, one for each policy with these knobs and way of making messages; expected "
            f"1 to {MOST_MAPS}: choose with --policy, --grace, --messages and --dependence"
        )
    return plot_maps(
        panels,
        x,
        y,
        "time saved over sync (%)",
        title=found.workload,
        footnote=f"{_footnote(found)}; line: no saving; in brackets: a 95 % interval that holds zero",
        columns=min(len(panels), 4 if len(panels) % 3 else 3),
    )


def _panel(title: str, rows: Sequence[SweepRow], x: tuple[Axis, str], y: tuple[Axis, str]) -> Map:
    saved, unsure = [], []
    for value in y[0].values:
        line = _at(*x, [row for row in rows if _key(row.knobs[y[1]], y[0]) == value])
        found = [row.row for row in line if row is not None]
        saved.append(tuple(100 * (1 - 1 / one.speedup) for one in found))
        unsure.append(tuple((one.speedup_low or 0) <= 1 <= (one.speedup_high or 2) for one in found))
    return Map(title, tuple(saved), tuple(unsure))


def _footnote(found: Found) -> str:
    """How the numbers came about."""
    n = sorted({row.row.n for row in found.rows})
    samples = f"n = {n[0]}" if len(n) == 1 else f"n = {n[0]} to {n[-1]}"
    same = [f"{name} {cell(value)}" for name in ("seed", "decoder", "durations") if (value := _only(found, name)) != ""]
    return "; ".join([f"{BASIS}, not measured", f"{samples} conversations a point", *same])


def _only(found: Found, knob: str) -> KnobValue:
    """The value that a knob has in all rows; nothing if there are several."""
    values = {row.knobs[knob] for row in found.rows} - {None}
    return next((value for value in values if value is not None), "") if len(values) == 1 else ""
