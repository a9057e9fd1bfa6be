"""How the results of a sweep look: a row for each arm at each point, as CSV, as JSON and in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.simulate.assumptions import assumptions
from asyncfc_sim.simulate.experiment import SYNC, ArmResult
from asyncfc_sim.simulate.knobs import KNOBS, KnobValue
from asyncfc_sim.simulate.precision import Looks
from asyncfc_sim.simulate.sweep import ModelsOf, Plan, SweepRow

from . import simulate_view
from .output import document, emit_csv
from .simulate_workload import Workload

if TYPE_CHECKING:
    from rich.table import Table

BASIS = "simulated"
FEW = 30  # rows that are shown
MEASURES = (
    "n", "cases", "mean_s", "p50_s", "p99_s", "speedup", "low", "high", "half_width", "reached", "tool_tool_s",
    "decode_tool_s", "alpha", "eq1", "requests", "different", "basis",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What came out of a sweep, and what was asked."""

    workload: str
    sweeps: Mapping[str, tuple[KnobValue, ...]]
    looks: Looks
    rows: Sequence[SweepRow]
    notes: Sequence[str]


def notes(todo: Plan, looks: Looks, models_of: ModelsOf, given: Workload) -> list[str]:
    """What the numbers rest on, for footnotes."""
    pairs = dict.fromkeys((point.decoder, point.durations) for point in todo.points)
    deliveries = dict.fromkeys(point.study.delivery for point in todo.points)
    arms = [ArmResult(arm) for condition in todo.conditions for arm in condition.arms]
    found = [
        note
        for pair in pairs
        for delivery in deliveries
        for note in assumptions(models_of(*pair), delivery, arms, recorded=given.recorded)
    ]
    if any((point.tool_scale, point.decode_scale) != (1, 1) for point in todo.points):
        found.append("tool_scale and decode_scale multiply times, recorded ones too (assumed)")
    found.append("every point and policy met the same draws; speed-ups are paired with sync's")
    if looks.precision is not None:
        found.append(precision_note(looks))
    return list(dict.fromkeys([*found, *given.notes]))


def precision_note(looks: Looks) -> str:
    """What an interval says that was looked at more than once."""
    at = ", ".join(map(str, looks.at))
    return (
        f"asked: an interval within {100 * (looks.precision or 0):g} % of its speed-up, looked at after {at} samples; "
        f"the interval of each look is one of {100 * looks.confidence:.4g} %, so that whichever is reported holds with "
        "95 % or more (Bonferroni). Samples are conversations of this workload, drawn again when all are used up: what "
        "intervals leave open is chance in the draws, not what other workloads would give"
    )


def record(row: SweepRow) -> dict[str, Any]:
    """A row by its columns; None where a column means nothing for the arm."""
    one = row.row
    measures = {
        "n": one.n,
        "cases": row.cases,
        "mean_s": one.mean_s,
        "p50_s": one.p50_s,
        "p99_s": one.p99_s,
        "speedup": one.speedup,
        "low": one.speedup_low,
        "high": one.speedup_high,
        "half_width": row.half_width,
        "reached": row.reached,
        "tool_tool_s": one.tool_tool_s,
        "decode_tool_s": one.decode_tool_s,
        "alpha": one.alpha,
        "eq1": one.eq1,
        "requests": one.requests,
        "different": one.different,
        "basis": BASIS,
    }
    return {**row.knobs, **measures}


def write_csv(path: Path, rows: Sequence[SweepRow]) -> None:
    """Every row, with a column for each knob, swept or not, and for each of `MEASURES`. Raises OSError."""
    emit_csv(path, [*KNOBS, *MEASURES], ([cell(value) for value in record(row).values()] for row in rows))


