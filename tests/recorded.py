"""Runs recorded by every driver there is, each with what it takes to play it again.

A driver is one more entry of `SOURCES`: a function that records some runs, its choices drawn from a generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from math import inf
from typing import Any, Final, get_args

import numpy as np
import pytest

from asyncfc_sim.core.policy import ASYNCFC, EARLY_START, SYNC, SYNC_PARALLEL, Delivery, Duplicates, Policy
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import Execute
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.syntax import Done, Program, calls_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.simulate.decoder import decoder_names, load_decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.script import Dependence, Messages
from asyncfc_sim.traces.trace import Header, Recorder, Run
from asyncfc_sim.verify.configuration import Configuration, Observer
from asyncfc_sim.verify.moves import Granularity
from asyncfc_sim.verify.recording import recording
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.verify.walk import walk
from asyncfc_sim.workloads import bfcl
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.random_programs import TOOLS, VALUES, random_program
from asyncfc_sim.workloads.toolbox import TOOLBOX
from asyncfc_sim.workloads.workload import Task, Turn, World
from tests.live_runs import live

FAILURES: Final = get_args(Failure)


@dataclass(frozen=True)
class Recorded:
    """A run; how to make a scheduler like its own, and a world like the one it began in; how that world ended.

    `origin` gives the number that a call has for the world, which may not be that of its future.
    """

    run: Run
    make_scheduler: Callable[[], Scheduler]
    make_world: Callable[[], World]
    state: str
    origin: Callable[[int], int] = lambda future: future

    def tools_of(self, world: World) -> Execute:
        """The tools of the run, acting on `world`."""
        return lambda future, tool, args: world.call(self.origin(future), tool, args)


def new_world() -> KeyWorld:
    return KeyWorld(TOOLBOX, VALUES)


def pick(rng: np.random.Generator, choices: Any) -> Any:
    return list(choices)[int(rng.integers(len(choices)))]


def random_policy(rng: np.random.Generator) -> Policy:
    base: Policy = pick(rng, [SYNC, SYNC_PARALLEL, EARLY_START, ASYNCFC, ASYNCFC, ASYNCFC])
    if base is ASYNCFC:
        base = replace(
            base,
            grace_s=pick(rng, [0.0, 0.0, 0.3, "auto", inf]),
            delivery=pick(rng, get_args(Delivery)),
            duplicates=pick(rng, get_args(Duplicates)),
            dispatch=pick(rng, ["call", "message"]),
        )
    most = pick(rng, [1, 2, 32])
    return replace(base, failure=pick(rng, FAILURES), max_running=min(base.max_running, most), max_requests=1000)


def simulated(task: Task, rng: np.random.Generator, durations: str) -> Recorded:
    """One conversation under a random policy, by a random model."""
    policy = random_policy(rng)
    simulation = Simulation(
        task,
        policy,
        Models(load_decoder(pick(rng, decoder_names())), load_durations(durations)),
        Header(run=f"{task.name}/{policy.name}", source="simulate", policy=policy.name, case=task.name),
        seed=int(rng.integers(1000)),
        messages=pick(rng, get_args(Messages)),
        dependence=pick(rng, get_args(Dependence)),
    ).run()
    return Recorded(
        simulation.recorder.run(),
        lambda: Session(task.tools, policy).scheduler,
        task.make_world,
        simulation.world.state(),
        simulation.conversation.origin,
    )


def bfcl_runs(rng: np.random.Generator) -> Iterator[Recorded]:
    """Conversations of BFCL, the real tools."""
    pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")
    tasks = bfcl.load("base")
    for index in rng.permutation(len(tasks))[:60]:
        yield simulated(tasks[index], rng, "bfcl-agent")


def random_program_runs(rng: np.random.Generator) -> Iterator[Recorded]:
    """Simulated conversations that do what random programs say."""
    for number in range(150):
        turn = Turn("go", shows_all(random_program(rng, int(rng.integers(1, 7)))[0]))
        yield simulated(Task(f"random {number}", "random", (turn,), TOOLS, {}, new_world), rng, "default")


def walked_runs(rng: np.random.Generator) -> Iterator[Recorded]:
    """Random schedules of random programs, tools atomic."""
    for number in range(150):
        program, tools, _ = random_program(rng, int(rng.integers(1, 7)))
        failure, workers = pick(rng, FAILURES), pick(rng, [1, 2, 32])
        recorder = Recorder(Header(run=f"walk {number}", source="walk"))
        world = new_world()
        walk(program, tools, world.call, chooser(rng), failure=failure, max_running=workers, recorder=recorder)
        yield Recorded(recorder.run(), partial(walker, tools, failure, workers), new_world, world.state())


def stepped_runs(rng: np.random.Generator) -> Iterator[Recorded]:
    """The same, with each access of a tool a step of its own."""
    granularity: Granularity
    for number in range(150):
        program, tools, _ = random_program(rng, int(rng.integers(1, 7)))
        failure, workers, granularity = pick(rng, FAILURES), pick(rng, [1, 2, 32]), pick(rng, ["steps", "atomic"])
        recorder = Recorder(Header(run=f"steps {number}", source="walk"))
        setting = Setting(program, tools, new_world, granularity=granularity, failure=failure, workers=workers)
        run = at_random(setting, rng, recording(recorder))
        yield Recorded(recorder.run(), partial(walker, tools, failure, workers), new_world, run.world.state())


def live_runs(rng: np.random.Generator) -> Iterator[Recorded]:
    """The live driver on a virtual clock, its ready queue shuffled, its tools in steps."""
    for number in range(180):
        turn = Turn("go", shows_all(random_program(rng, int(rng.integers(1, 7)))[0]))
        task = Task(f"live {number}", "random", (turn,), TOOLS, {}, new_world)
        policy = random_policy(rng)
        timed = Models(load_decoder(pick(rng, decoder_names())), load_durations("default"))
        said = {"messages": pick(rng, get_args(Messages)), "dependence": pick(rng, get_args(Dependence))}
        lived = live(task, policy, timed, seed=number, choose=chooser(rng), **said)
        yield Recorded(lived.run, partial(_scheduler, TOOLS, policy), new_world, lived.state, lived.conversation.origin)


def _scheduler(tools: Mapping[str, Tool], policy: Policy) -> Scheduler:
    return Session(tools, policy).scheduler


SOURCES: Final[Mapping[str, Callable[[np.random.Generator], Iterator[Recorded]]]] = {
    "simulated BFCL": bfcl_runs,
    "simulated programs": random_program_runs,
    "walks": walked_runs,
    "steps": stepped_runs,
    "live": live_runs,
}


@cache
def runs_of(source: str) -> list[Recorded]:
    return list(SOURCES[source](np.random.default_rng(0)))


def at_random(setting: Setting, rng: np.random.Generator, observer: Observer) -> Configuration:
    """A run of `setting` under a random schedule."""
    run = setting.start()
    run.observer = observer
    while not run.over():
        run.make(pick(rng, run.moves()))
    return run


def chooser(rng: np.random.Generator) -> Callable[[int], int]:
    return lambda n: int(rng.integers(n))


def walker(tools: Mapping[str, Tool], failure: Failure, workers: int) -> Scheduler:
    """A scheduler as the walker has it."""
    return Scheduler(tools, failure=failure, max_running=workers, max_running_per_tool=workers)


def shows_all(program: Program) -> Program:
    """`program`, returning all of its futures."""
    body = [statement for statement in program.body if not isinstance(statement, Done)]
    futures = dict.fromkeys(call.future for call in calls_in(tuple(body)))
    return Program((*body, Done(tuple(map(Ref, futures)))))
