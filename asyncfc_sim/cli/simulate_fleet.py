"""The work behind `asyncfc simulate --agents` and `--rate`: many conversations at once, on one server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from typing import Any

from asyncfc_sim.report.console import progress, results_console
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.simulate.arrivals import Arrivals, ArrivalsError, ClosedLoop, OpenLoop, Replayed
from asyncfc_sim.simulate.experiment import SYNC, Arm
from asyncfc_sim.simulate.fleet import MAX_BATCH, FleetResult, Setup, run_fleet, summarise_fleet
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.parallel import LoadTasks
from asyncfc_sim.workloads.processes import in_processes

from .errors import ExitCode
from .output import document, emit
from .simulate_run import Request, check_folder, study_of, workload_of
from .simulate_view import GROUPINGS, dependence_note, first_each, interval_note

FEW = 50  # conversations below which starting processes costs more than it saves


@dataclass(frozen=True, slots=True)
class FleetRequest:
    """The part of the command line that only a fleet has. `request` is the rest."""

    request: Request
    agents: int | None
    rate: float | None
    burstiness: float | None
    replay_arrivals: bool
    max_batch: int | None
    prefix_cache: int | None
    capacity: tuple[str, ...]
    think_s: float

    def setup(self) -> Setup:
        """What is shared, and when sessions begin. Raises ArrivalsError."""
        asked = [name for name in ("agents", "rate") if getattr(self, name) is not None]
        asked += ["replay-arrivals"] if self.replay_arrivals else []
        if len(asked) != 1:
            raise ArrivalsError(
                f"expected one of --agents, --rate, --replay-arrivals, not {' and '.join(asked) or 'none'}"
            )
        arrivals: Arrivals = Replayed()
        if self.agents is not None:
            arrivals = ClosedLoop(self.agents)
        elif self.rate is not None:
            arrivals = OpenLoop(self.rate, 1.0 if self.burstiness is None else self.burstiness)
        if self.burstiness is not None and self.rate is None:
            raise ArrivalsError("--burstiness is of sessions that begin at random: expected --rate")
        cache_tokens = inf if self.prefix_cache is None else float(self.prefix_cache)
        max_batch = MAX_BATCH if self.max_batch is None else self.max_batch
        return Setup(arrivals, max_batch, cache_tokens, _capacity(self.capacity), self.think_s)


def run_agents(asked: FleetRequest) -> int:
    """Do it; returns the exit code: 0, or 1 if some run differs from running in order."""
    request, setup = asked.request, asked.setup()
    check_folder("--output-file", request.output)
    given = workload_of(request)
    models = given.models(request.decoder, request.durations, await_thinking=request.await_thinking)
    if unknown := sorted(setup.capacity.keys() - models.durations.kinds.keys()):
        raise ArrivalsError(
            f"--capacity {unknown[0]}: no such kind of tool; there are: {', '.join(sorted(models.durations.kinds))}"
        )
    arms = [arm for arm in study_of(request, given).arms() if arm.policy is not None]
    results = _run(given.load, len(given.tasks), arms, models, setup, request)
    rows = summarise_fleet(results, request.seed)
    different = sum(len([case for case in result.cases if case.different or case.gave_up]) for result in results)
    notes = [*given.notes, *_notes(models, setup, recorded=given.recorded)]
    found = document(
        "fleet/1",
        seed=request.seed,
        config={
            "workload": request.workload,
            "decoder": models.decoder.name,
            "durations": models.durations.name,
            "delivery": request.delivery,
            "failure": request.failure,
        },
        setup=_setup_json(setup),
        assumptions=notes,
        checked={"runs": len(arms) * len(given.tasks), "different": different},
        summary=rows,
    )
    if request.output is not None:
        emit(found, str(request.output))
    if request.as_json:
        emit(found)
    else:
        _show(found, notes)
    if different:
        return ExitCode.FAILED
    return ExitCode.PARTIAL if given.faults else ExitCode.OK


def _run(
    load: LoadTasks, n: int, arms: Sequence[Arm], models: Models, setup: Setup, request: Request
) -> list[FleetResult]:
    """Every arm is one simulation of all conversations, so processes share the arms."""
    jobs = [partial(_fleet, load, arm, models, setup, request.seed) for arm in arms]
    results = []
    with progress(f"simulating {n} conversations at once", len(jobs), quiet=request.quiet or request.as_json) as step:
        for result in in_processes(jobs, 1 if n < FEW else request.workers):
            results.append(result)
            step()
    return results


def _fleet(load: LoadTasks, arm: Arm, models: Models, setup: Setup, seed: int) -> FleetResult:
    return run_fleet(load(), arm, models, setup, seed)


NUMBERS = ("p50", "p90", "p99", "x", "95 % CI", "/min", "asked", "queue", "batch", "hit %", "tool")


def _show(found: dict[str, Any], notes: Sequence[str]) -> None:
    """A table for each way of making messages; of what makes the model wait, the first that was asked for."""
    console = results_console()
    checked = found["checked"]
    verdict = "0 differ" if not checked["different"] else f"{checked['different']} DIFFER"
    console.print(f"checked: {checked['runs']} runs against the same calls run in order; {verdict}", highlight=False)
    shown = first_each(found["summary"], lambda row: (row["messages"], row["label"]))
    for messages in dict.fromkeys(row["messages"] for row in shown):
        console.print(f"\n{found['config']['workload']}, {GROUPINGS[messages]}", highlight=False)
        rows = [_cells(row) for row in shown if row["messages"] == messages]
        console.print(plain_table(("policy", *NUMBERS), rows, numbers=NUMBERS))
        for interval in _intervals([row for row in found["summary"] if row["messages"] == messages]):
            console.print(f"- {interval}", highlight=False)
    for note in (*dependence_note(row["dependence"] for row in shown), *notes):
        console.print(f"- {note}", highlight=False)


def _intervals(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The speed-up of each arm under both extremes of dependence. The rows have the same messages."""
    speedup = {(row["label"], row["dependence"]): row["speedup"] for row in rows}
    return [
        interval_note({"policy": label, "all": low, "values": speedup[label, "values"]})
        for (label, dependence), low in speedup.items()
        if dependence == "all" and (label, "values") in speedup
    ]


