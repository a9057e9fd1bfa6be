"""strict: the first failure cuts the conversation back to its call, wherever the conversation has got to by then."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from asyncfc_sim.core.events import Cut, End, Resume, Settle, Stop
from asyncfc_sim.core.policy import SYNC
from asyncfc_sim.core.session_events import Decide, Interrupt, Placeholder, Withdraw
from tests.dialogue import PAPER, Dialogue, Written, pending
from tests.toys import TOOLS

STRICT = replace(PAPER, failure="strict")
WHEN_IDLE = replace(STRICT, delivery="when_idle")
READ_A = ("read", {"path": "a"})
READ_B = ("read", {"path": "b"})
FAIL: Written = ("fail", {})
PURE = ("pure", {"x": 1})


def await_(*ids: str):
    return ("await_future", {"ids": list(ids)})


def roles(talk: Dialogue) -> list[str]:
    return [message["role"] for message in talk.transcript]


def calls_in_last_message(talk: Dialogue) -> list[str]:
    last = [message for message in talk.transcript if message["role"] == "assistant"][-1]
    return [call["function"]["name"] for call in last["tool_calls"]]


def test_a_failure_while_the_message_is_written_interrupts_it():
    talk = Dialogue(STRICT)
    talk.call("read", path="a")
    talk.call("fail")
    talk.call("read", path="b")
    talk.finish(1)
    talk.fail(2)
    assert talk.of(Interrupt) == [Interrupt()]
    assert calls_in_last_message(talk) == ["read", "fail"]
    value, error = talk.shown()
    assert (value, error["error"]["message"]) == ("a", "boom")
    assert talk.asked


def test_a_failure_in_an_answered_message_takes_back_what_came_after_it():
    talk = Dialogue(STRICT)
    talk.says(READ_A)
    talk.says(READ_B, FAIL, PURE, text="two at once")
    talk.says(PURE)
    talk.call("pure", x=2)
    before = talk.requests[1]
    for future in (5, 3, 2):
        talk.finish(future)
    assert talk.of(Cut) == []  # the first call is still under way: it may yet be the first to fail
    talk.finish(1)
    assert talk.of(Cut) == [Cut(3)]
    assert talk.transcript[: len(before)] == before  # what came before is kept as it was
    assert roles(talk)[len(before) :] == ["assistant", "tool", "tool"]
    assert talk.transcript[len(before)]["content"] == "two at once"
    assert calls_in_last_message(talk) == ["read", "fail"]
    assert talk.of(Interrupt) == [Interrupt()]
    assert talk.cached[-1] <= len(before)


def test_a_failure_while_the_answer_waits_cuts_it_back_too():
    talk = Dialogue(STRICT)
    talk.says(FAIL, PURE)
    talk.end("done")
    talk.fail(1)
    assert talk.answers == []
    assert talk.of(Interrupt) == []  # nothing is being written
    assert talk.shown()[0]["error"]["message"] == "boom"
    talk.end("it failed")
    assert talk.answers == ["it failed"]


def test_a_failure_in_a_message_that_is_waiting_for_values():
    talk = Dialogue(replace(STRICT, grace_s=inf))
    talk.says(FAIL, PURE)
    talk.fail(1)
    assert calls_in_last_message(talk) == ["fail"]
    assert talk.of(Interrupt) == []


def test_what_was_cut_off_is_forgotten_and_its_tools_may_end_when_they_like():
    talk = Dialogue(STRICT)
    talk.says(FAIL, READ_A)
    talk.fail(1)
    assert set(talk.session.values()) == {1}
    talk.finish(2)
    talk.says(PURE)
    talk.finish(3)
    talk.end("$f3")
    assert talk.answers == ['{"x":[1]}']


def test_calls_of_a_message_that_fails_as_it_is_dispatched_are_not_issued():
    talk = Dialogue(replace(STRICT, dispatch="message"))
    talk.says(("pure", {"x": "$f9"}), PURE, await_("$f2"), ("cancel_future", {"ids": ["$f2"]}))
    assert talk.started == []
    assert calls_in_last_message(talk) == ["pure"]
    assert talk.shown()[0]["error"]["kind"] == "invalid_reference"
    assert len(talk.requests) == 2
    assert talk.timers == {}


def test_a_cancelled_call_counts_as_failed():
    talk = Dialogue(STRICT)
    talk.says(READ_A, READ_B)
    talk.says(("cancel_future", {"ids": ["$f1", "$f2"]}), await_("$f1"))
    assert calls_in_last_message(talk) == ["read"]
    assert talk.shown()[0]["error"]["kind"] == "cancelled"
    assert talk.asked


def test_an_await_before_the_failed_call_is_answered_with_the_values_that_are_there():
    talk = Dialogue(STRICT)
    talk.says(READ_A)
    talk.says(await_("$f1"), FAIL)
    talk.fail(2)
    assert talk.of(Cut) == []
    talk.finish(1)
    resolved, error = talk.shown()
    assert resolved == {"resolved": {"$f1": "a"}}
    assert error["error"]["message"] == "boom"


def test_an_await_that_was_answered_before_the_failure_keeps_its_answer():
    talk = Dialogue(STRICT)
    talk.says(READ_A)
    talk.says(("await_future", {"ids": ["$f1"], "timeout_s": 1}), FAIL)
    talk.fire("await", 2)
    talk.fail(2)
    talk.finish(1)
    waited, error = talk.shown()
    assert waited == {"resolved": {}, "pending": ["$f1"]}
    assert error["error"]["message"] == "boom"


def test_an_await_of_what_was_cut_off_is_an_error():
    talk = Dialogue(STRICT)
    talk.says(await_("$f2"), FAIL, PURE)
    talk.fail(1)
    waited, error = talk.shown()
    assert waited["error"]["kind"] == "invalid_reference"
    assert error["error"]["message"] == "boom"


def test_an_await_that_is_satisfied_in_the_step_of_the_failure_is_cut_off_with_it():
    talk = Dialogue(STRICT)
    talk.says(PURE, ("pure", {"x": "$f1.nothing"}), ("pure", {"x": "$f1.nothing"}))
    talk.says(await_("$f3"))
    talk.finish(1)
    assert talk.of(Resume) == [Resume({3: talk.of(Settle)[1].value})]
    assert talk.of(Cut) == [Cut(2)]
    assert calls_in_last_message(talk) == ["pure", "pure"]
    assert set(talk.session.values()) == {1, 2}


def test_a_cancel_before_the_failed_call_is_answered_too():
    talk = Dialogue(STRICT)
    talk.says(READ_A)
    talk.call("cancel_future", ids=["$f1"])
    talk.finish(1)
    talk.call("pure", x="$f9")
    assert talk.shown()[0] == {"calls": {"$f1": "a"}}
    assert talk.of(Placeholder) == [Placeholder(1)]


def test_values_that_the_cut_took_back_are_handed_over_again():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A)
    talk.says(FAIL)
    talk.finish(1)
    talk.says(READ_B)
    assert talk.shown() == [{**pending(3), "resolved": {"$f1": "a"}}]
    talk.fail(2)
    (answer,) = talk.shown()
    assert answer["result"]["error"]["message"] == "boom"
    assert answer["resolved"] == {"$f1": "a"}


def test_values_that_rode_on_the_message_of_the_failure_are_handed_over_again():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A)
    talk.call("fail")
    talk.finish(1)
    talk.end()
    assert talk.shown() == [{**pending(2), "resolved": {"$f1": "a"}}]
    talk.fail(2)
    assert talk.shown()[0]["resolved"] == {"$f1": "a"}


def test_what_one_cut_took_away_no_later_cut_brings_back():
    talk = Dialogue(STRICT)
    talk.says(FAIL)
    talk.says(READ_A)
    talk.says(await_("$f2"))
    talk.finish(2)
    talk.fail(1)
    talk.says(READ_B)
    talk.says(FAIL)
    talk.finish(3)
    talk.fail(4)
    assert talk.of(Cut) == [Cut(1), Cut(4)]
    talk.end("done")
    assert talk.shown() == [{"resolved": {"$f3": "b"}}]


def test_a_placeholder_that_was_cut_off_is_not_rewritten():
    talk = Dialogue(replace(STRICT, delivery="rewrite", duplicates="share"))
    talk.says(READ_A)
    talk.says(FAIL, READ_A)
    assert talk.shown() == [pending(2), pending(1)]
    talk.fail(2)
    talk.finish(1)
    assert talk.of(Cut) == [Cut(2)]
    assert next(message["content"] for message in talk.transcript if message["role"] == "tool") == '"a"'
    assert calls_in_last_message(talk) == ["fail"]


def test_awaited_values_that_the_cut_took_back_are_seen_before_the_answer():
    talk = Dialogue(STRICT)
    talk.says(READ_A)
    talk.says(FAIL)
    talk.says(await_("$f1"))
    talk.finish(1)
    talk.fail(2)
    talk.end("done")
    assert talk.answers == []
    assert talk.shown() == [{"resolved": {"$f1": "a"}}]


def test_values_shown_before_the_cut_are_not_shown_again():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A)
    talk.finish(1)
    talk.says(PURE)
    assert talk.shown() == [{**pending(2), "resolved": {"$f1": "a"}}]
    talk.says(FAIL)
    talk.finish(2)
    talk.fail(3)
    assert "$f1" not in str(talk.shown())


@pytest.mark.parametrize("policy", [STRICT, replace(SYNC, failure="strict")])
def test_after_the_cut_the_model_goes_on_and_may_fail_again(policy):
    talk = Dialogue(policy)
    for _ in range(3):
        talk.says(FAIL, FAIL)
        talk.fail(min(future for future in talk.running if future in talk.session.scheduler.futures))
    talk.end("no luck")
    assert talk.answers == ["no luck"]
    assert [message["role"] for message in talk.transcript].count("tool") == 3


def test_a_question_about_a_call_that_was_cut_off_is_moot():
    tools = {**TOOLS, "read": replace(TOOLS["read"], approval=True)}
    talk = Dialogue(STRICT, tools)
    talk.says(FAIL, READ_A)
    talk.fail(1)
    assert (talk.of(Withdraw), talk.of(Stop)) == ([Withdraw(2)], [])
    talk.feed(Decide(2, True))
    assert talk.started == [1]


def test_after_a_cut_a_model_that_counts_its_calls_wrongly_is_told_what_they_are():
    talk = Dialogue(STRICT)
    talk.says(FAIL, PURE, PURE)
    talk.fail(1)
    talk.call("pure", x=1)
    talk.call("pure", x="$f2")  # the second call that it sees in its transcript, but it is the fourth
    for future in (2, 3, 4):
        talk.finish(future)
    assert "there is no earlier future $f2; this call is $f5" in talk.shown()[1]["error"]["message"]


def test_a_stopped_tool_may_report_its_end_in_any_way():
    for report in ("finish", "fail", "end"):
        talk = Dialogue(STRICT)
        talk.says(FAIL, READ_A)
        talk.fail(1)
        if report == "end":
            talk.running.pop(2)
            talk.feed(End(2))
        else:
            getattr(talk, report)(2)
        assert set(talk.session.values()) == {1}
