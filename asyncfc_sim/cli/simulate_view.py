"""How the results of a simulation look, in the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.tables import PolicyRow, policy_table
from asyncfc_sim.report.timeline_view import render_timelines
from asyncfc_sim.simulate.experiment import SYNC, ArmResult, Row
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.study import BOUND, Study, dependence_interval
from asyncfc_sim.traces.trace import Run
from asyncfc_sim.verify.sample import Sampled

R = TypeVar("R")

GROUPINGS = {"call": "one call per message", "turn": "one message per turn", "step": "messages as recorded"}


def show(study: Study, rows: Sequence[Row], notes: Sequence[str], workload: str) -> None:
    """A table per way of making messages, the interval of what dependence allows, and the check."""
    console = results_console()
    console.print(checked(rows), highlight=False)
    for grouping in study.messages:
        chosen = [row for row in first_each(rows, _arm) if row.messages == grouping]
        title = f"\n{workload}, {GROUPINGS[grouping]}"
        footnotes = [interval_note(interval) for interval in intervals(study, rows) if interval["messages"] == grouping]
        footnotes += dependence_note(row.dependence for row in chosen)
        footnotes += notes if grouping == study.messages[-1] else ()
        console.print(policy_table([_policy_row(row) for row in chosen], title=title, footnotes=footnotes))


def _arm(row: Row) -> tuple[str, str]:
    return row.messages, row.label


def first_each(rows: Iterable[R], arm: Callable[[R], object]) -> list[R]:
    """Of the rows of one `arm`, which differ in dependence alone, the first: those that a table shows."""
    found: dict[object, R] = {}
    for row in rows:
        found.setdefault(arm(row), row)
    return list(found.values())


def dependence_note(shown: Iterable[str]) -> list[str]:
    """A note if the rows shown are not those in which observed value flow alone makes the model wait."""
    return ["with futures, every message needs all results before it (--dependence all)"] if "all" in shown else []


def interval_note(interval: Mapping[str, Any]) -> str:
    """The speed-up of a policy under both extremes of dependence, in words."""
    low, high = interval["all"], interval["values"]
    return (
        f"{interval['policy']}: between {low:.2f}x (every message needs all results before it) and {high:.2f}x (only "
        "observed value flow makes the model wait, as in the table)"
    )


def checked(rows: Sequence[Row]) -> str:
    """The line that says whether asynchronous was the same as one by one."""
    different = sum(row.different for row in rows)
    runs = simulated_runs(rows)
    verdict = "0 differ" if not different else f"{different} DIFFER"
    return f"checked: {runs} runs against the same calls run in order; {verdict} in a value or the final state"


def show_sampled(sampled: Sampled) -> None:
    """What random schedules of a program gave."""
    same = "all give the values and the state of the sequential run"
    verdict = f"{sampled.different} DIFFER" if sampled.different else same
    text = f"checked: {sampled.runs} random schedules, {sampled.distinct} distinct; {verdict}"
    results_console().print(text, highlight=False)


def show_case(runs: Sequence[Run]) -> None:
    console = results_console()
    console.print()
    console.print(render_timelines(runs))


def two(runs: Sequence[Run]) -> list[Run]:
    """Sync, and the first run with futures (or the last there is), to be drawn one above the other."""
    sync = next(run for run in runs if run.header.policy == SYNC)
    others = [run for run in runs if run is not sync]
    futures = [run for run in others if "grace_s" in run.header.inputs]
    return [sync, *(futures or others[-1:])[:1]]


def _policy_row(row: Row) -> PolicyRow:
    bound = row.label == BOUND
    return PolicyRow(
        policy=row.label,
        n=row.n,
        mean_s=row.mean_s,
        p50_s=row.p50_s,
        p99_s=row.p99_s,
        speedup=row.speedup,
        speedup_low=None if row.label == SYNC else row.speedup_low,
        speedup_high=None if row.label == SYNC else row.speedup_high,
        tool_tool_s=row.tool_tool_s,
        decode_tool_s=row.decode_tool_s,
        alpha=None if bound else row.alpha,
        bound=row.eq1,
        failed=row.different,
    )


def simulated_runs(rows: Sequence[Row]) -> int:
    return sum(row.n for row in rows if row.label != BOUND)


def intervals(study: Study, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """For each policy with futures: its speed-up under both extremes of dependence."""
    found = []
    for row in rows:
        interval = dependence_interval(rows, row.messages, row.label)
        if interval is not None and row.dependence == study.dependence[0]:
            low, high = interval
            found.append({"policy": row.label, "messages": row.messages, "all": low, "values": high})
    return found


def inputs(models: Models) -> dict[str, Any]:
    """Every figure the simulation used, with its source and how it is known."""
    durations = models.durations
    used = sorted({rule.kind for rule in (*durations.rules, durations.default)})
    figures = {f"decoder.{name}": quantity for name, quantity in models.decoder.quantities().items()}
    figures |= {f"duration.{kind}": durations.kinds[kind] for kind in used}
    return {
        name: {
            "value": quantity.value,
            "unit": quantity.unit,
            "n": quantity.n,
            "source": quantity.source,
            "provenance": quantity.provenance,
        }
        for name, quantity in figures.items()
    }


def case_table(result: ArmResult) -> dict[str, Any]:
    arm = result.arm
    makespans = {case.case: case.makespan_s for case in result.cases}
    return {"policy": arm.label, "messages": arm.messages, "dependence": arm.dependence, "makespan_s": makespans}
