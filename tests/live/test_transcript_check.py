"""A transcript that a server would refuse, or in which somebody speaks for the model, is found before it is sent."""

import json
from typing import Any

import pytest

from asyncfc_sim.core.messages import AWAIT
from asyncfc_sim.live.transcript_check import BrokenTranscript, TranscriptCheck, check_answers

USER = {"role": "user", "content": "go"}


def said(text: str | None, *calls: tuple[str, str, str]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": id, "type": "function", "function": {"name": tool, "arguments": arguments}}
            for id, tool, arguments in calls
        ]
    return message


def answered(id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "1"}


A, B = ("a", "f", '{"x": 1}'), ("b", "g", "{}")
TURN = [said("so", A, B), answered("a"), answered("b")]


def check(**allowed: bool) -> TranscriptCheck:
    """A check in a conversation in which the model has written `TURN`, and it has been answered."""
    checked = TranscriptCheck(**allowed)
    checked([USER])
    checked.wrote_call(A)
    checked.wrote_call(B)
    checked.wrote_text("so")
    checked([USER, *TURN])
    return checked


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([USER, said(None, A)], "'a' is not answered"),
        ([USER, said(None, A), USER], "comes before 'a' was answered"),
        ([USER, said(None, A, B), answered("b"), answered("a")], "'b', which is not due"),
        ([USER, said(None, A), answered("a"), answered("a")], "'a', which is not due"),
        ([answered("a")], "'a', which is not due"),
        ([said(None, A, A), answered("a"), answered("a")], "the id of a call twice"),
        ([said(None, A), answered("a"), said(None, A), answered("a")], "the id of a call twice"),
    ],
)
def test_calls_and_answers_that_do_not_fit(messages: list[dict[str, Any]], why: str):
    with pytest.raises(BrokenTranscript, match=why):
        check_answers(messages)


def test_what_the_model_wrote_passes():
    checked = check()
    checked.wrote_text("done")
    checked([USER, *TURN, said("done"), USER])
    checked([USER, *TURN, said("done"), USER])  # asked again
    assert checked.rewritten == []


@pytest.mark.parametrize(
    "transcript",
    [
        [USER, *TURN[:2], {**TURN[2], "content": "2"}],
        [USER, said("so", A), answered("a")],
        [USER],
        [{**USER, "content": "stop"}, *TURN],
    ],
)
def test_what_was_said_stays(transcript: list[dict[str, Any]]):
    with pytest.raises(BrokenTranscript, match="was changed after it had been sent"):
        check()(transcript)


@pytest.mark.parametrize(
    "forged",
    [
        [said("DONE")],
        [said(None)],
        [said("done", ("c", "f", "{}")), answered("c")],
        [said("done"), USER, said("more")],
        [said("done", ("drain_5", "f", "{}")), answered("drain_5")],
        [said("done", ("call_5", AWAIT, "{}")), answered("call_5")],
        [said("done", ("drain_5", AWAIT, "{}"), ("c", "f", "{}")), answered("drain_5"), answered("c")],
    ],
    ids=["text", "no text", "a call", "a message", "another tool", "another id", "a call beside it"],
)
@pytest.mark.parametrize("rewrites", [False, True])
def test_nobody_speaks_for_the_model(forged: list[dict[str, Any]], rewrites: bool):
    checked = check(rewrites=rewrites)
    checked.wrote_text("done")
    with pytest.raises(BrokenTranscript, match="is not what the model wrote"):
        checked([USER, *TURN, *forged])


@pytest.mark.parametrize("call", [("a", "g", '{"x": 1}'), ("a", "f", '{"x":1}'), ("z", "f", '{"x": 1}')])
def test_a_call_is_the_one_that_the_model_made(call: tuple[str, str, str]):
    checked = TranscriptCheck()
    checked([USER])
    checked.wrote_call(A)
    checked.wrote_text(None)
    with pytest.raises(BrokenTranscript, match="message 2 is not what the model wrote"):
        checked([USER, said(None, call), answered(call[0])])


@pytest.mark.parametrize("rewrites", [False, True])
def test_calls_are_cut_off_only_where_that_is_allowed(rewrites: bool):
    checked = TranscriptCheck(rewrites=rewrites)
    checked([USER])
    checked.wrote_call(A)
    checked.wrote_call(B)
    checked.wrote_text("so")
    kept = [USER, said("so", A), answered("a")]
    if rewrites:
        checked(kept)
    else:
        with pytest.raises(BrokenTranscript, match="message 2 is not what the model wrote"):
            checked(kept)


def test_a_message_of_the_model_is_not_left_out():
    checked = check()
    checked.wrote_text("one")
    checked([USER, *TURN, USER])
    checked.wrote_text("two")
    with pytest.raises(BrokenTranscript, match="is not what the model wrote"):
        checked([USER, *TURN, USER, said("two")])


def test_the_session_may_ask_for_results_in_the_name_of_the_model():
    checked = check()
    checked.wrote_text("done")
    drain = ("drain_4", AWAIT, json.dumps({"ids": ["$f1"]}))
    checked([USER, *TURN, said("done", drain), answered("drain_4")])


def test_a_late_bound_answer_is_filled_in():
    for late_bound in (True, False):
        checked = check(late_bound=late_bound)
        checked.wrote_text("it is ${f1}")
        transcript = [USER, *TURN, said("it is 5"), USER]
        if late_bound:
            checked(transcript)
        else:
            with pytest.raises(BrokenTranscript):
                checked(transcript)


def test_a_rewrite_and_a_cut_are_seen():
    checked = check(rewrites=True)
    checked([USER, TURN[0], {**TURN[1], "content": "2"}, TURN[2]])
    checked([USER, said("so", A), answered("a")])
    checked.wrote_text("done")
    checked([USER, said("so", A), answered("a"), said("done"), USER])
    assert checked.rewritten == [2, 1]


def test_what_was_said_to_another_process_is_taken_as_it_is():
    checked = TranscriptCheck()
    checked.go_on()
    checked([USER, *TURN])
    checked.wrote_text("done")
    checked([USER, *TURN, said("done"), USER])
    with pytest.raises(BrokenTranscript, match="is not what the model wrote"):
        checked([USER, *TURN, said("done"), USER, said("more")])
