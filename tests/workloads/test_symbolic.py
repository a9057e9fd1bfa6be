"""The symbolic world tells wrong orders of conflicting calls from right ones, and calls no right order wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import Declaration, indep
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch
from asyncfc_sim.core.tool import Tool, pure
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.exhaust import exhaust
from asyncfc_sim.verify.moves import Granularity
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.verify.walk import walk
from asyncfc_sim.workloads.key_world import Accessed
from asyncfc_sim.workloads.symbolic import SymbolicWorld

TOOLS = {
    tool.name: tool
    for tool in (
        Tool("get", Declaration(reads=["k:{k}"])),
        Tool("put", Declaration(writes=["k:{k}"]), idempotent=True),
        Tool("edit", Declaration(writes=["k:{k}"])),
        Tool("move", Declaration(reads=["k:{k}"], writes=["k:{to}"])),
        Tool("list", Declaration(reads=["k:{k}/*"])),
        Tool("clear", Declaration(writes=["k:{k}/*"])),
        Tool("count", Declaration(writes=["n"]), commutes_with=frozenset({"count"})),
        Tool("total", Declaration(reads=["n"])),
        Tool("send", Declaration(writes=["outbox"]), irreversible=True),
        Tool("fail", Declaration(writes=["k:{k}"])),
        Tool("anything"),
        pure("think"),
    )
}
CANNED = frozenset({"get", "send"})


def answer(future: int, tool: str, args: Mapping[str, Any], digest: str) -> Value:
    if tool == "fail":
        return ErrorValue("tool_error", "no")
    return {"x": "canned"} if tool in CANNED else {"x": digest}


def world() -> SymbolicWorld:
    return SymbolicWorld(TOOLS, answer)


keys = st.sampled_from(["a", "a/b", "a/b/c", "d"])
tools = st.sampled_from(sorted(TOOLS))
calls = st.tuples(tools, st.fixed_dictionaries({"k": keys, "to": keys}))


def independent(one: tuple[str, Any], other: tuple[str, Any]) -> bool:
    return indep(TOOLS[one[0]].footprint(one[1]), TOOLS[other[0]].footprint(other[1]))


def after(*run: tuple[int, tuple[str, Any]]) -> tuple[str, dict[int, Value]]:
    """The state and the values when these calls have run, in this order."""
    fresh = world()
    values = {future: fresh.call(future, *call) for future, call in run}
    return fresh.state(), values


@given(before=st.lists(calls, max_size=3), one=calls, other=calls)
def test_independent_calls_commute(before, one, other):
    assume(independent(one, other))
    start = list(enumerate(before, 1))
    assert after(*start, (8, one), (9, other)) == after(*start, (9, other), (8, one))


@given(before=st.lists(calls, max_size=3), one=calls, other=calls)
def test_conflicting_calls_show_their_order(before, one, other):
    assume(not independent(one, other))
    assume((one[0], other[0]) != ("count", "count"))
    start = list(enumerate(before, 1))
    assert after(*start, (8, one), (9, other))[0] != after(*start, (9, other), (8, one))[0]


def test_a_write_before_a_write_is_another_version_whatever_the_numbers():
    write_a, write_b = ("edit", {"k": "a"}), ("clear", {"k": "a"})
    assert after((1, write_a), (2, write_b))[0] != after((1, write_b), (2, write_a))[0]


def test_a_made_up_value_depends_on_the_writes_it_has_seen():
    read, write, elsewhere = ("list", {"k": "a"}), ("edit", {"k": "a/b"}), ("edit", {"k": "d"})
    assert after((2, read))[1][2] != after((1, write), (2, read))[1][2]
    assert after((2, read))[1][2] == after((1, elsewhere), (2, read))[1][2]


def test_a_canned_value_read_too_late_shows_in_the_state():
    read, write = ("get", {"k": "a"}), ("edit", {"k": "a"})
    in_order, late = after((1, read), (2, write)), after((2, write), (1, read))
    assert in_order[1] == late[1]
    assert '"out_of_order":[[1,2]]' in late[0]
    assert '"out_of_order":[]' in in_order[0]


def test_a_canned_value_read_too_early_shows_in_the_state():
    read, write = ("get", {"k": "a"}), ("edit", {"k": "a"})
    assert '"out_of_order":[[1,2]]' in after((2, read), (1, write))[0]


def test_reading_leaves_no_trace():
    read, write = ("get", {"k": "a"}), ("edit", {"k": "a"})
    assert after((1, write), (2, read))[0] == after((1, write))[0]
    assert after((1, ("anything", {})), (2, ("think", {})))[0] == after((1, ("anything", {})))[0]


def test_a_failing_call_writes_nothing():
    assert after((1, ("fail", {"k": "a"})))[0] == after()[0]


def test_calls_that_commute_are_counted_and_not_ordered():
    count, total = ("count", {"k": "a"}), ("total", {"k": "a"})
    assert after((1, count), (2, count)) == after((2, count), (1, count))
    assert after((1, count))[0] != after((1, count), (2, count))[0]
    assert after((1, count), (3, total))[1][3] != after((1, count), (2, count), (3, total))[1][3]


def test_repeating_an_idempotent_call_changes_nothing():
    put, edit = ("put", {"k": "a", "to": "d"}), ("edit", {"k": "a"})
    once, twice = after((1, put)), after((1, put), (2, put))
    assert once[0] == twice[0]
    assert twice[1][1] == twice[1][2]
    assert after((1, put), (2, edit))[0] != after((1, put), (2, edit), (3, put))[0]
    assert after((1, edit), (2, edit))[1][1] != after((1, edit), (2, edit))[1][2]


@given(before=st.lists(calls, max_size=3), later=st.lists(calls, min_size=1, max_size=3))
def test_a_copy_is_the_same_world_and_shares_nothing(before, later):
    original = world()
    for future, call in enumerate(before, 1):
        original.call(future, *call)
    twin, state = original.copy(), original.state()
    assert twin.state() == state
    twin_values = [twin.call(future, *call) for future, call in enumerate(later, 10)]
    assert original.state() == state
    assert [original.call(future, *call) for future, call in enumerate(later, 10)] == twin_values
    assert original.state() == twin.state()


def test_values_are_copies():
    canned = {"items": [1]}
    each = SymbolicWorld(TOOLS, lambda *_: canned)
    value: Any = each.call(1, "think", {})
    value["items"].append(2)
    assert each.call(2, "think", {}) == {"items": [1]}


def test_a_call_that_cannot_be_run_is_refused():
    assert world().call(1, "nothing", {}).kind == "invalid_argument"
    assert world().call(1, "get", {}).kind == "invalid_argument"


# Programs -----------------------------------------------------------------------------------------------------------


@st.composite
def programs(draw: st.DrawFn) -> Program:
    body, _ = _block(draw, draw(st.integers(1, 7)), (), 0, 0)
    return Program((*body, Done()))


def _block(
    draw: st.DrawFn, size: int, known: tuple[int, ...], latest: int, depth: int
) -> tuple[tuple[Statement, ...], int]:
    """Statements that may name the `known` futures, and the last number used when they have all been done."""
    body: list[Statement] = []
    for _ in range(size):
        kind = draw(st.integers(0, 9))
        if kind == 0 and known:
            body.append(Touch((draw(st.sampled_from(known)),)))
        elif kind == 1 and known and depth < 2:
            ref = Ref(draw(st.sampled_from(known)), ("x",))
            sides = [_block(draw, draw(st.integers(1, 2)), known, latest, depth + 1) for _ in range(2)]
            body.append(Branch(ref, "canned", sides[0][0], sides[1][0]))
            latest = max(sides[0][1], sides[1][1])
        else:
            latest += 1
            value = keys | (st.sampled_from(known).map(lambda future: Ref(future, ("x",))) if known else keys)
            body.append(Call(latest, draw(tools), {"k": draw(value), "to": draw(value)}))
            known = (*known, latest)
    return tuple(body), latest


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(program=programs(), seed=st.integers(0, 2**32))
def test_every_schedule_is_the_sequential_run(failure: Failure, program: Program, seed: int):
    in_order = world()
    expected = run_sequential(program, TOOLS, in_order.call, failure)
    each, rng = world(), random.Random(seed)
    outcome, schedule = walk(program, TOOLS, each.call, rng.randrange, failure=failure)
    assert outcome == expected, schedule
    assert each.state() == in_order.state(), schedule


def test_some_schedule_without_footprints_differs():
    program = Program((Call(1, "edit", {"k": "a"}), Call(2, "get", {"k": "a"}), Call(3, "edit", {"k": "a"})))
    ignoring = {name: pure(name) for name in TOOLS}
    states = set()
    for seed in range(20):
        each = world()
        walk(program, ignoring, each.call, random.Random(seed).randrange)
        states.add(each.state())
    assert len(states) > 1


def test_some_schedule_overlaps():
    program = Program((Call(1, "edit", {"k": "a"}), Call(2, "edit", {"k": "d"}), Call(3, "edit", {"k": "a"})))
    widths: list[int] = []
    watch: Callable[[Scheduler], None] = lambda scheduler: widths.append(len(scheduler._slots.running))  # noqa: E731
    walk(program, TOOLS, world().call, lambda n: 0, watch=watch)
    assert max(widths) == 2


def test_ten_thousand_calls_are_no_problem():
    each = world()
    for future in range(1, 10_001):
        each.call(future, "edit", {"k": f"file{future % 5000}"})
    assert each.state().count('"k:file') == 5000


@given(st.lists(calls, max_size=6).flatmap(lambda made: st.permutations(list(enumerate(made, 1)))))
def test_a_call_in_steps_is_the_call_at_once(made: list[tuple[int, tuple[str, Any]]]) -> None:
    """Each pattern observed or written is a step of its own, so that other calls may get in between."""
    at_once, stepped = world(), world()
    for future, (tool, args) in made:
        history: tuple[Any, ...] = ()
        while isinstance(step := stepped.step(future, tool, args, history), Accessed):
            history = (*history, step.answer)
        assert step.value == at_once.call(future, tool, args)
        assert stepped.state() == at_once.state()
        footprint = TOOLS[tool].footprint(args)
        assert len(history) == len(footprint.reads + 2 * footprint.writes)


IDEMPOTENT = {name: replace(tool, idempotent=True) for name, tool in TOOLS.items()}


@pytest.mark.parametrize(
    "text",
    [
        'f1 = edit(k="a")\nf2 = edit(k="a")',
        'f1 = move(k="a", to="d")\nf2 = edit(k="a")\nf3 = move(k="a", to="d")',
        'f1 = get(k="a")\nf2 = fail(k="a")',
    ],
)
@pytest.mark.parametrize("granularity", ["atomic", "steps"])
def test_returns_touch_nothing(text: str, granularity: Granularity) -> None:
    """So nothing is missed where they are made at once; also not of calls that are repetitions, or fail."""
    program = parse_program(text)
    setting = Setting(program, IDEMPOTENT, lambda: SymbolicWorld(IDEMPOTENT, answer), granularity, scheduler=Naive)
    reduced, full = exhaust(setting), exhaust(setting, reduce=False)
    assert reduced.states < full.states
    assert {ending.text() for ending, _ in reduced.endings} == {ending.text() for ending, _ in full.endings}
    assert len(full.endings) > 1


def test_orders_that_lead_to_one_state_lead_on_to_the_same():
    """An explorer remembers states: what is noted besides must follow from which calls have run."""
    read, write = ("get", {"k": "a"}), ("edit", {"k": "a"})
    between, at_the_end = ((4, read), (2, write), (3, read)), ((3, read), (4, read), (2, write))
    assert after(*between) == after(*at_the_end)
    assert after(*between, (1, write)) == after(*at_the_end, (1, write))
