"""The session: how awaits, cancellations and final answers are themselves answered."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf

import pytest

from asyncfc_sim.core.events import End, Stop
from asyncfc_sim.core.policy import SYNC
from asyncfc_sim.core.values import ErrorValue
from tests.dialogue import PAPER, Dialogue, pending

WHEN_IDLE = replace(PAPER, delivery="when_idle")
READ_A = ("read", {"path": "a"})
READ_B = ("read", {"path": "b"})
PURE = ("pure", {"x": 1})


def await_(*ids: str, **more):
    return ("await_future", {"ids": list(ids), **more})


# ---------------------------------------------------------------------------------------------------- awaits


def test_await_waits_for_all_that_it_names():
    talk = Dialogue()
    talk.says(READ_A, READ_B, PURE)
    talk.says(await_("$f2", "$f1"))
    talk.finish(1)
    assert len(talk.requests) == 2
    talk.finish(2)
    assert talk.transcript[-1]["content"] == '{"resolved": {"$f1": "a", "$f2": "b"}}'


def test_await_any_waits_for_the_first():
    talk = Dialogue()
    talk.says(READ_A, READ_B)
    talk.says(await_("$f1", "$f2", mode="any"))
    talk.finish(2)
    assert talk.shown() == [{"resolved": {"$f2": "b"}, "pending": ["$f1"]}]


def test_await_gives_up_waiting_after_its_timeout_and_says_what_is_pending():
    talk = Dialogue()
    talk.says(READ_A, READ_B)
    talk.says(await_("$f1", "$f2", timeout_s=2))
    assert talk.timers == {("await", 2): 2.0}
    talk.finish(1)
    talk.fire("await", 2)
    assert talk.shown() == [{"resolved": {"$f1": "a"}, "pending": ["$f2"]}]


def test_an_await_that_was_satisfied_is_not_ended_by_its_timer():
    talk = Dialogue()
    talk.says(READ_A, READ_B)
    talk.says(await_("$f1", timeout_s=2))
    talk.finish(1)
    talk.says(await_("$f2"))
    talk.fire("await", 2)
    assert len(talk.requests) == 3


@pytest.mark.parametrize("timeout_s", [0, -1.5, -(10**400)])
def test_a_timeout_that_is_over_is_not_waited_for(timeout_s):
    talk = Dialogue()
    talk.says(READ_A)
    talk.says(await_("$f1", timeout_s=timeout_s))
    assert talk.timers == {("await", 2): 0.0}


@pytest.mark.parametrize("timeout_s", [inf, "2", None, {}, 10**400, 1e300])
def test_a_timeout_that_is_no_number_of_seconds_is_none(timeout_s):
    talk = Dialogue()
    talk.says(READ_A)
    talk.says(await_("$f1", timeout_s=timeout_s))
    assert talk.timers == {}
    talk.finish(1)
    assert talk.shown() == [{"resolved": {"$f1": "a"}}]


def test_await_of_what_is_there_is_answered_at_once():
    talk = Dialogue()
    talk.says(READ_A)
    talk.finish(1)
    talk.says(await_("$f1", timeout_s=9))
    assert talk.shown() == [{"resolved": {"$f1": "a"}}]
    assert talk.timers == {}


@pytest.mark.parametrize("ids", ["$f1", ["$f1"], ["$f1", "$f1"], ["$f1.x[0]"], ["$$f1"]])
def test_await_takes_a_list_or_a_string_and_in_it_only_futures_can_be_meant(ids):
    talk = Dialogue()
    talk.says(READ_A)
    talk.finish(1)
    talk.says(("await_future", {"ids": ids}))
    assert talk.shown() == [{"resolved": {"$f1": "a"}}]


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        ({"ids": ["$f7"]}, "invalid_reference"),
        ({"ids": ["$f1", "$f7"]}, "invalid_reference"),
        ({"ids": ["f1"]}, "invalid_reference"),
        ({"ids": [1]}, "invalid_reference"),
        ({"ids": "about ${f1}"}, "invalid_reference"),
        ({"ids": {"a": 1}}, "invalid_reference"),
        ({"ids": []}, "invalid_argument"),
        ({}, "invalid_argument"),
    ],
)
@pytest.mark.parametrize("tool", ["await_future", "cancel_future"])
def test_await_and_cancel_of_no_future_are_errors_that_show_how_it_is_done(tool, args, kind):
    talk = Dialogue()
    talk.says(READ_A)
    talk.says((tool, args))
    (reply,) = talk.shown()
    assert reply["error"]["kind"] == kind
    assert '{"ids": ["$f1"]}' in reply["error"]["message"]


@pytest.mark.parametrize("tool", ["await_future", "cancel_future"])
def test_an_await_that_is_no_json_is_answered_with_why(tool):
    talk = Dialogue()
    talk.says(READ_A)
    talk.breaks_off(tool, ErrorValue("invalid_argument", "line 1 column 2"))
    talk.end()
    assert talk.shown()[0]["error"]["message"] == "line 1 column 2"
    assert talk.shown()[0]["error"]["origin"] is None, "it has no number"


def test_the_error_of_an_await_repeats_what_the_model_wrote():
    talk = Dialogue()
    talk.says(await_("$f7", "$$text"))
    assert '["$f7", "$$text"]' in talk.shown()[0]["error"]["message"]


def test_a_message_needs_only_one_await():
    talk = Dialogue()
    talk.says(READ_A, READ_B)
    talk.says(await_("$f1"), await_("$f2"))
    talk.finish(1)
    first, second = talk.shown()
    assert first == {"resolved": {"$f1": "a"}}
    assert second["error"]["kind"] == "invalid_argument"


def test_an_await_in_the_message_of_its_call_waits_for_it():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A, READ_B, await_("$f1"))
    assert len(talk.requests) == 1
    talk.finish(1)
    assert talk.shown() == ["a", pending(2), {"resolved": {"$f1": "a"}}]


def test_an_awaited_value_is_not_handed_over_again():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A)
    talk.says(await_("$f1"))
    talk.finish(1)
    talk.says(PURE)
    assert talk.shown() == [pending(2)]


# ---------------------------------------------------------------------------------------------------- cancel


def cancel(*ids: str):
    return ("cancel_future", {"ids": list(ids)})


def test_cancelling_a_call_that_has_not_started_is_exact():
    talk = Dialogue()
    talk.says(("write", {"path": "a", "text": "1"}), ("write", {"path": "a", "text": "2"}))
    talk.says(cancel("$f2"))
    error = talk.shown()[0]["calls"]["$f2"]["error"]
    assert (error["kind"], error["effects"]) == ("cancelled", "none")
    talk.finish(1)
    assert talk.started == [1]


def test_cancelling_a_reader_under_way_is_exact_and_asks_it_to_stop():
    talk = Dialogue()
    talk.says(READ_A)
    talk.says(cancel("$f1"))
    error = talk.shown()[0]["calls"]["$f1"]["error"]
    assert (error["kind"], error["effects"]) == ("cancelled", "none")
    assert talk.of(Stop) == [Stop(1)]


def test_a_writer_under_way_is_in_doubt_and_holds_its_keys_until_it_has_ended():
    talk = Dialogue()
    talk.says(("write", {"path": "a", "text": "1"}))
    talk.says(cancel("$f1"))
    assert talk.shown()[0]["calls"]["$f1"]["error"]["effects"] == "unknown"
    talk.says(READ_A)
    assert talk.started == [1]
    talk.running.pop(1)
    talk.feed(End(1))
    assert talk.started == [1, 2]


def test_what_a_cancelled_tool_still_returns_is_dropped():
    talk = Dialogue()
    talk.says(READ_A)
    talk.says(cancel("$f1"))
    talk.finish(1, "late")
    assert End(1) in talk.log
    assert talk.session.values()[1].kind == "cancelled"


def test_cancelling_what_has_returned_shows_its_value():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A)
    talk.finish(1)
    talk.says(cancel("$f1"))
    assert talk.shown() == [{"calls": {"$f1": "a"}}]
    talk.says(PURE)
    assert talk.shown() == [pending(2)]


def test_a_cancel_and_an_await_in_one_message_do_not_wait():
    talk = Dialogue()
    talk.says(READ_A)
    talk.says(await_("$f1"), cancel("$f1"))
    waited, cancelled = talk.shown()
    assert waited["resolved"] == cancelled["calls"]


# ---------------------------------------------------------------------------------------------------- the answer


def test_the_answer_waits_for_calls_under_way():
    talk = Dialogue(WHEN_IDLE)
    talk.says(("write", {"path": "a", "text": "1"}))
    talk.end("done")
    assert talk.answers == []
    talk.finish(1)
    assert len(talk.requests) == 3


def test_a_model_that_answers_without_having_seen_a_result_looks_once_more():
    talk = Dialogue()
    talk.says(READ_A, READ_B)
    talk.finish(1)
    talk.end("done")
    talk.finish(2)
    said, result = talk.transcript[-2:]
    assert said["content"] == "done"
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"ids": ["$f1", "$f2"]}
    assert json.loads(result["content"]) == {"resolved": {"$f1": "a", "$f2": "b"}}
    talk.end("a and b")
    assert talk.answers == ["a and b"]


def test_it_looks_again_as_often_as_there_are_new_results():
    talk = Dialogue()
    for number in (1, 2):
        talk.says(("fail", {}))
        talk.fail(number)
        talk.end("done")
        assert talk.answers == []
        assert talk.shown()[0]["resolved"][f"$f{number}"]["error"]["message"] == "boom"
    talk.end("two failures")
    assert talk.answers == ["two failures"]


def test_a_failure_that_nobody_looked_at_is_shown_before_the_answer():
    talk = Dialogue()
    talk.says(("fail", {}), ("pure", {"x": "$f1"}))
    talk.fail(1)
    talk.end("done")
    assert {name: value["error"]["kind"] for name, value in talk.shown()[0]["resolved"].items()} == {
        "$f1": "tool_error",
        "$f2": "dependency_failed",
    }


def test_without_late_binding_the_model_looks_first():
    talk = Dialogue(replace(PAPER, late_bound=False))
    talk.says(READ_A)
    talk.finish(1)
    talk.end("it is ${f1}")
    assert talk.answers == []
    assert talk.shown() == [{"resolved": {"$f1": "a"}}]
    talk.end("it is a, and ${f1} is text")
    assert talk.answers == ["it is a, and ${f1} is text"]


def test_futures_in_the_answer_are_filled_in_and_need_no_other_look():
    talk = Dialogue()
    talk.says(PURE, READ_A)
    talk.finish(1, {"total": 5})
    talk.end("the total is ${f1.total} for ${f2} ($$f1, $5.00)")
    assert talk.answers == []
    talk.finish(2)
    assert talk.answers == ["the total is 5 for a ($$f1, $5.00)"]
    assert talk.session.transcript.messages[-1]["content"] == talk.answers[0]


def test_an_answer_that_is_a_reference_is_its_value():
    talk = Dialogue()
    talk.says(PURE)
    talk.finish(1, {"total": 5})
    talk.end("$f1")
    assert talk.answers == ['{"total":5}']


def test_an_answer_may_name_the_futures_of_earlier_turns():
    talk = Dialogue()
    talk.says(READ_A)
    talk.finish(1)
    talk.end("${f1}")
    talk.user("again?")
    talk.end("as I said, ${f1}")
    assert talk.answers == ["a", "as I said, a"]


def test_an_answer_that_leaves_a_result_out_is_not_yet_the_answer():
    talk = Dialogue()
    talk.says(READ_A, READ_B)
    talk.finish(1)
    talk.finish(2)
    talk.end("it is ${f1}")
    assert talk.answers == []
    talk.end("it is ${f1}, not ${f2}")
    assert talk.answers == ["it is a, not b"]


@pytest.mark.parametrize("text", ["it is ${f1}", "it is ${f2.nothing}"])
def test_an_answer_that_cannot_be_filled_in_has_the_model_look_again(text):
    talk = Dialogue()
    talk.says(("fail", {}), READ_A)
    talk.fail(1)
    talk.finish(2)
    talk.end(text + " ${f1} ${f2}")
    assert talk.answers == []
    assert talk.shown()[0]["resolved"]["$f1"]["error"]["message"] == "boom"
    talk.end("it failed")
    assert talk.answers == ["it failed"]


def test_an_answer_that_can_never_be_filled_in_is_the_error():
    talk = Dialogue()
    talk.says(("fail", {}))
    talk.fail(1)
    talk.end("it is ${f1}")
    talk.end("it is ${f1}")
    assert json.loads(str(talk.answers[0]))["error"]["message"] == "boom"


def test_what_names_no_future_stays_text_beside_what_does():
    talk = Dialogue()
    talk.says(READ_A)
    talk.finish(1)
    talk.end("${f1} ${f9} ${HOME} $f")
    assert talk.answers == ["a ${f9} ${HOME} $f"]


@pytest.mark.parametrize(
    ("text", "answer"), [("no $${f1}", "no ${f1}"), ("$$f1", "$f1"), ("$f9", "$f9"), ("$f9.x ${f9}", "$f9.x ${f9}")]
)
def test_escapes_are_undone_also_where_no_future_is_named(text, answer):
    talk = Dialogue()
    talk.end(text)
    assert talk.answers == [answer]


def test_without_futures_an_answer_is_only_text():
    talk = Dialogue(SYNC)
    talk.says(READ_A)
    talk.finish(1)
    talk.end("echo ${f1}")
    assert talk.answers == ["echo ${f1}"]


def test_in_the_cache_is_what_the_model_wrote_not_what_was_filled_in():
    talk = Dialogue()
    talk.says(READ_A)
    talk.finish(1)
    talk.end("it is ${f1}")
    filled_in = len(talk.session.transcript.messages) - 1
    talk.user("again")
    assert talk.cached[-1] <= filled_in
