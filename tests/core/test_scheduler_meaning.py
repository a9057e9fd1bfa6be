"""Every schedule means what running in order means (formal.md T1, T2, T3), on random programs and schedules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Call, Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.verify.walk import walk
from tests.toy_programs import toy_programs
from tests.toys import TOOLS, ToyWorld

FAILURES: list[Failure] = ["poison", "barrier", "strict"]
relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@pytest.mark.parametrize("failure", FAILURES)
@relaxed
@given(program=toy_programs(), data=st.data(), max_running=st.sampled_from([1, 2, 32]))
def test_every_schedule_is_the_sequential_run(
    failure: Failure, program: Program, data: st.DataObject, max_running: int
) -> None:
    in_order = ToyWorld()
    expected = run_sequential(program, TOOLS, in_order.execute, failure)

    def resolved_values_are_sequential(scheduler: Scheduler) -> None:  # T1, in every reachable state
        if failure != "strict":  # where a value past the failing call may be squashed later
            for future, value in scheduler.values.items():
                assert value == expected.values[future]

    world = ToyWorld()
    choose: Callable[[int], int] = lambda n: data.draw(st.integers(0, n - 1))  # noqa: E731
    outcome, schedule = walk(
        program,
        TOOLS,
        world.execute,
        choose,
        failure=failure,
        max_running=max_running,
        watch=resolved_values_are_sequential,
    )
    assert outcome == expected, schedule
    assert world.state() == in_order.state(), schedule


IGNORING = {name: Tool(name, Declaration()) for name in TOOLS}


def test_without_footprints_some_schedule_differs() -> None:
    program = Program((Call(1, "write", {"path": "a", "text": "1"}), Call(2, "write", {"path": "a", "text": "2"})))
    worlds = []
    for choices in ([0, 0, 0, 0, 0, 0], [0, 0, 2, 1, 0, 0, 0]):
        world, remaining = ToyWorld(), list(choices)
        walk(program, IGNORING, world.execute, lambda n, left=remaining: min(left.pop(0), n - 1))  # type: ignore[misc]
        worlds.append(world.state())
    assert len(set(worlds)) == 2


def test_some_schedule_overlaps_and_some_waits() -> None:
    under_way: list[int] = []

    def most(scheduler: Scheduler) -> None:
        under_way.append(len(scheduler._slots.running))

    def run(*calls: Call) -> int:
        under_way.clear()
        walk(Program(calls), TOOLS, ToyWorld().execute, lambda n: 0, watch=most)
        return max(under_way)

    assert run(Call(1, "read", {"path": "a"}), Call(2, "read", {"path": "a"})) == 2
    assert run(Call(1, "read", {"path": "a"}), Call(2, "write", {"path": "a", "text": "x"})) == 1
