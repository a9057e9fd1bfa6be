"""What may lie between a call's start and its tool: a person, and further attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asyncfc_sim.core.attempts import Attempts
from asyncfc_sim.core.events import Cancel, End, Fail, Finish, Issue, ProtocolError, Settle, Start, Stop, Timeout
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.policy import ASYNCFC
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.session_events import AskApproval, SetTimer, Withdraw
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue

PURE = Declaration()
PLAIN = Tool("plain", effects=PURE, timeout_s=2.0)
GATED = Tool("gated", effects=PURE, approval=True, timeout_s=3.0)
IDEMPOTENT = Tool("again", effects=PURE, idempotent=True)
TOOLS = {tool.name: tool for tool in (PLAIN, GATED, IDEMPOTENT)}
ONCE_MORE = replace(ASYNCFC, retries=1, retry_delay_s=0.25)
SORRY = ErrorValue("tool_error", "try later", retryable=True)


def issued(tool, policy=ASYNCFC):
    """A call of a tool, just issued: its attempts, and what is to be done."""
    attempts = Attempts(Scheduler(TOOLS), policy)
    return attempts, list(attempts.feed(Issue(Call(1, tool, {"x": 1}))))


def kinds(actions):
    return [type(action) for action in actions]


def test_a_call_starts_its_tool_and_its_timeout():
    _, actions = issued("plain")
    assert kinds(actions) == [Start, SetTimer]
    assert actions[1] == SetTimer(("timeout", 1), 2.0)
    assert kinds(issued("again")[1]) == [Start]


def test_a_gated_call_asks_first_and_its_timeout_counts_from_the_approval():
    attempts, actions = issued("gated")
    assert actions == [AskApproval(1, "gated", {"x": 1})]
    start, timer = attempts.decided(1, True)
    assert isinstance(start, Start)
    assert timer == SetTimer(("timeout", 1), 3.0)
    assert kinds(attempts.give_up(1)) == [Settle, Stop], "nobody is asked any more"


def test_a_call_that_a_person_refuses_has_failed():
    attempts, _ = issued("gated")
    (settle,) = attempts.decided(1, False)
    assert isinstance(settle, Settle)
    assert attempts.scheduler.values[1].kind == "not_executed"


@pytest.mark.parametrize("approved", [True, False])
def test_a_question_is_answered_once(approved):
    attempts, _ = issued("gated")
    list(attempts.decided(1, approved))
    with pytest.raises(ProtocolError):
        list(attempts.decided(1, True))


def test_a_question_that_was_withdrawn_may_still_be_answered_in_vain():
    attempts, _ = issued("gated")
    withdraw, settle = attempts.give_up(1)
    assert withdraw == Withdraw(1)
    assert settle == Settle(1, attempts.scheduler.values[1])
    assert [*attempts.decided(1, True), *attempts.decided(1, False)] == []


def test_another_attempt_comes_after_a_while_and_is_counted():
    attempts, started = issued("again", ONCE_MORE)
    assert list(attempts.ended(Fail(1, SORRY))) == [SetTimer(("retry", 1), 0.25)]
    assert list(attempts.retry(1)) == started
    assert list(attempts.retry(1)) == [], "one timer, one attempt"
    assert kinds(attempts.ended(Fail(1, SORRY))) == [Settle]


@pytest.mark.parametrize(("tool", "error"), [("plain", SORRY), ("again", replace(SORRY, retryable=False))])
def test_no_attempt_that_might_do_harm_or_no_good(tool, error):
    attempts, _ = issued(tool, ONCE_MORE)
    assert kinds(attempts.ended(Fail(1, error))) == [Settle]


@pytest.mark.parametrize("give_up", [Cancel(1), Timeout(1)])
def test_a_call_given_up_has_a_tool_to_stop_unless_it_waits(give_up):
    under_way, _ = issued("again", ONCE_MORE)
    assert kinds(under_way.feed(give_up)) == [Settle, Stop]
    waiting, _ = issued("again", ONCE_MORE)
    list(waiting.ended(Fail(1, SORRY)))
    assert kinds(waiting.feed(give_up)) == [Settle]
    assert list(waiting.retry(1)) == []


@pytest.mark.parametrize("end", [Finish(1, "late"), Fail(1, SORRY), End(1)])
def test_what_a_call_returns_after_it_was_given_up_is_dropped(end):
    fed: list[object] = []
    attempts = Attempts(Scheduler(TOOLS), ONCE_MORE, fed.append)
    list(attempts.feed(Issue(Call(1, "again", {}))))
    list(attempts.give_up(1))
    error = attempts.scheduler.values[1]
    assert list(attempts.ended(end)) == []
    assert fed[1:] == [Cancel(1), End(1)]
    assert attempts.scheduler.values[1] is error


def test_a_timeout_of_a_call_that_has_ended_comes_to_nothing():
    attempts, _ = issued("plain")
    list(attempts.ended(Finish(1, "in time")))
    assert list(attempts.timeout(1)) == []
