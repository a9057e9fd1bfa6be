"""The session's guards: duplicates, approval, retries, time-outs, and loops."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from asyncfc_sim.core.events import Cancel, Fail, ProtocolError, Settle, Stop
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.policy import ASYNCFC, EARLY_START
from asyncfc_sim.core.session_events import AskApproval, Decide, GiveUp, SetTimer, TimerFired, Withdraw
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue
from tests.dialogue import PAPER, Dialogue, error_of, pending
from tests.toys import TOOLS

SHARE = replace(PAPER, duplicates="share")
REFUSE = replace(PAPER, duplicates="refuse")
WHEN_IDLE = replace(PAPER, delivery="when_idle")
READ_A = ("read", {"path": "a"})
WRITE_A = ("write", {"path": "a", "text": "new"})
PURE = ("pure", {"x": 1})


def with_tool(name: str, **changes) -> dict[str, Tool]:
    return {**TOOLS, name: replace(TOOLS[name], **changes)}


# ---------------------------------------------------------------------------------------------------- duplicates


def test_an_identical_read_shares_the_future_of_the_one_pending():
    talk = Dialogue(SHARE)
    talk.says(READ_A, ("pure", {"x": 1}), READ_A)
    assert talk.shown() == [pending(1), pending(2), pending(1)]
    assert talk.started == [1, 2]
    talk.finish(1)
    assert talk.session.values()[3] == "a"


def test_a_reference_to_a_shared_number_is_one_to_the_future_that_it_shares():
    talk = Dialogue(SHARE)
    talk.says(READ_A, READ_A, ("pure", {"x": "$f2"}), ("pure", {"x": ["about ${f2}", {"y": "$f2"}]}))
    talk.finish(1)
    assert talk.running[3].args == {"x": "a"}
    assert talk.running[4].args == {"x": ["about a", {"y": "a"}]}
    talk.says(("await_future", {"ids": ["$f2"]}))
    assert talk.shown() == [{"resolved": {"$f2": "a"}}]  # under the name that it was asked for by
    for future in (3, 4):
        talk.finish(future)
    talk.end("it is ${f2}, see ${f3} and ${f4}")
    assert talk.answers == ['it is a, see {"x":["a"]} and {"x":[["about a",{"y":"a"}]]}']


def test_an_await_is_answered_under_every_name_that_it_used():
    talk = Dialogue(SHARE)
    talk.says(READ_A, READ_A, PURE)
    talk.says(("await_future", {"ids": ["$f2", "$f1", "$f3"], "mode": "any"}))
    talk.finish(1)
    assert talk.shown() == [{"resolved": {"$f1": "a", "$f2": "a"}, "pending": ["$f3"]}]


def test_a_cancel_is_answered_under_the_name_that_it_used():
    talk = Dialogue(SHARE)
    talk.says(READ_A, READ_A)
    talk.says(("cancel_future", {"ids": ["$f2"]}))
    talk.finish(1)
    assert talk.shown()[0]["calls"].keys() == {"$f2"}


def test_the_order_of_arguments_makes_no_difference_and_their_values_do():
    talk = Dialogue(SHARE, with_tool("write", idempotent=True))
    talk.says(WRITE_A, ("write", {"text": "new", "path": "a"}), ("write", {"text": 1, "path": "a"}))
    assert talk.shown() == [pending(1), pending(1), pending(3)]


def test_a_read_after_a_conflicting_write_reads_again():
    talk = Dialogue(SHARE)
    talk.says(READ_A, WRITE_A, READ_A)
    assert talk.shown() == [pending(1), pending(2), pending(3)]
    for future in (1, 2, 3):
        talk.finish(future)
    assert talk.session.values() == {1: "a", 2: "ok", 3: "new"}


def test_a_read_whose_key_is_not_known_yet_is_not_shared():
    talk = Dialogue(SHARE)
    read = ("read", {"path": "$f1"})
    talk.says(("read", {"path": "ptr"}), read, read)
    assert talk.shown() == [pending(1), pending(2), pending(3)]
    talk.finish(1)
    talk.says(read)
    assert talk.shown() == [pending(3)]


def test_a_call_is_not_shared_once_it_has_returned():
    talk = Dialogue(SHARE)
    talk.says(READ_A)
    talk.finish(1)
    talk.says(READ_A)
    assert talk.started == [1, 2]


def test_calls_with_effects_run_each_time_unless_declared_idempotent():
    talk = Dialogue(SHARE)
    talk.says(WRITE_A, WRITE_A)
    assert talk.shown() == [pending(1), pending(2)]
    idempotent = Dialogue(SHARE, with_tool("write", idempotent=True))
    idempotent.says(WRITE_A, WRITE_A)
    assert idempotent.shown() == [pending(1), pending(1)]


def test_two_calls_of_an_unknown_tool_are_two_errors():
    talk = Dialogue(SHARE)
    talk.says(READ_A, ("nosuch", {"x": "$f1"}), ("nosuch", {"x": "$f1"}))
    talk.finish(1)
    assert {error_of(talk.session.values()[future]) for future in (2, 3)} == {"invalid_argument"}


def test_refuse_also_refuses_effects_and_names_the_call_that_is_pending():
    talk = Dialogue(REFUSE)
    talk.says(WRITE_A, READ_A, READ_A, WRITE_A, WRITE_A)
    first, read, shared, again, third = talk.shown()
    assert [first, read, shared] == [pending(1), pending(2), pending(2)]
    for refused in (again, third):
        assert refused["error"]["kind"] == "not_executed"
        assert refused["error"]["origin"] == "$f1"
        assert "$f1" in refused["error"]["message"]
    talk.finish(1)
    talk.says(WRITE_A)
    assert talk.shown() == [pending(6)]


def test_run_runs_all():
    talk = Dialogue()
    talk.says(READ_A, READ_A)
    assert talk.started == [1, 2]


def test_without_futures_nothing_is_shared_so_that_the_transcript_is_the_synchronous_one():
    talk = Dialogue(replace(EARLY_START, duplicates="share"))
    talk.says(("fail", {}), ("fail", {}))
    talk.fail(1)
    talk.fail(2)
    assert [reply["error"]["origin"] for reply in talk.shown()] == ["$f1", "$f2"]


# ------------------------------------------------------------------------------------------------------ approval


GATED = with_tool("send", approval=True, irreversible=False, timeout_s=5.0)


def test_a_person_is_shown_the_bound_arguments_before_the_call_runs():
    talk = Dialogue(tools=GATED)
    talk.says(READ_A, ("send", {"body": "it is ${f1}"}))
    assert talk.questions == {}
    talk.finish(1)
    assert talk.questions == {2: {"body": "it is a"}}
    assert talk.started == [1]
    talk.decide(2, approved=True)
    assert talk.started == [1, 2]
    talk.finish(2)
    assert talk.world.store["out"] == "<it is a>"


def test_a_call_that_a_person_refuses_is_not_executed():
    talk = Dialogue(tools=GATED)
    talk.says(("send", {"body": "hi"}))
    talk.decide(1, approved=False)
    value = talk.session.values()[1]
    assert (error_of(value), value.origin, value.effects) == ("not_executed", 1, "none")
    assert talk.started == []
    assert talk.world.store["out"] == ""


def test_the_timeout_counts_from_when_the_tool_really_starts():
    talk = Dialogue(tools=GATED)
    talk.says(("send", {"body": "hi"}))
    assert talk.timers == {}
    talk.decide(1, approved=True)
    assert talk.timers == {("timeout", 1): 5.0}


def test_a_call_cancelled_while_a_person_thinks_it_over_never_runs():
    talk = Dialogue(tools=GATED)
    talk.says(("send", {"body": "hi"}), ("send", {"body": "ho"}))
    assert list(talk.questions) == [1]
    talk.says(("cancel_future", {"ids": ["$f1"]}))
    error = talk.shown()[0]["calls"]["$f1"]["error"]
    assert (error["kind"], error["effects"]) == ("cancelled", "none")
    assert list(talk.questions) == [2]  # its key is free
    assert talk.of(Withdraw) == [Withdraw(1)]
    assert talk.of(Stop) == []
    for approved in (True, False):
        assert talk.feed(Decide(1, approved)) == []  # too late
    assert talk.started == []
    talk.decide(2, approved=True)
    assert talk.started == [2]


def test_a_call_in_question_may_be_cancelled_twice():
    talk = Dialogue(tools=GATED)
    talk.says(("send", {"body": "hi"}))
    talk.says(("cancel_future", {"ids": ["$f1"]}))
    talk.says(("cancel_future", {"ids": ["$f1"]}))
    assert talk.shown()[0]["calls"]["$f1"]["error"]["kind"] == "cancelled"
    assert talk.of(Withdraw) == [Withdraw(1)]


def test_a_call_cancelled_before_anybody_was_asked_or_after_they_approved_has_no_question_to_withdraw():
    talk = Dialogue(tools=GATED)
    talk.says(READ_A, ("send", {"body": "${f1}"}), ("send", {"body": "ho"}))
    talk.says(("cancel_future", {"ids": ["$f2"]}))
    talk.decide(3, approved=True)
    talk.says(("cancel_future", {"ids": ["$f3"]}))
    assert talk.of(Withdraw) == []
    assert talk.of(Stop) == [Stop(3)]


def test_a_decision_that_nobody_asked_for_is_the_drivers_fault():
    talk = Dialogue(tools=GATED)
    talk.says(READ_A, ("send", {"body": "hi"}))
    with pytest.raises(ProtocolError):
        talk.feed(Decide(1, True))
    talk.decide(2, approved=True)
    with pytest.raises(ProtocolError):
        talk.feed(Decide(2, True))
    assert talk.started == [1, 2]


# ------------------------------------------------------------------------------------------------------- retries


RETRYING = replace(PAPER, retries=2, retry_delay_s=0.5)
IDEMPOTENT = with_tool("write", idempotent=True, timeout_s=9.0)


def test_a_retryable_error_of_an_idempotent_tool_is_tried_again_after_a_while():
    talk = Dialogue(RETRYING, IDEMPOTENT)
    talk.says(WRITE_A)
    for attempt in (1, 2):
        talk.fail(1, retryable=True)
        assert talk.of(Settle) == []
        assert talk.running == {}
        assert talk.timers[("retry", 1)] == 0.5
        talk.fire("retry", 1)
        assert talk.started == [1] * (attempt + 1)
    talk.finish(1)
    assert talk.session.values() == {1: "ok"}


def test_after_the_last_attempt_the_call_has_failed():
    talk = Dialogue(RETRYING, IDEMPOTENT)
    talk.says(WRITE_A)
    for _ in range(2):
        talk.fail(1, retryable=True)
        talk.fire("retry", 1)
    talk.fail(1, "still no", retryable=True)
    assert talk.session.values()[1].message == "still no"
    assert talk.started == [1, 1, 1]


@pytest.mark.parametrize(("idempotent", "retryable"), [(True, False), (False, True)])
def test_nothing_else_is_tried_again(idempotent, retryable):
    talk = Dialogue(RETRYING, with_tool("write", idempotent=idempotent))
    talk.says(WRITE_A)
    talk.fail(1, retryable=retryable)
    assert error_of(talk.session.values()[1]) == "tool_error"
    assert talk.of(SetTimer) == []


def test_a_call_holds_its_keys_between_attempts():
    talk = Dialogue(RETRYING, IDEMPOTENT)
    talk.says(WRITE_A, READ_A)
    talk.fail(1, retryable=True)
    assert talk.started == [1]


@pytest.mark.parametrize("give_up", ["cancel", "timeout"])
def test_a_call_given_up_between_attempts_has_ended(give_up):
    talk = Dialogue(RETRYING, IDEMPOTENT)
    talk.says(WRITE_A, READ_A)
    talk.fail(1, retryable=True)
    if give_up == "cancel":
        talk.says(("cancel_future", {"ids": ["$f1"]}))
    else:
        talk.fire("timeout", 1)
    assert talk.of(Stop) == []  # there is no tool to stop, and so none whose end will be reported
    assert talk.started == [1, 2]
    talk.fire("retry", 1)
    assert talk.started == [1, 2]


# ------------------------------------------------------------------------------------------------------ time-outs


def test_a_call_that_takes_too_long_times_out():
    talk = Dialogue(tools=with_tool("read", timeout_s=3.0))
    talk.says(READ_A)
    assert talk.timers == {("timeout", 1): 3.0}
    talk.fire("timeout", 1)
    value = talk.session.values()[1]
    assert (error_of(value), value.effects, value.retryable) == ("timeout", "none", True)
    assert talk.of(Stop) == [Stop(1)]


def test_time_spent_waiting_to_start_does_not_count():
    talk = Dialogue(tools=with_tool("read", timeout_s=3.0))
    talk.says(WRITE_A, READ_A)
    assert talk.timers == {}
    talk.finish(1)
    assert talk.timers == {("timeout", 2): 3.0}


def test_a_timeout_that_comes_after_the_end_is_ignored():
    talk = Dialogue(tools=with_tool("read", timeout_s=3.0))
    talk.says(READ_A)
    talk.finish(1)
    talk.fire("timeout", 1)
    assert talk.session.values() == {1: "a"}


def test_a_writer_that_timed_out_is_in_doubt():
    talk = Dialogue(tools=with_tool("write", timeout_s=3.0))
    talk.says(WRITE_A, READ_A)
    talk.fire("timeout", 1)
    assert talk.session.values()[1].effects == "unknown"
    assert talk.started == [1]
    talk.finish(1)
    assert talk.started == [1, 2]
    assert talk.running[2].args == {"path": "a"}


# ---------------------------------------------------------------------------------------------------- loop guards


def test_a_turn_without_an_answer_is_given_up_after_max_requests():
    talk = Dialogue(replace(PAPER, max_requests=2))
    talk.says(PURE)
    talk.says(PURE)
    assert talk.of(GiveUp) == [GiveUp("no answer after 2 requests")]
    assert len(talk.requests) == 2
    talk.user("then this")
    talk.end("yes")
    for future in (1, 2):
        talk.finish(future)
    talk.end("yes")
    assert talk.answers == ["yes"]


def test_a_turn_given_up_as_it_would_have_looked_again_is_over_too():
    talk = Dialogue(replace(PAPER, max_requests=2))
    talk.says(READ_A)
    talk.finish(1)
    talk.end("done")
    assert len(talk.of(GiveUp)) == 1
    assert [message["role"] for message in talk.session.transcript.messages[-2:]] == ["assistant", "tool"]
    talk.user("then this")
    talk.end("yes")
    assert talk.answers == ["yes"]


def test_a_turn_is_given_up_once():
    talk = Dialogue(replace(PAPER, max_requests=1, failure="strict"))
    talk.says(("fail", {}), PURE)
    talk.fail(1)  # cuts the transcript back, and nobody is asked to go on from there
    assert len(talk.of(GiveUp)) == 1
    assert len(talk.requests) == 1
    assert "boom" in str(talk.session.transcript.messages[-1])


def test_with_too_many_pending_the_answer_waits_for_values():
    talk = Dialogue(replace(PAPER, max_pending=1))
    talk.says(PURE)
    talk.says(PURE)
    assert len(talk.requests) == 2
    talk.finish(1)
    assert len(talk.requests) == 3


def test_a_model_that_awaits_at_once_is_spared_the_placeholder():
    talk = Dialogue(replace(PAPER, max_awaits=1))
    for number in (1, 2):
        talk.says(READ_A)
        assert talk.shown() == [pending(number)]
        talk.says(("await_future", {"ids": [f"$f{number}"]}))
        talk.finish(number)
    talk.says(READ_A, PURE)
    assert len(talk.requests) == 5
    talk.finish(3)
    assert talk.shown() == ["a", pending(4)]


@pytest.mark.parametrize("finished_first", [False, True])
def test_whether_it_awaits_at_once_does_not_depend_on_how_fast_tools_are(finished_first):
    talk = Dialogue(replace(PAPER, max_awaits=0))
    talk.says(READ_A)
    if finished_first:
        talk.finish(1)
    talk.says(("await_future", {"ids": ["$f1"]}))
    if not finished_first:
        talk.finish(1)
    talk.says(READ_A)
    assert len(talk.requests) == 3


def test_to_await_nothing_is_not_to_await_at_once():
    talk = Dialogue(replace(PAPER, max_awaits=1))
    talk.says(READ_A)
    talk.says(("await_future", {"ids": ["$f9"]}))
    talk.says(READ_A)
    talk.says(("await_future", {"ids": ["$f2"]}))
    talk.finish(2)
    talk.says(READ_A)
    assert talk.shown() == [pending(3)]


def test_to_await_what_was_issued_earlier_is_what_futures_are_for():
    talk = Dialogue(replace(PAPER, max_awaits=0))
    talk.says(READ_A)
    talk.says(PURE)
    talk.says(("await_future", {"ids": ["$f1"]}))
    talk.finish(1)
    talk.says(READ_A)
    assert talk.shown() == [pending(3)]


def test_a_call_that_never_ran_is_not_waited_for():
    talk = Dialogue(replace(REFUSE, max_awaits=0), with_tool("write", idempotent=False))
    talk.says(WRITE_A)
    talk.says(("await_future", {"ids": ["$f1"]}))
    talk.finish(1)
    talk.breaks_off("write", ErrorValue("invalid_argument", "no JSON"))
    talk.says(PURE)
    assert talk.shown()[0]["error"]["kind"] == "invalid_argument"
    assert talk.shown()[1] == pending(3)


def test_no_guard_no_fallback():
    talk = Dialogue()
    for number in range(1, 20):
        talk.says(READ_A)
        assert talk.shown() == [pending(number)]
        talk.says(("await_future", {"ids": [f"$f{number}"]}))
        talk.finish(number)


# ------------------------------------------------------------------------------------------------- declared things


def test_arguments_are_checked_by_the_tools_own_callable_once_they_are_bound():
    def only_text(args):
        if not isinstance(args["x"], str):
            return ErrorValue("invalid_argument", "x is a string")
        return {**args, "x": args["x"].strip()}

    tools = {**TOOLS, "pure": Tool("pure", Declaration(), validate=only_text)}
    talk = Dialogue(WHEN_IDLE, tools)
    talk.says(READ_A, ("pure", {"x": " ${f1} "}), PURE)
    talk.finish(1)
    assert talk.running[2].args == {"x": "a"}
    assert talk.shown()[2]["error"]["message"] == "x is a string"


def test_caps_hold_for_all_tools_and_for_each():
    talk = Dialogue(replace(PAPER, max_running=3, max_running_per_tool=2))
    talk.says(PURE, PURE, PURE, READ_A, READ_A)
    assert talk.started == [1, 2, 4]


def test_what_is_fed_reaches_the_log_once():
    talk = Dialogue()
    talk.says(READ_A)
    talk.fail(1)
    talk.says(("cancel_future", {"ids": ["$f1"]}))
    assert len([entry for entry in talk.log if isinstance(entry, Fail | Cancel)]) == 2
    assert talk.of(AskApproval) == []
    assert talk.feed(TimerFired(("await", 2))) == []
    assert inf not in talk.timers.values()


def test_nothing_is_kept_of_calls_that_are_over_but_their_values():
    talk = Dialogue(replace(ASYNCFC, grace_s=0.0, retries=1))
    for number in range(1, 41, 2):
        talk.says(("pure", {"x": number}), ("fail", {}))
        talk.finish(number)
        talk.fail(number + 1)
    session = talk.session
    assert [*session._duplicates._latest, *session._duplicates._keys, *session._attempts._starts] == []
    assert len(session.values()) == 40


def test_nothing_is_kept_of_calls_that_were_cut_off():
    talk = Dialogue(replace(ASYNCFC, grace_s=0.0, failure="strict"))
    talk.says(("fail", {}), ("pure", {"x": 1}), ("pure", {"x": 2}))
    talk.fail(1)
    session = talk.session
    assert set(session.scheduler.futures) == {1}
    assert [*session._duplicates._latest, *session._duplicates._keys, *session._attempts._starts] == []
