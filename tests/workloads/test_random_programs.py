"""Random programs are well-formed, repeatable, and dangerous: a wrong order is seen in nearly half of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Branch, Call, Program, Touch, calls_in, refs_in
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.random_programs import TOOLS, VALUES, random_program
from asyncfc_sim.workloads.toolbox import PARAMETERS, TOOLBOX


def programs(count: int, calls: int = 5) -> list[Program]:
    rng = np.random.default_rng(0)
    return [random_program(rng, calls)[0] for _ in range(count)]


def test_every_tool_has_a_body_and_is_given_its_arguments():
    used = set()
    for program in programs(300):
        for call in calls_in(program.body):
            assert set(call.args) == set(PARAMETERS[call.tool])
            used.add(call.tool)
    assert used == set(TOOLS) <= set(TOOLBOX)


@pytest.mark.parametrize("calls", [1, 2, 5, 8])
def test_every_path_makes_that_many_calls_and_none_refers_forward(calls: int):
    for program in programs(100, calls):
        assert parse_program(str(program)) == program  # the parser refuses references that some path has not issued
        world = KeyWorld(TOOLBOX, VALUES)
        outcome = run_sequential(program, TOOLS, world.call)
        assert list(outcome.values) == list(range(1, calls + 1))
        faults = [value for value in outcome.values.values() if isinstance(value, ErrorValue)]
        assert {fault.kind for fault in faults} <= {"tool_error", "dependency_failed"}


def test_the_same_generator_gives_the_same_programs():
    assert programs(5) == programs(5)
    assert len(set(map(str, programs(50)))) == 50


def test_all_that_makes_order_hard_is_frequent():
    count = 400
    seen: Counter[str] = Counter()
    for program in programs(count):
        calls = list(calls_in(program.body))
        keys = [call.args[name] for call in calls for name in ("path", "src", "dst") if name in call.args]
        outcome = run_sequential(program, TOOLS, KeyWorld(TOOLBOX, VALUES).call)
        seen["alias"] += any(list(refs_in(key)) for key in keys)
        seen["touch"] += any(isinstance(statement, Touch) for statement in program.body)
        seen["branch"] += any(isinstance(statement, Branch) for statement in program.body)
        seen["straight"] += all(isinstance(statement, Call) for statement in program.body[:-1])
        seen["failure"] += any(isinstance(value, ErrorValue) for value in outcome.values.values())
    assert seen["alias"] > count / 2
    assert seen["failure"] > count / 2
    assert min(seen.values()) > count / 5, seen