def cell(value: Any) -> str:
    """A value in a table, exactly; whole numbers without a point."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return repr(value).removesuffix(".0")
        case _:
            return str(value)


def json_document(found: Found, seed: int) -> dict[str, Any]:
    """All that came out, as JSON."""
    looks = found.looks
    config = {
        "workload": found.workload,
        "sweep": {name: [_plain(value) for value in values] for name, values in found.sweeps.items()},
        "precision": looks.precision,
        "looks": list(looks.at),
        "confidence_of_each_look": looks.confidence,
    }
    rows = [{name: _plain(value) for name, value in record(row).items()} for row in found.rows]
    checked = {"runs": _runs(found.rows), "different": sum(row.row.different for row in found.rows)}
    return document("sweep/1", seed=seed, config=config, assumptions=list(found.notes), checked=checked, rows=rows)


def _plain(value: Any) -> Any:
    return "inf" if value == float("inf") else value


def _runs(rows: Sequence[SweepRow]) -> int:
    return simulate_view.simulated_runs([row.row for row in rows])


def show(found: Found, *, in_file: bool) -> None:
    """All rows if they are few; where they are many, or in a file, what the speed-up of each policy ranges over."""
    console = results_console()
    console.print(simulate_view.checked([row.row for row in found.rows]), highlight=False)
    console.print(f"\n{found.workload}: speed-up over sync (x), simulated, with intervals of 95 %")
    if in_file or len(found.rows) > FEW:
        console.print(_ranges(found))
        if not in_file:
            console.print(f"{len(found.rows)} rows: -o out.csv or --json for all of them")
    else:
        console.print(_all_rows(found))
    if found.looks.precision is not None:
        reached = sum(row.reached is True for row in found.rows)
        console.print(f"{reached} of {len(found.rows)} rows are as precise as asked", highlight=False)
    console.print(Notes(found.notes))


def varying(rows: Sequence[SweepRow]) -> list[str]:
    """The knobs that are not the same in all rows; the policy in any case."""
    return [
        name
        for name in KNOBS
        if name == "policy" or len({row.knobs[name] for row in rows if row.knobs[name] is not None}) > 1
    ]


def _all_rows(found: Found) -> Table:
    names = varying(found.rows)
    measures = ["n", "mean s", "speed-up x", "+- %"]
    lines = []
    for row in found.rows:
        width = "-" if row.half_width is None else f"{100 * row.half_width:.1f}"
        knobs = [cell(row.knobs[name]) for name in names]
        lines.append([*knobs, str(row.row.n), f"{row.row.mean_s:.3f}", _speedup(row), width])
    return plain_table([*names, *measures], lines, [*(name for name in names if KNOBS[name].axis), *measures])


def _speedup(row: SweepRow) -> str:
    one = row.row
    if one.speedup_low is None or one.label == SYNC:
        return f"{one.speedup:.2f}"
    return f"{one.speedup:.2f} [{one.speedup_low:.2f}, {one.speedup_high:.2f}]"


def _ranges(found: Found) -> Table:
    """A line for each arm: its lowest and highest speed-up with their points, and at how many it wins and loses."""
    swept = [name for name in found.sweeps if name != "policy"]
    fixed = [name for name in varying(found.rows) if name not in swept]
    arms: dict[tuple[KnobValue | None, ...], list[SweepRow]] = {}
    for row in found.rows:
        if row.row.label != SYNC:
            arms.setdefault(tuple(row.knobs[name] for name in fixed), []).append(row)
    lines = []
    for key, rows in arms.items():
        ordered = sorted(rows, key=lambda row: row.row.speedup)
        wins = sum(1 for row in rows if (row.row.speedup_low or 0) > 1)
        loses = sum(1 for row in rows if row.row.speedup_high is not None and row.row.speedup_high < 1)
        ends = [f"{row.row.speedup:.2f} {_where(row, swept)}".strip() for row in (ordered[0], ordered[-1])]
        lines.append([*map(cell, key), str(len(rows)), *ends, str(wins), str(loses)])
    header = [*fixed, "points", "lowest", "highest", "faster", "slower"]
    return plain_table(header, lines, ["points", "faster", "slower"])


def _where(row: SweepRow, swept: Sequence[str]) -> str:
    return ", ".join(f"{name}={cell(row.knobs[name])}" for name in swept if row.knobs[name] is not None)
