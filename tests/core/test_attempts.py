"""What may lie between a call's start and its tool: a person, and further attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asyncfc_sim.core.attempts import Attempts
from asyncfc_sim.core.events import Fail, ProtocolError, Start
from asyncfc_sim.core.footprint import NOTHING
from asyncfc_sim.core.policy import ASYNCFC
from asyncfc_sim.core.session_events import AskApproval, SetTimer
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue

PLAIN = Tool("plain", timeout_s=2.0)
GATED = Tool("gated", approval=True, timeout_s=3.0)
IDEMPOTENT = Tool("again", idempotent=True)
TOOLS = {tool.name: tool for tool in (PLAIN, GATED, IDEMPOTENT)}
ONCE_MORE = replace(ASYNCFC, retries=1, retry_delay_s=0.25)
SORRY = ErrorValue("tool_error", "try later", retryable=True)


def start(tool: str) -> Start:
    return Start(1, tool, {"x": 1}, NOTHING)


def test_a_call_starts_its_tool_and_its_timeout():
    assert Attempts(TOOLS, ASYNCFC).start(start("plain")) == [start("plain"), SetTimer(("timeout", 1), 2.0)]
    assert Attempts(TOOLS, ASYNCFC).start(start("again")) == [start("again")]


def test_a_gated_call_asks_first_and_its_timeout_counts_from_the_approval():
    attempts = Attempts(TOOLS, ASYNCFC)
    assert attempts.start(start("gated")) == [AskApproval(1, "gated", {"x": 1})]
    assert attempts.decided(1)
    assert not attempts.withdraw(1), "nobody is asked any more"
    assert attempts.begin(1) == [start("gated"), SetTimer(("timeout", 1), 3.0)]


def test_a_question_is_answered_once():
    attempts = Attempts(TOOLS, ASYNCFC)
    attempts.start(start("gated"))
    attempts.decided(1)
    with pytest.raises(ProtocolError):
        attempts.decided(1)


def test_a_question_that_was_withdrawn_may_still_be_answered_in_vain():
    attempts = Attempts(TOOLS, ASYNCFC)
    assert not attempts.withdraw(1), "nobody was asked"
    attempts.start(start("gated"))
    assert attempts.withdraw(1)
    assert not attempts.withdraw(1)
    assert [attempts.decided(1), attempts.decided(1)] == [False, False]


def test_another_attempt_comes_after_a_while_and_is_counted():
    attempts = Attempts(TOOLS, ONCE_MORE)
    attempts.start(start("again"))
    assert attempts.try_again(Fail(1, SORRY)) == SetTimer(("retry", 1), 0.25)
    assert attempts.retry(1) == [start("again")]
    assert attempts.retry(1) == [], "one timer, one attempt"
    assert attempts.try_again(Fail(1, SORRY)) is None


def test_no_attempt_that_might_do_harm_or_no_good():
    plain = Attempts(TOOLS, ONCE_MORE)
    plain.start(start("plain"))
    assert plain.try_again(Fail(1, SORRY)) is None
    again = Attempts(TOOLS, ONCE_MORE)
    again.start(start("again"))
    assert again.try_again(Fail(1, replace(SORRY, retryable=False))) is None
    assert again.try_again(Fail(2, SORRY)) is None, "never started"


def test_a_call_given_up_has_a_tool_to_stop_unless_it_waits():
    attempts = Attempts(TOOLS, ONCE_MORE)
    attempts.start(start("again"))
    assert not attempts.stop(1)
    attempts.try_again(Fail(1, SORRY))
    assert attempts.stop(1)
    assert attempts.retry(1) == []
