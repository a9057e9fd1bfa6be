"""Every schedule means what running in order means (formal.md T1, T2, T3), on random programs and schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.interpreter import Outcome
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Call, Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.verify.walk import walk
from tests.chaos import Chaos
from tests.toy_programs import toy_programs
from tests.toys import TOOLS, ToyWorld
from tests.tree_toys import TREE_TOOLS, TreeWorld, tree_call

FAILURES: list[Failure] = ["poison", "barrier", "strict"]
relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
caps = st.sampled_from([1, 2, 32])


class World(Protocol):
    def execute(self, future: int, tool: str, args: Mapping[str, Any]) -> Value: ...
    def state(self) -> str: ...


KINDS: dict[str, tuple[Callable[[], World], Mapping[str, Tool], st.SearchStrategy[Program]]] = {
    "flat keys": (ToyWorld, TOOLS, toy_programs(max_calls=8, min_calls=2)),
    "folders": (TreeWorld, TREE_TOOLS, toy_programs(max_calls=8, min_calls=2, call=tree_call)),
}


def chooser(data: st.DataObject) -> Callable[[int], int]:
    return lambda n: data.draw(st.integers(0, n - 1))


def check_every_state(scheduler: Scheduler, expected: Outcome) -> None:
    """T1: each resolved future already has its sequential value."""
    if scheduler.failure != "strict":  # where a value past the failing call may be squashed later
        for future, value in scheduler.values.items():
            assert value == expected.values[future]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", FAILURES)
@relaxed
@given(data=st.data(), max_running=caps)
def test_every_schedule_is_the_sequential_run(
    kind: str, failure: Failure, data: st.DataObject, max_running: int
) -> None:
    make_world, tools, programs = KINDS[kind]
    program = data.draw(programs)
    in_order = make_world()
    expected = run_sequential(program, tools, in_order.execute, failure)
    world = make_world()
    outcome, schedule = walk(
        program,
        tools,
        world.execute,
        chooser(data),
        failure=failure,
        max_running=max_running,
        watch=lambda scheduler: check_every_state(scheduler, expected),
    )
    assert outcome == expected, schedule
    assert world.state() == in_order.state(), schedule


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", FAILURES)
@relaxed
@given(data=st.data(), max_running=caps)
def test_cancel_and_timeout_are_choices_that_the_sequential_run_could_have_made(
    kind: str, failure: Failure, data: st.DataObject, max_running: int
) -> None:
    """With the same calls abandoned, and the same of them having had their effect, the sequential run is the same."""
    make_world, tools, programs = KINDS[kind]
    world, in_order = make_world(), make_world()
    chaos = Chaos(data.draw(programs), tools, world.execute, chooser(data), failure=failure, max_running=max_running)
    outcome = chaos.run()
    assert outcome == chaos.sequential(tools, in_order.execute, failure), chaos.schedule
    assert world.state() == in_order.state(), chaos.schedule


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", FAILURES)
@relaxed
@given(data=st.data(), abandon=st.booleans())
def test_a_call_is_under_way_exactly_if_the_rule_start_permits_it(
    kind: str, failure: Failure, data: st.DataObject, abandon: bool
) -> None:
    """quiet(j) by its definition, over all pairs, in every reachable state: neither too early nor too late."""
    make_world, tools, programs = KINDS[kind]
    chaos = Chaos(data.draw(programs), tools, make_world().execute, chooser(data), failure=failure, abandon=abandon)
    chaos.invariants.without_caps = True
    chaos.run()


@pytest.mark.parametrize("kind", KINDS)
def test_random_runs_are_interesting(kind: str) -> None:
    """The properties above would hold of a scheduler that never overlaps anything, and of programs that never fail."""
    make_world, tools, programs = KINDS[kind]
    met: Counter[str] = Counter()

    @settings(relaxed, max_examples=200, derandomize=True, database=None, phases=[Phase.generate])
    @given(data=st.data())
    def sample(data: st.DataObject) -> None:
        chaos = Chaos(data.draw(programs), tools, make_world().execute, chooser(data))
        outcome = chaos.run()
        met["two overlap"] += chaos.invariants.most_under_way > 1
        met["three overlap"] += chaos.invariants.most_under_way > 2
        met["abandoned before its start"] += bool(chaos.never_ran)
        met["in doubt, and had its effect"] += bool(chaos.had_effect)
        met["abandoned, and had none"] += bool(chaos.abandoned.keys() - chaos.had_effect)
        met.update({value.kind for value in outcome.values.values() if isinstance(value, ErrorValue)})

    sample()
    expected = {"tool_error", "timeout", "cancelled", "dependency_failed", "invalid_reference"}
    expected |= {"invalid_argument" if kind == "folders" else "not_executed"}
    expected |= {"two overlap", "abandoned before its start", "in doubt, and had its effect", "abandoned, and had none"}
    assert all(met[name] > 10 for name in expected), met
    assert met["three overlap"]


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
