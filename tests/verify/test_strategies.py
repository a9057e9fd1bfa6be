"""The public strategies: what they draw is valid, runs, has all that makes order hard, and shrinks to little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from asyncfc_sim.core.events import Action, End, Event, Settle, Start
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch, calls_in, refs_in
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.choices import Schedule
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.schedules import format_schedule
from asyncfc_sim.verify.setting import Ending, Setting
from asyncfc_sim.verify.strategies import ARGUMENTS, programs, schedules, worlds
from asyncfc_sim.verify.walk import walk
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.toolbox import TOOLBOX
from asyncfc_sim.workloads.toolbox_tools import TOOLS

GENERATE = settings(max_examples=300, derandomize=True, database=None, phases=[Phase.generate])


@given(programs(), schedules(), worlds(), st.sampled_from(["atomic", "steps"]), st.sampled_from(["poison", "barrier"]))
def test_every_schedule_of_every_program_in_every_world_is_as_in_order(program, schedule, world, granularity, failure):
    setting = Setting(program, TOOLS, world.copy, granularity, failure)
    assert schedule.run(setting) == setting.in_order()


@given(programs(max_calls=5))
def test_programs_are_valid_and_no_path_is_longer_than_allowed(program: Program):
    assert parse_program(str(program)) == program  # the parser refuses references that some path has not issued
    assert max((call.future for call in calls_in(program.body)), default=0) <= 5
    for call in calls_in(program.body):
        assert list(call.args) == list(ARGUMENTS[call.tool])


def blocks(body: tuple[Statement, ...]):
    yield body
    for statement in body:
        if isinstance(statement, Branch):
            yield from blocks(statement.then)
            yield from blocks(statement.orelse)


def most_under_way(setting: Setting, schedule: Schedule) -> int:
    under_way: set[int] = set()
    most = 0

    def count(happened: Event | Action | object) -> None:
        nonlocal most
        match happened:
            case Start(future):
                under_way.add(future)
            case Settle(future) | End(future):
                under_way.discard(future)
        most = max(most, len(under_way))

    replay(setting, schedule.moves(setting), count)
    return most


def test_all_that_makes_order_hard_is_frequent():
    met: Counter[str] = Counter()

    @GENERATE
    @given(programs(), schedules(), worlds())
    def look(program: Program, schedule: Schedule, world: KeyWorld) -> None:
        statements = [statement for body in blocks(program.body) for statement in body]
        met.update({type(statement).__name__ for statement in statements})
        inner = [statement for body in list(blocks(program.body))[1:] for statement in body]
        met["a branch that returns"] += any(isinstance(statement, Done) for statement in inner)
        calls = [statement for statement in statements if isinstance(statement, Call)]
        met["five calls"] += len(calls) >= 5
        met.update({call.tool for call in calls})
        keys = [call.args[name] for call in calls for name in ("path", "src", "dst", "key") if name in call.args]
        met["a key that is a result"] += any(any(refs_in(key)) for key in keys)
        setting = Setting(program, TOOLS, world.copy, "steps")
        values = setting.in_order().outcome.values.values()
        met.update({value.kind for value in values if isinstance(value, ErrorValue)})
        met["overlap"] += most_under_way(setting, schedule) > 1
        in_order = Schedule().moves(setting)
        met["another schedule"] += schedule.moves(setting) != in_order

    look()
    assert all(met[tool] >= 6 for tool in TOOLS), met
    assert all(met[kind] >= 90 for kind in ("Call", "Touch", "Branch", "Done", "overlap", "another schedule")), met
    assert all(met[kind] >= 60 for kind in ("five calls", "a key that is a result")), met
    assert all(met[kind] >= 30 for kind in ("tool_error", "dependency_failed", "a branch that returns")), met
    assert all(met[kind] >= 6 for kind in ("invalid_reference", "not_executed")), met


class Differs(Exception):
    def __init__(self, *found: object) -> None:
        self.found = found


def smallest(number: int) -> tuple[Program, Schedule, KeyWorld]:
    """What Hypothesis shrinks to if the naive scheduler is to run as in order."""

    @seed(number)
    @settings(max_examples=3000, database=None, deadline=None, phases=[Phase.generate, Phase.shrink])
    @given(programs(), schedules(), worlds())
    def runs_in_order(program: Program, schedule: Schedule, world: KeyWorld) -> None:
        setting = Setting(program, TOOLS, world.copy, scheduler=Naive)
        if schedule.run(setting) != setting.in_order():
            raise Differs(program, schedule, world)

    with pytest.raises(Differs) as caught:
        runs_in_order()
    return caught.value.found  # type: ignore[return-value]


def test_without_the_rule_two_calls_remain_of_what_differs():
    sizes: Counter[int] = Counter()
    for number in range(5):
        program, schedule, world = smallest(number)
        assert all(isinstance(statement, Call) for statement in program.body)
        assert not any(any(refs_in(value)) for call in calls_in(program.body) for value in call.args.values())
        assert all(choice <= 2 for choice in schedule.choices)
        assert len(world.values) <= 1
        sizes[len(program.body)] += 1
    assert sizes[2] >= 4, sizes


@given(programs(), schedules(), worlds())
def test_a_schedule_says_which_moves_it_makes(program: Program, schedule: Schedule, world: KeyWorld):
    setting = Setting(program, TOOLS, world.copy)
    moves = schedule.moves(setting)
    run = replay(setting, moves)
    assert Ending(run.outcome(), run.world.state()) == schedule.run(setting)
    walked = world.copy()
    outcome, made = walk(program, TOOLS, walked.call, schedule.chooser())
    assert " ".join(made) == format_schedule(moves)
    assert outcome == run.outcome()


def test_the_simplest_schedule_is_the_decoder_first_then_the_lowest_call():
    program = parse_program('f1 = write(path="a", text="x")\nf2 = write(path="b", text="y")\nreturn $f2')
    setting = Setting(program, TOOLS, lambda: KeyWorld(TOOLBOX, {}))
    assert format_schedule(Schedule().moves(setting)) == "d d d f1 f2"
    assert format_schedule(Schedule((1, 0)).moves(setting)) == "d f1 d d f2"
    assert format_schedule(Schedule((0, 2)).moves(setting)) == "d d f2 d f1"
    assert format_schedule(Schedule((0, 5)).moves(setting)) == "d d f2 d f1"
    assert format_schedule(Schedule((0, 0, 1)).moves(setting)) == "d d d f2 f1"


def test_what_each_strategy_shrinks_to():
    simplest: dict[str, object] = {}

    def look(name: str, strategy: st.SearchStrategy[object]) -> None:
        @settings(max_examples=50, database=None, phases=[Phase.generate, Phase.shrink])
        @given(strategy)
        def fails(value: object) -> None:
            simplest[name] = value
            raise Differs

        with pytest.raises(Differs):
            fails()

    look("program", programs())
    look("schedule", schedules())
    look("world", worlds().map(lambda world: world.values))
    assert str(simplest["program"]) in ("", "f1 = fail()", "f1 = now()", 'f1 = read(path="a")')
    assert simplest["schedule"] == Schedule()
    assert simplest["world"] == {}


@given(st.data())
def test_programs_of_ones_own_tools(data: st.DataObject):
    tools: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "search": {"query": st.text()},
        "add": {"a": st.integers(), "b": st.integers()},
        "ping": {},
    }
    program = data.draw(programs(tools, max_calls=3, results=st.booleans()))
    assert parse_program(str(program)) == program
    for call in calls_in(program.body):
        assert list(call.args) == list(tools[call.tool])
    for statement in program.body:
        assert not isinstance(statement, Branch) or isinstance(statement.literal, bool)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tools": {}}, "there are no tools to call"),
        ({"tools": TOOLS}, "read: a strategy for each of its parameters, not Tool"),
        ({"max_calls": 0}, "max_calls is a number from 1 on, not 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(arguments: Mapping[str, object], message: str):
    make: Callable[..., object] = programs
    with pytest.raises(InvalidArgument, match=message):
        make(**arguments)


def test_failing_examples_are_printed_as_what_one_would_write():
    program, schedule, world = smallest(0)
    assert eval(repr(program), {"Program": Program, "Call": Call, "Touch": Touch}) == program
    assert eval(repr(schedule), {"Schedule": Schedule}) == schedule
    assert repr(world) == f"KeyWorld(..., {world.values!r})"
    assert [repr(strategy) for strategy in (programs(), worlds())] == ["programs()", "worlds()"]
