"""The session: turns, numbers, placeholders, grace, dispatch and delivery."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from asyncfc_sim.core.events import Finish, Issue, ProtocolError, Start
from asyncfc_sim.core.policy import ASYNCFC, EARLY_START, SYNC, SYNC_PARALLEL
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.session_events import (
    Answer,
    CallClosed,
    Decide,
    GiveUp,
    MessageEnd,
    Placeholder,
    Request,
    SetTimer,
    Timer,
    TimerFired,
    UserMessage,
)
from asyncfc_sim.core.values import ErrorValue
from tests.dialogue import PAPER, Dialogue, pending
from tests.toys import TOOLS

WHEN_IDLE = replace(PAPER, delivery="when_idle")
REWRITE = replace(PAPER, delivery="rewrite")
READ_A = ("read", {"path": "a"})
READ_B = ("read", {"path": "b"})
PURE = ("pure", {"x": 1})


def await_(*ids: str, **more):
    return ("await_future", {"ids": list(ids), **more})


# ------------------------------------------------------------------------------------------------------- a turn


def test_a_user_message_asks_the_model_and_a_text_without_calls_answers():
    talk = Dialogue(begin=False)
    talk.user("hello")
    assert talk.transcript == [{"role": "user", "content": "hello"}]
    talk.end("hi")
    assert talk.answers == ["hi"]
    assert talk.actions[-1] == Answer("hi")
    assert talk.session.transcript.messages[-1] == {"role": "assistant", "content": "hi"}


def test_a_second_turn_goes_on_from_the_first():
    talk = Dialogue()
    talk.end("one")
    talk.user("more")
    assert [message["role"] for message in talk.transcript] == ["user", "assistant", "user"]
    talk.end("two")
    assert talk.answers == ["one", "two"]


def test_a_model_that_says_nothing_has_answered():
    talk = Dialogue()
    talk.end(None)
    assert talk.answers == [""]


def test_the_transcript_repeats_calls_as_they_were_written():
    talk = Dialogue()
    talk.says(PURE, ("pure", {"x": "$f1.x[0]"}), ("pure", {"x": "about ${f1}: $$f1"}), text="let me see")
    message = talk.transcript[1]
    assert (message["role"], message["content"]) == ("assistant", "let me see")
    assert [(call["id"], call["type"], call["function"]["name"]) for call in message["tool_calls"]] == [
        ("call_1", "function", "pure"),
        ("call_2", "function", "pure"),
        ("call_3", "function", "pure"),
    ]
    assert [json.loads(call["function"]["arguments"])["x"] for call in message["tool_calls"]] == [
        1,
        "$f1.x[0]",
        "about ${f1}: $$f1",
    ]


def test_a_call_stands_in_the_transcript_as_it_was_written_even_if_it_was_written_oddly():
    talk = Dialogue()
    talk.feed(CallClosed("odd", "pure", {"x": 1}, text='{ "x":1 }'))
    talk.breaks_off("pure", ErrorValue("invalid_argument", "the arguments are not JSON"))
    talk.end()
    odd, broken = talk.transcript[1]["tool_calls"]
    assert odd["function"]["arguments"] == '{ "x":1 }'
    assert broken["function"]["arguments"] == "{}", "servers parse it again, and refuse what is no JSON"


# ------------------------------------------------------------------------------------------------------ numbers


def test_calls_are_numbered_over_the_whole_conversation():
    talk = Dialogue()
    talk.says(PURE, PURE)
    talk.finish(1)
    talk.finish(2)
    talk.says(await_("$f1", "$f2"))
    talk.end("done")
    talk.user("again")
    talk.says(PURE)
    assert talk.shown() == [pending(3)]


def test_awaits_and_cancels_have_no_number():
    talk = Dialogue()
    talk.says(PURE, await_("$f1"), ("cancel_future", {"ids": ["$f1"]}), PURE)
    assert talk.started == [1, 2]


def test_a_call_whose_arguments_are_no_json_is_answered_at_once_and_keeps_its_number():
    talk = Dialogue()
    fault = ErrorValue("invalid_argument", "the arguments are not JSON: line 1 column 2")
    talk.breaks_off("pure", fault)
    talk.says(PURE)
    assert talk.started == [2]
    refused, second = talk.shown()
    assert refused["error"]["kind"] == "invalid_argument"
    assert refused["error"]["origin"] == "$f1"
    assert second == pending(2)


def test_a_sibling_can_be_named_before_it_was_answered():
    talk = Dialogue()
    talk.says(READ_A, ("pure", {"x": "$f1"}))
    assert talk.shown() == [pending(1), pending(2)]
    talk.finish(1)
    assert dict(talk.running[2].args) == {"x": "a"}


def test_a_reference_to_no_earlier_future_is_an_error_at_once():
    talk = Dialogue(WHEN_IDLE)
    talk.says(("pure", {"x": "$f1"}), ("pure", {"x": "$f9"}), ("nosuch", {}))
    own, later, unknown = talk.shown()
    assert [reply["error"]["kind"] for reply in (own, later, unknown)] == [
        "invalid_reference",
        "invalid_reference",
        "invalid_argument",
    ]
    assert talk.started == []


# ---------------------------------------------------------------------------------------- placeholders and grace


def test_the_placeholder_says_only_what_to_act_on():
    talk = Dialogue()
    talk.says(PURE)
    assert talk.transcript[-1]["content"] == '{"future": "$f1", "status": "pending"}'
    assert talk.of(Placeholder) == [Placeholder(1)]


def test_with_no_grace_a_message_is_answered_when_it_ends():
    talk = Dialogue()
    talk.call("pure", x=1)
    assert len(talk.requests) == 1
    talk.end()
    assert len(talk.requests) == 2
    assert talk.timers == {}


def test_with_infinite_grace_a_message_is_answered_when_its_calls_have_returned():
    talk = Dialogue(EARLY_START)
    talk.says(READ_A, READ_B)
    talk.finish(2)
    assert len(talk.requests) == 1
    talk.finish(1)
    assert talk.shown() == ["a", "b"]
    assert talk.of(Placeholder) == []
    assert talk.timers == {}


def test_within_the_grace_values_stand_in_place():
    talk = Dialogue(replace(PAPER, grace_s=0.25))
    talk.says(READ_A, READ_B)
    assert talk.timers == {("grace", 1): 0.25}
    talk.finish(1)
    talk.finish(2)
    assert talk.shown() == ["a", "b"]


def test_when_the_grace_is_over_what_has_not_returned_is_a_future():
    talk = Dialogue(replace(PAPER, grace_s=0.25))
    talk.says(READ_A, READ_B)
    talk.finish(2)
    assert len(talk.requests) == 1
    talk.fire("grace", 1)
    assert talk.shown() == [pending(1), "b"]


def test_no_grace_is_waited_for_once_all_has_returned():
    talk = Dialogue(replace(PAPER, grace_s=0.25))
    talk.call("read", path="a")
    talk.finish(1)
    talk.end()
    assert talk.shown() == ["a"]
    assert talk.timers == {}


def test_auto_grace_is_what_another_request_would_cost_but_at_most_half_a_second():
    for overhead_s, expected_s in ((0.125, 0.125), (3.0, 0.5)):
        talk = Dialogue(replace(PAPER, grace_s="auto"), turn_overhead_s=overhead_s)
        talk.says(PURE)
        assert talk.timers == {("grace", 1): expected_s}
    free = Dialogue(replace(PAPER, grace_s="auto"), turn_overhead_s=0.0)
    free.says(PURE)
    assert free.shown() == [pending(1)]


def test_the_grace_of_a_message_that_was_answered_does_not_end_that_of_a_later_one():
    talk = Dialogue(replace(PAPER, grace_s=0.25))
    talk.says(PURE)
    talk.finish(1)  # answered in time: the timer is still to fire
    talk.end("done")
    talk.user("again")
    talk.says(PURE)
    assert len(talk.timers) == 2
    talk.fire("grace", 1)
    assert len(talk.requests) == 3  # the second message is still within its grace
    talk.fire("grace", 3)
    assert talk.shown() == [pending(2)]


def test_the_paper_never_answers_in_place_so_that_timing_does_not_show():
    fast, slow = Dialogue(), Dialogue()
    fast.call("read", path="a")
    fast.finish(1)  # before its message has ended
    slow.call("read", path="a")
    for talk in (fast, slow):
        talk.end()
    assert fast.transcript == slow.transcript


def test_with_when_idle_delivery_a_value_that_is_there_stands_in_place():
    talk = Dialogue(WHEN_IDLE)
    talk.call("read", path="a")
    talk.finish(1)
    talk.end()
    assert talk.shown() == ["a"]


RESOLVED = {"resolved": {"$f9": "not ours"}}


def test_a_tools_words_are_not_taken_for_the_protocols():
    in_place = Dialogue(WHEN_IDLE)
    in_place.call("read", path="a")
    in_place.finish(1, RESOLVED)
    in_place.end()
    assert in_place.shown() == [{"result": RESOLVED}]
    riding = Dialogue(WHEN_IDLE)
    riding.says(READ_B)
    riding.call("read", path="a")
    riding.finish(2, RESOLVED)
    riding.finish(1)
    riding.end()
    assert riding.shown() == [{"result": RESOLVED, "resolved": {"$f1": "b"}}], "wrapped once"
    late = Dialogue(REWRITE)
    late.says(READ_A)
    late.finish(1, RESOLVED)
    late.says(PURE)
    assert json.loads(late.transcript[2]["content"]) == {"result": RESOLVED}


def test_a_model_that_knows_nothing_of_the_protocol_is_given_them_as_they_are():
    talk = Dialogue(SYNC)
    talk.says(READ_A)
    talk.finish(1, RESOLVED)
    assert talk.shown() == [RESOLVED]


# ----------------------------------------------------------------------------------------------------- dispatch


def test_dispatch_at_the_call_starts_it_while_the_message_is_still_being_written():
    talk = Dialogue()
    talk.call("pure", x=1)
    assert talk.started == [1]


def test_dispatch_at_the_message_starts_calls_when_it_has_ended():
    talk = Dialogue(SYNC_PARALLEL)
    talk.call("pure", x=1)
    talk.call("pure", x=2)
    assert talk.started == []
    talk.end()
    assert talk.started == [1, 2]


def test_sync_runs_the_calls_of_a_message_one_by_one():
    talk = Dialogue(SYNC)
    talk.says(PURE, PURE)
    assert talk.started == [1]
    talk.finish(1)
    assert talk.started == [1, 2]


def test_calls_that_conflict_wait_for_each_other_in_any_policy():
    talk = Dialogue()
    talk.says(("write", {"path": "a", "text": "new"}), READ_A, READ_B)
    assert talk.started == [1, 3]
    talk.finish(1)
    assert talk.started == [1, 3, 2]


# ----------------------------------------------------------------------------------------------------- delivery


def test_on_touch_a_value_is_shown_only_when_it_is_asked_for():
    talk = Dialogue()
    talk.says(READ_A)
    talk.finish(1)
    talk.says(READ_B)
    assert talk.shown() == [pending(2)]
    talk.says(await_("$f1"))
    assert talk.shown() == [{"resolved": {"$f1": "a"}}]


def test_when_idle_values_ride_on_the_last_tool_message_sorted_and_once():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A, READ_B, PURE)
    talk.finish(2)
    talk.finish(1)
    talk.says(PURE, PURE)
    assert talk.shown() == [pending(4), {**pending(5), "resolved": {"$f1": "a", "$f2": "b"}}]
    assert list(talk.shown()[1]["resolved"]) == ["$f1", "$f2"]
    talk.says(PURE)
    assert talk.shown() == [pending(6)]


def test_when_idle_values_ride_beside_a_result():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A)
    talk.call("read", path="b")
    talk.finish(1)
    talk.finish(2)
    talk.end()
    assert talk.shown() == [{"result": "b", "resolved": {"$f1": "a"}}]


@pytest.mark.parametrize(
    "result",
    [
        {"status": "pending", "order": 5},  # a shop's answer, not a placeholder
        {"resolved": True},  # a ticket's
        {"resolved": {"$f1": "not its value"}},
        {"result": 1},
    ],
)
def test_a_tools_result_is_never_taken_for_the_protocols_own_words(result):
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A)
    talk.call("pure", x=1)
    talk.finish(1)
    talk.finish(2, result)
    talk.end()
    assert talk.shown() == [{"result": result, "resolved": {"$f1": "a"}}]


def test_when_idle_values_ride_on_an_answer_to_await():
    talk = Dialogue(WHEN_IDLE)
    talk.says(READ_A, READ_B)
    talk.says(await_("$f2"))
    talk.finish(1)
    talk.finish(2)
    assert talk.shown() == [{"resolved": {"$f1": "a", "$f2": "b"}}]


def test_rewrite_puts_values_where_their_placeholders_stood_and_the_cache_ends_there():
    talk = Dialogue(REWRITE)
    talk.says(READ_A)
    talk.says(READ_B)
    assert talk.cached[-1] == len(talk.requests[-2])
    talk.finish(1)
    talk.says(PURE)
    contents = [json.loads(message["content"]) for message in talk.transcript if message["role"] == "tool"]
    assert contents == ["a", pending(2), pending(3)]
    assert talk.cached[-1] == 2  # the user's message and the first call are as they were
    talk.says(PURE)
    assert talk.cached[-1] == len(talk.requests[-2])


def test_rewrite_replaces_every_placeholder_of_a_shared_future():
    talk = Dialogue(replace(REWRITE, duplicates="share"))
    talk.says(READ_A, READ_A)
    assert talk.shown() == [pending(1), pending(1)]
    talk.finish(1)
    talk.says(PURE)
    contents = [json.loads(message["content"]) for message in talk.transcript if message["role"] == "tool"]
    assert contents == ["a", "a", pending(3)]


@pytest.mark.parametrize("way", ["in place", "riding along", "rewritten", "awaited", "cancelled", "at the answer"])
def test_once_a_failure_was_shown_it_holds_nothing_back(way):
    """An irreversible call waits for what came before it, and does not run after a failure the model does not know."""
    policy = {"in place": WHEN_IDLE, "riding along": WHEN_IDLE, "rewritten": REWRITE}.get(way, PAPER)
    talk = Dialogue(policy)
    talk.call("fail")
    if way == "in place":
        talk.fail(1)
    talk.end()
    if way != "in place":
        talk.fail(1)
    if way == "at the answer":
        talk.end("done")
    elif way in ("awaited", "cancelled"):
        talk.says(("await_future" if way == "awaited" else "cancel_future", {"ids": ["$f1"]}))
    elif way != "in place":
        talk.says(("cancel_future", {"ids": ["$f9"]}))  # a message of any kind
    talk.says(("send", {"body": "it failed"}))
    assert talk.started[-1] == talk.session.numbered == 2
    unaware = Dialogue()
    unaware.says(("fail", {}))
    unaware.fail(1)
    unaware.says(("send", {"body": "all is well"}))
    assert unaware.started == [1]


def test_the_model_has_seen_all_but_the_last_message_of_each_request():
    talk = Dialogue(WHEN_IDLE)
    talk.says(PURE)
    talk.finish(1)
    talk.says(PURE)
    assert talk.cached == [0, 1, 3]


# ------------------------------------------------------------------------------------------- faults of the driver


def test_events_out_of_turn_are_the_drivers_fault():
    def session(*events):
        new = Session(TOOLS, replace(PAPER, grace_s=1.0))
        for event in events:
            new.feed(event)
        return new

    begun = (UserMessage("go"),)
    waiting = (*begun, CallClosed("1", "pure", {"x": 1}), MessageEnd("?"))
    closing = (*waiting, TimerFired(("grace", 1)), MessageEnd("done"))
    for before, event in [
        ((), CallClosed("1", "pure", {})),
        ((), MessageEnd("hi")),
        (begun, UserMessage("and")),
        ((*begun, MessageEnd("hi")), MessageEnd("hi")),
        (closing, MessageEnd("hi")),
        (closing, CallClosed("2", "pure", {})),
        (closing, UserMessage("and")),
        (waiting, CallClosed("2", "pure", {})),
        (waiting, MessageEnd("hi")),
        (waiting, UserMessage("and")),
        (begun, Finish(1, "x")),
        (begun, Decide(1, True)),
    ]:
        with pytest.raises(ProtocolError):
            session(*before).feed(event)


def test_a_timer_that_nothing_waits_for_is_ignored():
    talk = Dialogue()
    timers: list[Timer] = [("grace", 1), ("await", 1), ("timeout", 7), ("retry", 7)]
    assert all(talk.feed(TimerFired(timer)) == [] for timer in timers)
    talk.end("done")
    assert all(talk.feed(TimerFired(timer)) == [] for timer in timers), "between two turns, too"


def test_what_is_logged_is_all_that_happens_in_its_order():
    talk = Dialogue()
    talk.says(READ_A)
    talk.finish(1)
    kinds = [type(entry) for entry in talk.log]
    assert kinds[:4] == [Request, Issue, Start, Placeholder]
    assert [entry for entry in talk.log if entry in talk.actions] == talk.actions
    assert GiveUp not in kinds
    assert SetTimer not in kinds


def test_policies_that_promise_no_futures_need_no_grace():
    assert not SYNC.futures
    assert ASYNCFC.futures


# --------------------------------------------------------------------------------------------------- long results

LONG = {"text": "x" * 100}
BEGINS = {"future": "$f1", "preview": '{"text": "xxxx', "chars": 112}
SHORT = replace(PAPER, preview_chars=14)


def test_of_a_long_result_only_its_beginning_is_shown_in_place():
    talk = Dialogue(replace(SHORT, grace_s=9.0))
    talk.says(PURE, READ_A)
    talk.finish(1, LONG)
    talk.finish(2, "short")
    assert talk.shown() == [BEGINS, "short"]


@pytest.mark.parametrize("delivery", ["on_touch", "when_idle", "rewrite"])
def test_of_a_long_result_only_its_beginning_is_shown_however_it_is_delivered(delivery):
    talk = Dialogue(replace(SHORT, delivery=delivery))
    talk.says(PURE)
    talk.finish(1, LONG)
    talk.says(await_("$f1"))
    assert talk.shown()[-1]["resolved"] == {"$f1": BEGINS}
    assert "x" * 20 not in json.dumps(talk.requests)


def test_a_long_result_is_bound_whole():
    talk = Dialogue(SHORT)
    talk.says(PURE)
    talk.finish(1, LONG)
    talk.says(("pure", {"x": "$f1.text"}))
    assert talk.running[2].args == {"x": "x" * 100}
    talk.finish(2)
    talk.end("${f1.text} ${f2}")
    assert str(talk.answers[0]).startswith("x" * 100)


def test_an_error_is_shown_whole_and_so_is_all_to_a_model_that_knows_no_futures():
    talk = Dialogue(replace(SHORT, grace_s=9.0))
    talk.says(("fail", {}))
    talk.fail(1, "y" * 100)
    assert talk.shown()[0]["error"]["message"] == "y" * 100
    synchronous = Dialogue(replace(SYNC, preview_chars=14))
    synchronous.says(PURE)
    synchronous.finish(1, LONG)
    assert synchronous.shown() == [LONG]