def _cells(row: dict[str, Any]) -> list[str]:
    low, high, wait_s = row["speedup_low"], row["speedup_high"], row["tool_wait_mean_s"]
    return [
        row["label"],
        *(f"{row[f'latency_{quantile}_s']:.1f}" for quantile in ("p50", "p90", "p99")),
        f"{row['speedup']:.2f}",
        "" if low is None or row["label"] == SYNC else f"{low:.2f} {high:.2f}",
        f"{60 * row['sessions_per_s']:.1f}",
        str(row["requests"]),
        f"{row['queued_mean_s']:.2f}",
        f"{row['batch_mean']:.2f}",
        f"{100 * row['cache_hit_rate']:.0f}",
        "-" if wait_s is None else f"{wait_s:.2f}",
    ]


def _notes(models: Models, setup: Setup, *, recorded: bool) -> list[str]:
    begin = {ClosedLoop: "in a closed loop", OpenLoop: "at random", Replayed: "as recorded"}[type(setup.arrivals)]
    first = ", and times to the first token where known," if models.replay_decoding else ""
    tokens = f"tokens{first} as recorded, decoded at the speed of " if recorded else ""
    tools = "calls as recorded, else " if recorded and models.replay_tools else ""
    inputs = f"{tokens}decoder {models.decoder.name}, {tools}tools {models.durations.name}; sessions begin {begin}"
    server = (
        f"one server, at most {setup.max_batch} requests in work; prefill goes on beside decoding and costs the others "
        "nothing (assumed); the part of the time to the first token that does not grow with the prompt is latency "
        "(assumed)"
    )
    columns = (
        "p50, p90, p99: latency of a conversation, in seconds, as are queue and tool; x: the sum of all latencies, "
        "sync's over the policy's, paired by conversation; they share a server, so they are not independent, and the "
        "interval is too narrow on a busy one; /min: conversations a minute; asked: requests; queue: wait of one for "
        "the server; batch: requests decoding together; hit: of the prefix cache; tool: wait of a call for a worker"
    )
    alone = "bound is of a conversation on its own, and not shown"
    return [f"simulated, not measured: {inputs}", server, columns, alone]


def _setup_json(setup: Setup) -> dict[str, Any]:
    written = {**asdict(setup), "arrivals": {"kind": type(setup.arrivals).__name__, **asdict(setup.arrivals)}}
    return {**written, "cache_tokens": None if setup.cache_tokens == inf else setup.cache_tokens}


def _capacity(given: Sequence[str]) -> dict[str, int]:
    """`web_fetch=8` -> workers by kind. Raises ArrivalsError."""
    workers = {}
    for text in given:
        kind, equals, count = text.partition("=")
        if not (kind and equals and count.isdecimal() and int(count) > 0):
            raise ArrivalsError(f"--capacity {text!r}: expected KIND=WORKERS, web_fetch=8, say")
        workers[kind] = int(count)
    return workers
