"""The work behind `asyncfc demo`: two studies of BFCL, one conversation in full, and a live agent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from asyncfc_sim.core.syntax import calls_in
from asyncfc_sim.report.console import results_console
from asyncfc_sim.simulate.conduct import conduct
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import run_arms
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.parallel import LoadTasks
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.workloads import bfcl
from asyncfc_sim.workloads.workload import Task

from . import simulate_view as view
from .demo_live import run_live
from .simulate_run import case_runs, pick_case

DECODER = "gpt-oss-120b-vllm"


def run(n: int | None, seed: int, *, quiet: bool) -> int:
    """Returns the exit code: 1 if some run differs from running in order, or the live ones from each other."""
    load = partial(bfcl.load, "all", n)
    tasks = load()
    console = results_console()
    calls = sum(1 for task in tasks for turn in task.turns for _ in calls_in(turn.program.body))
    console.print(f"BFCL v4 multi-turn: {len(tasks)} conversations, {calls} golden calls, unmodified tool classes")

    full, agent = Study(), Models(load_decoder(DECODER), load_durations("bfcl-agent"))
    different = _study(tasks, load, full, agent, seed, "BFCL, tools as an agent would meet them", quiet=quiet)
    quick = Study(policies=("sync", "asyncfc", "bound"), messages=("call",))
    free = Models(agent.decoder, load_durations("bfcl-in-process"))
    base = partial(bfcl.load, "base", n)
    console.print("\nThe base split with tools that take next to no time: when futures lose")
    different += _study(base(), base, quick, free, seed, "BFCL base, tools in process", quiet=quiet)

    one = Study(policies=("sync", "asyncfc"), graces=("auto",), messages=("call",), dependence=("values",))
    few = bfcl.load("base", 50)
    task = pick_case(few, run_arms(few, one.arms(), agent, seed), None)
    view.show_case(view.two(case_runs(task, one, agent, seed)))
    same = run_live()
    console.print(
        "\nMore: asyncfc simulate --help, asyncfc run --help; open a trace in Perfetto: --trace out.perfetto.json"
    )
    return 1 if different or not same else 0


def _study(
    tasks: Sequence[Task], load: LoadTasks, study: Study, models: Models, seed: int, title: str, *, quiet: bool
) -> int:
    """Run a study and show it; returns how many runs differ from running in order."""
    found = conduct(tasks, load, study, models, seed, quiet=quiet)
    view.show(study, found.rows, found.notes, title)
    return found.different
