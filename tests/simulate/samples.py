"""Random conversations, arms and wide durations, for tests of the vectorised engine against the simulation."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import get_args

import numpy as np
from hypothesis import strategies as st

from asyncfc_sim.core.policy import ASYNCFC, EARLY_START, PLAN, SYNC, SYNC_PARALLEL, Policy
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.syntax import Program, calls_in
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import DurationModel, Rule
from asyncfc_sim.simulate.experiment import Arm
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.script import Dependence, Messages
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.random_programs import TOOLS, VALUES, random_program
from asyncfc_sim.workloads.toolbox import TOOLBOX
from asyncfc_sim.workloads.workload import Task, Turn
from tests.toy_programs import toy_programs
from tests.toy_tasks import later, shows_all, task
from tests.toys import TOOLS as TOYS

PAPER = replace(ASYNCFC, grace_s=0.0, delivery="on_touch", duplicates="run")
PATIENT = replace(ASYNCFC, grace_s=inf, duplicates="run")
STREAM = replace(PAPER, stream=True)
FIXED = (SYNC, SYNC_PARALLEL, EARLY_START, PAPER, PATIENT, PLAN, STREAM)

# From far shorter than a message to far longer: so that who is faster differs from sample to sample.
WIDE = Quantity(0.5, "s", 0, "made up", "assumed", quantiles=((0.1, 0.01), (0.5, 0.5), (0.9, 10.0), (0.99, 60.0)))
DURATIONS = DurationModel("wide", "wide", {"any": WIDE}, (), Rule("*", "any", "assumed", "made up"))
DECODERS = tuple(load_decoder(name) for name in ("gpt-oss-120b-vllm", "llama2-70b-h100"))


# Who goes first of two calls that commute depends on who is ready first.
IN_ORDER = {name: replace(tool, commutes_with=frozenset()) for name, tool in TOYS.items()}


def timed(decoder: int = 0, *, overhead: bool = True) -> Models:
    return Models(DECODERS[decoder], DURATIONS, overhead)


def timings() -> st.SearchStrategy[Models]:
    return st.builds(lambda decoder, overhead: timed(decoder, overhead=overhead), st.integers(0, 1), st.booleans())


@st.composite
def conversations(draw: st.DrawFn) -> Task:
    """One or two turns over the toolbox or the toy tools, with failing calls, aliases, branches and barriers."""
    if draw(st.booleans()):
        programs = [draw(toy_programs()) for _ in range(draw(st.integers(1, 2)))]
        return task(*_joined(programs), tools=IN_ORDER)
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    irreversible = draw(st.booleans())
    tools = {**TOOLS, "write": replace(TOOLS["write"], irreversible=irreversible)}
    programs = [random_program(rng, draw(st.integers(1, 7)))[0] for _ in range(draw(st.integers(1, 2)))]
    turns = tuple(Turn("go", shows_all(program)) for program in _joined(programs))
    return Task("random", "tests", turns, tools, {}, lambda: KeyWorld(TOOLBOX, VALUES))


def _joined(programs: list[Program]) -> list[Program]:
    """The programs as turns of one conversation, their calls numbered on."""
    joined: list[Program] = []
    for program in programs:
        last = max((call.future for one in joined for call in calls_in(one.body)), default=0)
        joined.append(later(program, last))
    return joined


def policies() -> st.SearchStrategy[Policy]:
    """Policies under which the model is shown the same, whatever takes how long."""
    return st.builds(
        lambda policy, failure, most: replace(policy, failure=failure, max_running=min(policy.max_running, most)),
        st.sampled_from(FIXED),
        st.sampled_from(get_args(Failure)),
        st.sampled_from([1, 2, 32]),
    )


def arms() -> st.SearchStrategy[Arm]:
    """An arm of such a policy, or the bound."""
    return st.builds(
        lambda policy, messages, dependence: Arm(policy.name if policy else "bound", policy, messages, dependence),
        st.none() | policies(),
        st.sampled_from(get_args(Messages)),
        st.sampled_from(get_args(Dependence)),
    )
