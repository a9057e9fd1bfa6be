"""A written program as the messages a model would write, given what it has been shown."""

from __future__ import annotations

from typing import Any

import pytest

from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Touch
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.simulate.script import Dependence, Messages, NextMessage, Script, ToolUse
from tests.toy_tasks import calls, program

BOOM = ErrorValue("tool_error", "boom", origin=1)


def script(written: Program, messages: Messages = "call", dependence: Dependence = "values", **more: Any) -> Script:
    return Script(written, **{"references": True, "messages": messages, "dependence": dependence, **more})


def written(message: NextMessage) -> list[str]:
    """A message as text: its calls, or nothing for the answer."""
    return [f"{use.tool}{dict(use.args)}" for use in message.calls]


def await_(*futures: int) -> NextMessage:
    return NextMessage((ToolUse("await_future", {"ids": [Ref(future) for future in futures]}),))


THREE = calls(("read", {"path": "a"}), ("pure", {"x": Ref(1)}), ("pure", {"x": Text(("v", Ref(1)))}))


def test_one_call_a_message():
    model = script(THREE)
    assert written(model.next_message()) == ["read{'path': 'a'}"]
    assert written(model.next_message()) == ["pure{'x': Ref(future=1, path=())}"]
    assert written(model.next_message()) == ["pure{'x': Text(parts=('v', Ref(future=1, path=())))}"]
    assert model.next_message() == NextMessage()
    assert model.next_message() == NextMessage(), "asked again, it answers again"


def test_one_turn_a_message():
    model = script(THREE, "turn")
    assert len(model.next_message().calls) == 3
    assert model.next_message() == NextMessage()


def test_a_value_that_was_shown_is_written_out_with_its_type():
    model = script(THREE)
    model.next_message()
    model.show({1: {"n": 5, "s": "$f1"}})
    (use,) = model.next_message().calls
    assert use.args == {"x": {"n": 5, "s": "$f1"}}
    (use,) = model.next_message().calls
    assert use.args == {"x": 'v{"n":5,"s":"$f1"}'}


def test_an_argument_is_written_out_only_if_all_of_it_was_shown():
    model = script(calls(("read", {"path": "a"}), ("read", {"path": "b"}), ("pure", {"x": [Ref(1), Ref(2)]})), "turn")
    model.show({1: "a"})
    assert model.next_message().calls[2].args == {"x": [Ref(1), Ref(2)]}
    mixed = script(
        calls(("pure", {"x": 1}), ("pure", {"x": 2}), ("pure", {"x": {"l": [Ref(1), Text((Ref(1), Ref(2)))]}}))
    )
    mixed.next_message()
    mixed.next_message()
    mixed.show({1: "a"})
    assert mixed.next_message().calls[0].args == {"x": {"l": ["a", Text((Ref(1), Ref(2)))]}}


@pytest.mark.parametrize(("value", "ref"), [(BOOM, Ref(1)), ({"a": 1}, Ref(1, ("b",)))])
def test_what_cannot_be_written_out_is_passed_on_as_a_reference(value: Value, ref: Ref):
    model = script(calls(("read", {"path": "a"}), ("pure", {"x": ref})))
    model.next_message()
    model.show({1: value})
    assert model.next_message().calls[0].args == {"x": ref}


def test_without_futures_a_message_ends_before_a_call_that_needs_a_result():
    model = script(THREE, "turn", references=False)
    assert len(model.next_message().calls) == 1
    model.show({1: "a"})
    assert written(model.next_message()) == ["pure{'x': 'a'}", "pure{'x': 'va'}"]


def test_a_touch_is_a_message_of_its_own_unless_the_value_was_shown():
    touching = program(Call(1, "read", {"path": "a"}), Touch((1,)), Call(2, "pure", {"x": 1}), Done((Ref(2),)))
    model = script(touching, "turn")
    assert len(model.next_message().calls) == 1
    assert model.next_message() == await_(1)
    model.show({1: "a"})
    assert written(model.next_message()) == ["pure{'x': 1}"]
    model.show({2: {"x": 1}})
    assert model.next_message() == NextMessage(), "the answer needs what `return` names"


