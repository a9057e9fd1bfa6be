"""What `asyncfc study robustness` shows: a table for each policy, a figure, flat rows, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.report.plots import save
from asyncfc_sim.report.robustness_plot import Band, FaultLine, plot_robustness
from asyncfc_sim.simulate.metrics import Speedup
from asyncfc_sim.simulate.study import label
from asyncfc_sim.studies.proportion import Share
from asyncfc_sim.studies.races import LIMIT, SCHEDULES
from asyncfc_sim.studies.robustness import Conversation, Robustness
from asyncfc_sim.studies.robustness_rows import TRUE_LABELS, Row

HEADER = ("labels", "rate", "hit\n%", "wrong\n%", "raced\n%", "could\n%", "calls\n%", "speed-up\n[95 % CI]", "time\n%")


def show(study: Robustness, result: Sequence[Row], found: Sequence[Conversation]) -> None:
    """A table for each policy, then the notes."""
    console = results_console()
    calls = sum(each.calls for each in found)
    console.print(f"{len(found)} conversations, {calls:,} calls of real tools; {len(study.labellings())} labellings\n")
    for policy in study.policies:
        console.print(policy, style="bold")
        cells = [_cells(row) for row in result if row.policy == policy]
        console.print(plain_table(HEADER, cells, numbers=HEADER[1:]))
        console.print()
    console.print(Notes(notes(study, found)))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.fault,
        f"{row.rate:g}",
        f"{100 * row.hit:.0f}",
        f"{100 * row.wrong.value:.1f} [{100 * row.wrong.low:.0f}, {100 * row.wrong.high:.0f}]",
        f"{100 * row.raced.value:.1f}",
        f"{100 * row.could.value:.1f}",
        f"{100 * row.wrong_calls.value:.1f}",
        _speedup(row.speedup),
        f"{round(100 * (row.time - 1), 1) + 0.0:+.1f}",  # plus zero: what rounds to nothing has no sign
    )


def _speedup(speedup: Speedup) -> str:
    interval = "" if speedup.low is None else f" [{speedup.low:.2f}, {speedup.high:.2f}]"
    return f"{speedup.ratio:.2f}{interval}"


def notes(study: Robustness, found: Sequence[Conversation]) -> list[str]:
    """What the figures rest on."""
    sampled = sum(judged.sampled for each in found for judged in each.judged)
    explored = sum(len(each.judged) for each in found)
    return [
        (
            f"n = {len(found)} conversations, spread evenly, for each labelling; {study.replications} draws of the "
            "tools hit for each rate; draws that come to the same labels count once. hit: tools whose labels are "
            "not what they should be, of those called (some faults cannot be made in some tools)"
        ),
        (
            "wrong: some value, or the final world, differs from running in order under the true labels, on the real "
            "tools; raced: calls that conflict acted in another order than that of issue; calls: those with another "
            "value, or none"
        ),
        "the interval (Wilson) takes runs as independent: those of one labelling share their faults",
        (
            "whether a race shows is decided by simulated times, not measured ones (decoding as in models/decoders/"
            f"{study.decoder}, tools as in models/tools/{study.durations}); a call acts after a share of its time that "
            "is drawn uniformly (assumed)"
        ),
        (
            "could: some schedule of some turn, from the state in which running in order left the turn before, ends "
            f"otherwise; it depends on no times. Of turns with more than {LIMIT:,} states, {SCHEDULES} random "
            f"schedules ({sampled} of {explored:,} conversations labelled: a lower bound there)"
        ),
        (
            "speed-up over sync, which needs no labels, intervals by bootstrap over conversations; time: more or less "
            "of it than with true labels. Wrong labels seem fast because calls no longer wait for what they need"
        ),
        (
            f"{label('asyncfc', study.grace)}; one message per {study.messages}; a result is needed where its value "
            "flows (assumed), and every result for the answer of its turn"
        ),
    ]


def draw(path: Path, study: Robustness, result: Sequence[Row], found: Sequence[Conversation]) -> None:
    """Draw each policy against the rate. Raises PlotError, OSError."""
    title = f"Labels with faults: {len(found)} conversations of bfcl:{study.split}"
    footnote = (
        "Real tools under simulated times; bands are 95 % intervals (wrong: Wilson, runs taken as independent; "
        "speed-up: bootstrap over conversations). Speed-up with wrong labels is that of runs that may be wrong."
    )
    panels = {policy: _lines(study, [row for row in result if row.policy == policy]) for policy in study.policies}
    save(plot_robustness(panels, title=title, footnote=footnote), path)


def _lines(study: Robustness, result: Sequence[Row]) -> list[FaultLine]:
    """A line for each kind of fault; all begin with the true labels."""
    (true,) = (row for row in result if row.fault == TRUE_LABELS)
    return [_line(fault, [true, *(row for row in result if row.fault == fault)]) for fault in study.faults]


def _line(fault: str, result: Sequence[Row]) -> FaultLine:
    wrong = [row.wrong for row in result]
    return FaultLine(
        fault,
        tuple(row.rate for row in result),
        Band(
            tuple(100 * share.value for share in wrong),
            tuple(100 * share.low for share in wrong),
            tuple(100 * share.high for share in wrong),
        ),
        tuple(100 * row.could.value for row in result),
        Band(
            tuple(row.speedup.ratio for row in result),
            tuple(row.speedup.low for row in result),
            tuple(row.speedup.high for row in result),
        ),
    )


def flat(row: Row) -> dict[str, Any]:
    """A row without levels, for a table of other programs."""
    cells: dict[str, Any] = {}
    for name, value in ((name, getattr(row, name)) for name in row.__slots__):
        match value:
            case Share(count, n, low, high):
                cells |= {name: value.value, f"{name}_count": count, f"{name}_n": n}
                cells |= {f"{name}_low": low, f"{name}_high": high}
            case Speedup(ratio, low, high):
                cells |= {name: ratio, f"{name}_low": low, f"{name}_high": high}
            case tuple():
                cells[name] = " ".join(f"{each:g}" for each in value)
            case _:
                cells[name] = value
    return cells
