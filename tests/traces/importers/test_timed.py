"""Messages and tools with points in time: what is taken for the begin of each, and when that is impossible."""

import pytest

from asyncfc_sim.traces.importers.records import FieldFault
from asyncfc_sim.traces.importers.timed import TimedCall, TimedMessage, turns

START = 1772359200.0


def message(asked, end, *calls, prompts=()):
    return TimedMessage(
        "m", None if asked is None else START + asked, START + end, [(START + t, text) for t, text in prompts],
        calls=list(calls),
    )  # fmt: skip


def call(name, emitted, result=None, own_s=None):
    return TimedCall(name, "t", START + emitted, result_s=None if result is None else START + result, own_s=own_s)


def exec_s(*messages):
    return {each.id: each.exec_s for turn in turns(messages) for step in turn.steps for each in step.calls}


def test_tools_of_one_message_run_one_after_another_from_its_end():
    assert exec_s(message(0, 4, call("a", 2, 5), call("b", 3, 7.5))) == {"a": 1.0, "b": 2.5}
    assert exec_s(message(0, 4, call("a", 2, 7.5), call("b", 3, 5))) == {"a": 2.5, "b": 1.0}  # in the order of results


def test_what_a_tool_says_itself_counts_more():
    assert exec_s(message(0, 4, call("a", 2, 5, own_s=0.25), call("b", 3, 7.5))) == {"a": 0.25, "b": 2.5}


def test_a_result_before_the_end_of_the_message_is_of_a_tool_that_started_early():
    assert exec_s(message(0, 4, call("a", 2, 3.5), call("b", 3, 4.5))) == {"a": 1.5, "b": 0.5}


def test_a_call_without_a_result_has_no_time():
    assert exec_s(message(0, 4, call("a", 2))) == {"a": None}


def test_messages_of_the_user_begin_turns():
    first = message(0, 1, prompts=[(-1, "one"), (0, "two")])
    second = message(1.5, 2)
    third = message(9, 10, prompts=[(8, None), (9, "three")])
    assert [
        (turn.prompt, turn.user_gap_s, [step.llm_s for step in turn.steps]) for turn in turns([first, second, third])
    ] == [
        ("one\ntwo", None, [1.0, 0.5]),
        ("three", 6.0, [1.0]),
    ]


def test_without_a_request_only_differences_are_known():
    (turn,) = turns([message(None, 4, call("a", 2, 5))])
    (step,) = turn.steps
    assert (turn.prompt, step.llm_s, step.calls[0].emit_s, step.calls[0].exec_s) == (None, None, None, 1.0)


def test_time_runs_forward():
    for backwards in (message(4, 3), message(0, 4, call("a", -1, 5)), message(0, 4, call("a", 3, 2))):
        with pytest.raises(FieldFault, match="times run backwards"):
            list(turns([backwards]))