def test_a_branch_looks_at_its_value():
    def taken(value: Value) -> list[str]:
        branching = program(
            Call(1, "read", {"path": "a"}),
            Branch(Ref(1, ("k",)), 1, (Call(2, "ls", {}),), (Call(3, "incr", {}),)),
            Call(4, "pure", {"x": 1}),
        )
        model = script(branching, "turn")
        model.next_message()
        assert model.next_message() == await_(1)
        model.show({1: value})
        return [use.tool for use in model.next_message().calls]

    assert taken({"k": 1}) == taken({"k": 1.0}) == ["ls", "pure"]
    assert taken({"k": True}) == taken("text") == taken(BOOM) == ["incr", "pure"]


def test_numbers_are_the_sessions_and_go_on_over_turns():
    skipping = program(
        Call(11, "read", {"path": "a"}),
        Branch(Ref(11), "no", (Call(12, "ls", {}),), ()),
        Call(13, "pure", {"x": Ref(11, ("k",))}),
        Call(14, "pure", {"x": Ref(13)}),
    )
    model = script(skipping, numbered=4)
    model.next_message()
    assert model.next_message() == await_(5)
    model.show({5: {"j": 1}})
    assert model.next_message().calls[0] == ToolUse("pure", {"x": Ref(5, ("k",))}, origin=13)
    assert model.next_message().calls[0].args == {"x": Ref(6)}
    assert model.numbered == 7
    assert {number: model.origin[number] for number in (5, 6, 7)} == {5: 11, 6: 13, 7: 14}


def test_values_of_other_turns_are_ignored():
    model = script(THREE, numbered=4)
    model.next_message()
    model.show({1: "of an earlier turn"})
    assert model.next_message().calls[0].args == {"x": Ref(5)}


def test_a_future_of_a_branch_not_taken_never_names_some_other_call():
    pointing = program(
        Call(1, "read", {"path": "a"}),
        Branch(Ref(1), "no", (Call(2, "ls", {}), Call(3, "ls", {})), (Call(4, "incr", {}),)),
        Branch(Ref(3), "no", (Call(5, "ls", {}),), (Call(6, "incr", {}),)),
        Call(7, "pure", {"x": Ref(3)}),
    )
    model = script(pointing)
    model.next_message()
    model.next_message()
    model.show({1: "yes"})
    assert [model.next_message().calls[0].tool for _ in range(2)] == ["incr", "incr"]
    (use,) = model.next_message().calls
    assert use.args["x"].future > model.numbered


def test_if_all_depends_on_all_every_result_is_awaited_first():
    model = script(calls(("read", {"path": "a"}), ("read", {"path": "b"})), dependence="all")
    model.next_message()
    assert model.next_message() == await_(1)
    model.show({1: "a"})
    assert written(model.next_message()) == ["read{'path': 'b'}"]
    assert model.next_message() == await_(2)
    model.show({2: "b"})
    assert model.next_message() == NextMessage()


def test_if_all_depends_on_all_the_calls_of_one_message_still_go_together():
    model = script(calls(("read", {"path": "a"}), ("read", {"path": "b"})), "turn", "all")
    assert len(model.next_message().calls) == 2
    assert model.next_message() == await_(1, 2)


@pytest.mark.parametrize("dependence", ["values", "all"])
def test_once_it_was_stopped_it_answers(dependence: Dependence):
    model = script(THREE, dependence=dependence)
    model.next_message()
    model.stop()
    assert model.next_message() == NextMessage()


def test_an_empty_turn_is_answered_at_once():
    assert script(Program(())).next_message() == NextMessage()
    assert not NextMessage().is_await
    assert await_(1).is_await


def test_recorded_messages_begin_where_they_began():
    told = calls(*(("read", {"path": name}) for name in "abcd"))
    model = script(told, "step", begins={1, 3, 4})
    assert [len(model.next_message().calls) for _ in range(4)] == [2, 1, 1, 0]


def test_a_model_that_awaits_too_often_awaits_all_it_has_not_been_shown():
    asked: list[int] = []

    def awaits(numbered: int) -> bool:
        asked.append(numbered)
        return numbered == 2

    model = script(THREE, awaits=awaits)
    model.next_message()
    model.next_message()
    assert model.next_message() == await_(1, 2)
    model.show({1: "a", 2: {"x": "a"}})
    assert written(model.next_message()) == ["pure{'x': 'va'}"]
    assert asked == [1, 2], "asked only while something has not been shown"
