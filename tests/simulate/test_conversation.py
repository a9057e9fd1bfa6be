"""Turns and their scripts, and the way back from the session's numbers to those of the programs."""

from __future__ import annotations

from dataclasses import replace

from asyncfc_sim.core.policy import ASYNCFC
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Branch, Call
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.simulate.conversation import Conversation
from asyncfc_sim.workloads.workload import Turn
from tests.toy_tasks import calls, program, task

FIRST = Turn("one", calls(("read", {"path": "a"}), ("read", {"path": "b"})))
SECOND = Turn("two", program(Call(3, "pure", {"x": 1}), Call(4, "pure", {"x": Ref(3)})))


def conversation(*turns: Turn) -> Conversation:
    told = replace(task(), turns=turns)
    return Conversation(told, ASYNCFC, messages="turn", dependence="values")


def test_turns_follow_one_another():
    model = conversation(FIRST, SECOND)
    assert model.next_turn(0) == FIRST
    assert model.turn == 1
    assert len(model.next_message().calls) == 2
    assert model.next_turn(2) == SECOND
    assert model.turn == 2
    assert model.next_turn(4) is None
    assert model.turn == 2


def test_a_turn_is_numbered_from_what_the_session_has_numbered():
    model = conversation(FIRST, SECOND)
    model.next_turn(0)
    model.next_message()  # two calls, of which the session saw one: the message was cut off
    model.stop()
    model.next_turn(1)
    assert model.next_message().calls[1].args == {"x": Ref(2)}
    assert model.origin(2) == 3
    assert model.by_origin({1: "a", 2: {"x": 1}, 3: "b"}) == {1: "a", 3: {"x": 1}, 4: "b"}


def test_errors_speak_of_the_programs_numbers_but_for_the_tools_own_words():
    model = conversation(
        Turn(
            "",
            program(Call(1, "ls", {}), Branch(Ref(1), 0, (Call(2, "ls", {}),)), Call(3, "fail", {}), Call(4, "ls", {})),
        )
    )
    model.next_turn(0)
    model.next_message()
    model.show({1: []})
    model.next_message()
    own = ErrorValue("tool_error", "no $f2 here", origin=2)
    inherited = ErrorValue("dependency_failed", "it needs $f2, which failed: boom", origin=2)
    assert model.by_origin({1: [], 2: own, 3: inherited}) == {
        1: [],
        3: ErrorValue("tool_error", "no $f2 here", origin=3),
        4: ErrorValue("dependency_failed", "it needs $f3, which failed: boom", origin=3),
    }
