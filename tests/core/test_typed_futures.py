"""A call that refers to what cannot be a part of a result is refused as it is issued, where the type is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.events import Finish, Issue
from asyncfc_sim.core.policy import ASYNCFC, SYNC
from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Call, Done, Program
from tests.conversations import chooser
from tests.dialogue import PAPER, Dialogue, emitted_program, error_of, pending
from tests.scripted import run_program
from tests.toy_programs import toy_call, toy_programs
from tests.toys import TYPED, ToyWorld

PURE = ("pure", {"x": 1})
NOTHING = ("pure", {"x": "$f1.y"})


def test_it_is_refused_and_the_model_is_told_at_once_whatever_the_policy():
    for policy in (PAPER, ASYNCFC, SYNC, replace(PAPER, dispatch="message")):
        talk = Dialogue(policy, TYPED)
        talk.says(PURE, NOTHING)
        assert talk.started == [1]
        if policy is not PAPER:
            talk.finish(1)
        error = talk.shown()[1]["error"]
        assert (error["kind"], error["origin"], error["effects"]) == ("invalid_reference", "$f2", "none")
        assert error["message"] == "pure: $f1.y: the result is an object with x"


def test_it_is_refused_in_the_same_words_whether_or_not_the_value_is_there():
    fast, slow = Dialogue(tools=TYPED), Dialogue(tools=TYPED)
    fast.call("pure", x=1)
    fast.finish(1)
    slow.call("pure", x=1)
    for talk in (fast, slow):
        talk.says(NOTHING)
    assert fast.transcript == slow.transcript


def test_what_may_be_there_is_waited_for():
    talk = Dialogue(tools=TYPED)
    talk.says(PURE, ("pure", {"x": "$f1.x[-1]"}), ("read", {"path": "a"}), ("pure", {"x": "$f3.anything"}))
    assert talk.shown() == [pending(number) for number in (1, 2, 3, 4)]
    talk.finish(1)
    assert talk.running[2].args == {"x": 1}
    talk.finish(3)
    assert error_of(talk.session.values()[4]) == "invalid_reference", "found out when the value was there"


def test_a_call_refused_holds_back_what_must_not_follow_a_failure():
    talk = Dialogue(tools=TYPED)
    talk.says(PURE, NOTHING, ("send", {"body": "done"}), ("pure", {"x": "$f2"}))
    talk.finish(1)
    assert talk.started == [1]
    values = talk.session.values()
    assert [error_of(values[future]) for future in (2, 3, 4)] == [
        "invalid_reference",
        "not_executed",
        "dependency_failed",
    ]


def test_a_number_that_shares_a_future_has_its_type():
    talk = Dialogue(replace(PAPER, duplicates="share"), TYPED)
    talk.says(PURE, PURE, ("pure", {"x": "$f2.y"}))
    assert talk.shown()[:2] == [pending(1), pending(1)]
    assert talk.shown()[2]["error"]["kind"] == "invalid_reference"


def test_in_strict_it_cuts():
    talk = Dialogue(replace(PAPER, failure="strict"), TYPED)
    talk.call("pure", x=1)
    talk.call("pure", x="$f1.y")
    talk.finish(1)
    assert talk.shown()[1]["error"]["kind"] == "invalid_reference"
    assert talk.transcript[1]["tool_calls"][-1]["id"] == "call_2"


def test_a_scheduler_tells_apart_what_it_knows_the_type_of():
    """The same call in both sides of a branch: states that differ in it must not be taken for one."""
    keys = set()
    for tool in ("pure", "ls"):
        scheduler = Scheduler(TYPED)
        scheduler.feed(Issue(Call(1, tool, {})))
        scheduler.feed(Finish(1, {"x": [1]}))
        keys.add(scheduler.key())
        twin = scheduler.fork()
        for one in (scheduler, twin):
            one.feed(Issue(Call(2, "pure", {"x": Ref(1, ("y",))})))
            assert error_of(one.values[2]) == "invalid_reference"
            assert "object with x" in one.values[2].message
    assert len(keys) == 2


def odd_call(draw: st.DrawFn, future: int, issued: list[int]) -> Call:
    """A toy call, some of whose references lead nowhere."""
    call = toy_call(draw, future, issued)
    path = st.sampled_from([("y",), ("x", 1), ("x", -1), ("x", "y"), (0,), ("x", 0, "z")])

    def led_astray(template: Any) -> Any:
        match template:
            case Ref(of):
                return Ref(of, draw(path))
            case Text(parts):
                return Text(tuple(map(led_astray, parts)))
            case _:
                return template

    args = {name: led_astray(item) if draw(st.booleans()) else item for name, item in call.args.items()}
    return replace(call, args=args)


@settings(max_examples=150)
@given(
    program=toy_programs(call=odd_call),
    failure=st.sampled_from(["poison", "barrier"]),
    grace_s=st.sampled_from([0.0, 0.25]),
    data=st.data(),
)
def test_values_and_world_are_those_of_running_in_order(
    program: Program, failure: Failure, grace_s: float, data: st.DataObject
) -> None:
    policy = replace(PAPER, failure=failure, grace_s=grace_s)
    talk, _ = run_program(program, policy, chooser(data), tools=TYPED)
    in_order = ToyWorld()
    expected = run_sequential(emitted_program(talk.log), TYPED, in_order.execute, failure)
    assert talk.session.values() == expected.values
    assert talk.world.state() == in_order.state()


@pytest.mark.parametrize("path", [("y",), ("x", 1), ("x", -2)])
def test_running_in_order_refuses_it_too(path):
    program = Program((Call(1, "pure", {"x": 1}), Call(2, "pure", {"x": Ref(1, path)}), Done((Ref(2),))))
    value = run_sequential(program, TYPED, ToyWorld().execute).values[2]
    assert error_of(value) == "invalid_reference"
    assert value.message.startswith("pure: $f1")
