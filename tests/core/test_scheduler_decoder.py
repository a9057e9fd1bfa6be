"""What the decoder does, from touch to drain, and what no driver may do: these events, these actions."""

from __future__ import annotations

import pytest

from asyncfc_sim.core.events import (
    Cancel,
    Deliver,
    Drain,
    End,
    Event,
    Fail,
    Finish,
    Issue,
    Resume,
    Timeout,
    Touch,
    Wake,
)
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call
from tests.scheduler_run import BOOM, TOOLS, Run

# -------------------------------------------------------------------------------------------- touch, wake, deliver


def test_a_touch_of_resolved_futures_resumes_at_once() -> None:
    scheduler = Scheduler(TOOLS)
    scheduler.feed(Issue(Call(1, "pure", {})))
    scheduler.feed(Finish(1, "x"))
    assert scheduler.feed(Touch((1,))) == [Resume({1: "x"})]
    assert scheduler.feed(Touch(())) == [Resume({})]


def test_a_touch_waits_for_all() -> None:
    run = Run()
    for _ in range(2):
        run.issue("pure", x=1)
    assert run.feed(Touch((2, 1, 2))) == []
    assert run.finish(2) == ['settle f2 "ok"']
    assert run.finish(1) == ['settle f1 "ok"', "resume [1, 2]"]


def test_a_touch_of_any_waits_for_the_first() -> None:
    run = Run()
    for _ in range(3):
        run.issue("pure", x=1)
    assert run.feed(Touch((1, 2), any=True)) == []
    assert run.finish(3) == ['settle f3 "ok"']
    assert run.finish(2) == ['settle f2 "ok"', "resume [2]"]
    assert run.feed(Touch((1, 2), any=True)) == ["resume [2]"]


def test_a_touch_of_any_that_names_a_future_twice_still_waits() -> None:
    run = Run()
    run.issue("pure", x=1)
    assert run.feed(Touch((1, 1), any=True)) == []
    assert run.finish(1) == ['settle f1 "ok"', "resume [1]"]


def test_a_touch_shows_errors() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.feed(Touch((1,)))
    assert run.fail(1) == ["settle f1 tool_error", "resume [1]"]


def test_wake_resumes_with_what_is_resolved_by_now() -> None:
    run = Run()
    for _ in range(2):
        run.issue("pure", x=1)
    run.feed(Touch((1, 2)))
    run.finish(1)
    assert run.feed(Wake()) == ["resume [1]"]
    assert run.finish(2) == ['settle f2 "ok"']


def test_deliver_is_silent() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.finish(1)
    assert run.feed(Deliver((1,))) == []


# -------------------------------------------------------------------------------------------------- drain


def test_drain_waits_for_all_that_is_under_way_or_held_back() -> None:
    run = Run()
    run.issue("write", path="a", text="x")
    run.issue("write", path="a", text="y")
    assert run.feed(Drain()) == []
    assert run.finish(1) == ['settle f1 "ok"', "start f2"]
    assert run.finish(2) == ['settle f2 "ok"', "drained"]


def test_drain_of_nothing() -> None:
    assert Run().feed(Drain()) == ["drained"]


def test_drain_waits_for_the_end_of_calls_in_doubt() -> None:
    run = Run()
    run.issue("write", path="a", text="x")
    run.feed(Timeout(1))
    assert run.feed(Drain()) == []
    assert run.feed(End(1)) == ["drained"]


def test_after_a_drain_the_conversation_may_go_on() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.feed(Drain())
    run.finish(1)
    assert run.issue("pure", x=Ref(1)) == ["start f2"]


# -------------------------------------------------------------------------------------------------- protocol errors


def test_futures_must_rise() -> None:
    run = Run()
    run.feed(Issue(Call(4, "pure", {})))
    run.refuses(Issue(Call(4, "pure", {})), "futures must rise")
    run.refuses(Issue(Call(3, "pure", {})), "futures must rise")
    assert run.feed(Issue(Call(7, "pure", {}))) == ["start f7"]


def test_a_waiting_decoder_does_nothing_else() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.feed(Touch((1,)))
    run.refuses(Issue(Call(2, "pure", {})), "while the decoder waits")
    run.refuses(Touch((1,)), "while the decoder waits")
    run.refuses(Drain(), "while the decoder waits")


def test_a_draining_decoder_does_nothing_else() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.feed(Drain())
    run.refuses(Issue(Call(2, "pure", {})), "has ended")
    run.refuses(Touch((1,)), "has ended")


def test_only_a_waiting_decoder_wakes() -> None:
    Run().refuses(Wake(), "does not wait")


@pytest.mark.parametrize("event", [Touch((1,)), Deliver((1,)), Cancel(1), Timeout(1)])
def test_futures_must_have_been_issued(event: Event) -> None:
    Run().refuses(event, "never issued")


@pytest.mark.parametrize("event", [Finish(2, 0), Fail(2, BOOM), End(2), Finish(9, 0), Fail(9, BOOM), End(9)])
def test_only_a_tool_under_way_can_end(event: Event) -> None:
    run = Run()
    run.issue("pure", x=1)
    run.issue("pure", x=Ref(1))
    run.refuses(event, "not under way")


@pytest.mark.parametrize("event", [Finish(1, 0), Fail(1, BOOM), End(1)])
def test_a_tool_ends_once(event: Event) -> None:
    run = Run()
    run.issue("pure", x=1)
    run.finish(1)
    run.refuses(event, "not under way")


def test_end_is_for_calls_that_are_settled_already() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.refuses(End(1), "neither cancelled nor timed out")


def test_a_call_that_has_not_started_cannot_time_out() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.issue("pure", x=Ref(1))
    run.refuses(Timeout(2), "has not started")


def test_only_resolved_values_are_delivered() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.issue("pure", x=1)
    run.finish(2)
    run.refuses(Deliver((2, 1)), "not resolved")


def test_a_cut_call_was_never_issued() -> None:
    run = Run("strict")
    run.issue("pure", x=1)
    run.issue("pure", x=1)
    run.fail(1)
    run.refuses(Touch((2,)), "never issued")
    run.refuses(Cancel(2), "never issued")
