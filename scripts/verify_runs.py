"""The long form of two tests: 6,000 racy runs against their certificates, and every BFCL run against the scheduler.

Exits with 1 if a certified run differs from running in order, or if a simulated conversation is not a path of the
explored graph, or not certified. `verify_runs.py N` makes N racy runs, and simulates the first N conversations.
"""

from __future__ import annotations

import sys
from itertools import cycle
from typing import get_args

import numpy as np

from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.session import Session
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import simulate
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.verify.conformance import conforms
from asyncfc_sim.verify.racy import racy_runs
from asyncfc_sim.workloads import bfcl

RACY = 6000
SEED = 11


def racy(n: int) -> bool:
    """Whether no certificate was unsound, and neither verdict was rare."""
    tally = racy_runs(n, np.random.default_rng(SEED))
    print(tally)
    return tally.unsound == 0 and min(tally.sound, tally.caught) > n / 10


def simulated(n: int | None) -> bool:
    """Whether every conversation, under every arm of the demo, is a path and is certified. Failure modes take turns."""
    models = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("bfcl-agent"))
    studies = cycle(Study(failure=mode) for mode in get_args(Failure))
    runs = deviating = uncertified = 0
    for task, study in zip(bfcl.load("all", n), studies, strict=False):
        for arm in study.arms():
            if arm.policy is None:
                continue
            simulation = simulate(task, arm, models, SEED)
            run, world = simulation.recorder.run(), task.make_world()

            def execute(future, tool, args, world=world, origin=simulation.conversation.origin):
                return world.call(origin(future), tool, args)

            deviation = conforms(run, Session(task.tools, arm.policy).scheduler, execute=execute)
            if deviation is None and world.state() != simulation.world.state():
                deviation = "the world ends in another state"
            if deviation is not None:
                print(f"{run.header.run}: {deviation}")
            runs += 1
            deviating += deviation is not None
            uncertified += not certificate(run).certified
    print(f"{runs} simulated BFCL runs: {deviating} are no path of the explored graph, {uncertified} not certified")
    return not (deviating or uncertified)


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else None
    sound = racy(asked or RACY)
    sys.exit(0 if simulated(asked) and sound else 1)
