"""A recorded session becomes programs with the times of its calls and messages beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import EVERYTHING
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, Touch
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from asyncfc_sim.workloads.recorded_task import CALL_TOKENS, recorded_task
from asyncfc_sim.workloads.tools_file import parse_tools


def call(name: str, tool: str = "search", **more: Any) -> RecordedCall:
    return RecordedCall(id=name, tool=tool, **more)


def step(*calls: RecordedCall, **more: Any) -> RecordedStep:
    return RecordedStep(calls=calls, **more)


def session(*turns: tuple[RecordedStep, ...]) -> RecordedSession:
    return RecordedSession(session="s", source="hand", turns=tuple(RecordedTurn(steps=steps) for steps in turns))


def test_value_flow_becomes_references_and_touches():
    told = session((step(call("a")), step(call("b", deps=("a",))), step(call("c", deps=("b",), reads=("a",)))))
    (turn,) = recorded_task(told).turns
    assert turn.program.body == (
        Call(1, "search", {}),
        Call(2, "search", {"uses": [Ref(1)]}),
        Touch((1,)),
        Call(3, "search", {"uses": [Ref(2)]}),
        Done((Ref(1), Ref(2), Ref(3))),
    )


def test_what_an_earlier_turn_gave_is_known_already():
    told = session((step(call("a")),), (step(call("b", deps=("a",), reads=("a",))),))
    task = recorded_task(told)
    assert task.turns[1].program.body == (Call(2, "search", {}), Done((Ref(2),)))


def test_an_error_is_read_not_passed_on():
    told = session((step(call("a", error=True)), step(call("b", deps=("a",)))))
    task = recorded_task(told)
    assert task.turns[0].program.body[1] == Touch((1,))
    assert isinstance(task.make_world().call(1, "search", {}), ErrorValue)


def test_of_calls_without_flow_nothing_is_known():
    told = session((step(call("a"), call("b", deps=()), call("c", reads=())),))
    recorded = recorded_task(told).recorded
    assert recorded is not None
    assert recorded.unknown_flow == 1


def test_calls_end_where_they_were_seen_to_end_and_the_last_ends_the_message():
    seen = step(call("a", emit_tok=30), call("b", emit_s=3.0), call("c"), out_tokens=100, ttft_s=1.0, llm_s=5.0)
    recorded = recorded_task(session((seen,))).recorded
    assert recorded is not None
    assert [recorded.parts[future].tokens for future in (1, 2, 3)] == [30, 20, 50]
    assert [recorded.parts[future].first for future in (1, 2, 3)] == [True, False, False]
    assert recorded.begins == {1}


def test_else_tokens_are_counted_back_from_the_end():
    told = session((step(call("a"), call("b"), out_tokens=100),))
    recorded = recorded_task(told).recorded
    assert recorded is not None
    assert [recorded.parts[future].tokens for future in (1, 2)] == [100 - CALL_TOKENS, CALL_TOKENS]


def test_by_the_length_of_what_was_written_where_that_is_known():
    """A call has 49 characters here; so with 102 of text a token is two."""
    a, b = (call(name, args={"query": "tea"}) for name in "ab")
    assert a.chars == 49
    told = session((step(a, b, out_tokens=100, text_chars=102), step(out_tokens=7, text_chars=30)))
    recorded = recorded_task(told).recorded
    assert recorded is not None
    assert [recorded.parts[future].tokens for future in (1, 2)] == [75, 25]
    # Text comes first: 51 tokens of the 75. The second part is the other call.
    assert [recorded.parts[future].text_share for future in (1, 2)] == [pytest.approx(51 / 75), 0.0]
    assert recorded.answers[1].text_share == 1.0


def test_what_is_text_is_not_known_where_one_of_its_steps_does_not_say():
    told = session((step(out_tokens=9), step(call("a", args={}), out_tokens=30, text_chars=40)))
    recorded = recorded_task(told).recorded
    assert recorded is not None
    assert recorded.parts[1].text_share is None


def test_a_message_without_calls_before_the_last_is_thought_that_goes_on():
    told = session(
        (
            step(out_tokens=10, ttft_s=0.5, llm_s=1.0),
            step(call("a"), out_tokens=20, ttft_s=0.25, llm_s=2.0),
            step(out_tokens=7, llm_s=0.5),
        )
    )
    recorded = recorded_task(told).recorded
    assert recorded is not None
    assert (recorded.parts[1].tokens, recorded.parts[1].message.llm_s, recorded.parts[1].message.ttft_s) == (30, 3, 0.5)
    assert (recorded.answers[1].tokens, recorded.answers[1].message.llm_s) == (7, 0.5)


def test_an_answer_that_nobody_gave_costs_nothing():
    recorded = recorded_task(session((step(call("a"), out_tokens=5),))).recorded
    assert recorded is not None
    assert (recorded.answers[1].tokens, recorded.answers[1].message.llm_s) == (0, 0.0)


def test_footprints_are_those_of_the_tool_or_of_the_effect():
    told = session(
        (
            step(
                call("a", "Read", args={"file_path": "/d/x"}, effect="read"),
                call("b", "Edit", args={"file_path": "/d/x"}, effect="write"),
                call("c", "Bash", args={"command": "ls"}, effect="read"),
                call("d", "Bash", args={"command": "make"}, effect="write"),
                call("e", "Read", effect="read"),  # which file was not recorded
            ),
        )
    )
    task = recorded_task(told)
    body = task.turns[0].program.body
    calls = [each for each in body if isinstance(each, Call)]
    assert [each.tool for each in calls] == ["Read", "Edit", "Bash.read", "Bash.write", "Read.read"]
    read, edit, look, make, some = (task.tools[each.tool].footprint(dict(each.args)) for each in calls)
    assert read.reads == edit.writes, "one file, one key"
    assert (str(look), str(some)) == ("reads *; writes nothing", "reads *; writes nothing")
    assert make == EVERYTHING
    assert [task.kinds[each.tool] for each in calls] == ["Read", "Edit", "Bash", "Bash", "Read"]


def test_a_tools_file_stands_in_for_ours():
    declared = parse_tools('[tools.Bash]\nreads = ["box:{command}"]\nkind = "bash_other"\n', "tools")
    task = recorded_task(session((step(call("a", "Bash", args={"command": "ls"})),)), declared)
    assert str(task.tools["Bash"].footprint({"command": "ls"}).reads[0]) == "box:ls"
    assert task.kinds["Bash"] == "bash_other"


@given(st.lists(st.lists(st.integers(0, 9), min_size=0, max_size=3), min_size=1, max_size=5), st.data())
def test_every_token_and_every_call_is_there(shape: list[list[int]], data: st.DataObject) -> None:
    """Whatever was recorded of emission: the parts of all messages add up to what was decoded."""
    names = iter(range(1000))
    steps = tuple(
        step(
            *(call(f"c{next(names)}", emit_tok=data.draw(st.none() | st.integers(0, 200))) for _ in calls),
            out_tokens=data.draw(st.integers(0, 300)),
        )
        for calls in shape
    )
    recorded = recorded_task(session(steps)).recorded
    assert recorded is not None
    parts = [*recorded.parts.values(), *recorded.answers.values()]
    assert sum(part.tokens for part in parts) == sum(each.out_tokens or 0 for each in steps)
    assert all(part.tokens >= 0 for part in parts)
    assert len(recorded.parts) == sum(map(len, shape))


@pytest.mark.parametrize("gap", [None, 3.0])
def test_arrivals_pauses_and_durations_are_kept(gap: float | None):
    told = session((step(call("a", exec_s=2.0, kind="grep"), call("b")),))
    told = replace(told, arrival_s=5.0, turns=(replace(told.turns[0], user_gap_s=gap),))
    recorded = recorded_task(told).recorded
    assert recorded is not None
    assert (recorded.call_s, recorded.kinds) == ({1: 2.0}, {1: "grep"})
    assert (recorded.arrival_s, recorded.gaps_s) == (5.0, (gap,))
