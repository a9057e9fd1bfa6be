"""The failure modes barrier and strict, and calls that are cancelled or time out: these events, these actions."""

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
    ProtocolError,
    Resolved,
    Timeout,
    Touch,
)
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import ErrorValue
from tests.scheduler_run import BOOM, Run

# -------------------------------------------------------------------------------------------------- the barrier


def test_an_irreversible_call_waits_for_every_earlier_call() -> None:
    run = Run()
    run.issue("read", path="a")
    run.issue("pure", x=1)
    assert run.issue("send", body="hi") == []
    assert run.issue("pure", x=2) == ["start f4"]  # later calls do not wait for it
    assert run.finish(2) == ['settle f2 "ok"']
    assert run.finish(1) == ['settle f1 "ok"', "start f3"]


def test_an_irreversible_call_is_not_executed_after_a_failure() -> None:
    run = Run()
    run.issue("read", path="a")
    run.issue("send", body="hi")
    run.issue("pure", x=Ref(2))
    assert run.fail(1) == ["settle f1 tool_error", "settle f2 not_executed", "settle f3 dependency_failed"]
    assert run.error(2) == ErrorValue("not_executed", "send was not run, because $f1 failed", origin=1)


@pytest.mark.parametrize("tell", [Touch((1,)), Deliver((1,))])
def test_an_irreversible_call_issued_in_knowledge_of_the_failure_runs(tell: Event) -> None:
    run = Run()
    run.issue("read", path="a")
    run.fail(1)
    run.feed(tell)
    assert run.issue("send", body="sorry") == ["start f2"]


def test_knowledge_that_comes_after_the_issue_does_not_count() -> None:
    run = Run()
    run.issue("read", path="a")
    run.issue("pure", x=1)
    run.issue("send", body="hi")
    run.fail(1)
    run.feed(Deliver((1,)))
    assert run.finish(2) == ['settle f2 "ok"', "settle f3 not_executed"]
    assert run.issue("send", body="sorry") == ["start f4"]


def test_in_mode_poison_reversible_writes_go_on_after_a_failure() -> None:
    run = Run("poison")
    run.issue("read", path="a")
    assert run.issue("write", path="b", text="x") == ["start f2"]


@pytest.mark.parametrize("failure", ["barrier", "strict"])
def test_in_modes_barrier_and_strict_every_writing_call_waits(failure: Failure) -> None:
    run = Run(failure)
    run.issue("read", path="a")
    assert run.issue("write", path="b", text="x") == []
    assert run.issue("read", path="c") == ["start f3"]  # reads speculate
    assert run.finish(1) == ['settle f1 "ok"', "start f2"]


def test_in_mode_barrier_every_writing_call_is_held_back_after_a_failure_and_reads_go_on() -> None:
    run = Run("barrier")
    run.issue("read", path="a")
    run.issue("write", path="b", text="x")
    run.issue("read", path="b")
    assert run.fail(1) == ["settle f1 tool_error", "settle f2 not_executed", "start f3"]


def test_behind_the_barrier_comes_the_gate_quiet() -> None:
    """Everything before has settled, but one of it is in doubt and holds the key."""
    run = Run("barrier")
    run.issue("write", path="a", text="x")
    run.feed(Timeout(1))
    run.feed(Touch((1,)))
    assert run.issue("write", path="a", text="y") == []
    assert run.feed(End(1)) == ["start f2"]


# -------------------------------------------------------------------------------------------------- strict


def test_strict_cuts_what_was_issued_after_the_first_failed_call() -> None:
    run = Run("strict")
    run.issue("pure", x=1)
    run.issue("read", path="a")
    run.issue("read", path="b")
    run.issue("write", path="c", text="x")
    assert run.fail(2) == ["settle f2 tool_error"]  # f1 may still fail, and would then be the first
    assert run.finish(1) == ['settle f1 "ok"', "stop f3", "cut f2"]
    assert list(run.scheduler.futures) == [1, 2]
    assert run.feed(Finish(3, "dropped")) == []
    assert set(run.scheduler.values) == {1, 2}


def test_strict_the_first_failed_call_is_first_in_issue_order() -> None:
    run = Run("strict")
    for _ in range(3):
        run.issue("pure", x=1)
    run.fail(3)
    run.fail(2)
    assert run.fail(1) == ["settle f1 tool_error", "cut f1"]
    assert list(run.scheduler.futures) == [1]


def test_strict_decoding_goes_on_from_the_error() -> None:
    run = Run("strict")
    run.issue("pure", x=1)
    run.issue("pure", x=1)
    run.feed(Touch((2,)))
    assert run.fail(1) == ["settle f1 tool_error", "stop f2", "cut f1"]
    run.refuses(Issue(Call(2, "pure", {})), "futures must rise")  # numbers are never used twice
    run.last = 2
    assert run.issue("write", path="a", text=Ref(2)) == ["settle f3 invalid_reference", "cut f3"]
    assert run.issue("write", path="a", text="x") == ["start f4"]


def test_strict_a_cut_call_keeps_its_slot_until_it_has_ended() -> None:
    run = Run("strict", max_running=2)
    run.issue("pure", x=1)
    run.issue("read", path="a")
    run.fail(1)
    run.issue("pure", x=1)
    assert run.issue("pure", x=1) == []
    assert run.feed(End(2)) == ["start f4"]


def test_strict_a_drain_ends_with_the_cut() -> None:
    run = Run("strict")
    run.issue("pure", x=1)
    run.issue("pure", x=1)
    run.feed(Drain())
    assert run.fail(1) == ["settle f1 tool_error", "stop f2", "cut f1"]
    assert run.feed(Finish(2, "dropped")) == []
    assert run.feed(Drain()) == ["drained"]


# -------------------------------------------------------------------------------------------------- cancel, timeout


def test_cancel_is_exact_for_a_pending_call() -> None:
    run = Run()
    run.issue("read", path="a")
    run.issue("write", path="a", text="x")
    run.issue("read", path="a")
    run.issue("pure", x=Ref(2))
    assert run.issue("write", path="a", text="y") == []
    assert run.feed(Cancel(2)) == ["settle f2 cancelled", "settle f4 dependency_failed", "start f3"]
    assert run.error(2) == ErrorValue("cancelled", "this call was cancelled before it returned", 2)
    assert run.finish(1) == ['settle f1 "ok"']  # f3 still reads what f5 is to write
    assert run.finish(3) == ['settle f3 "ok"', "start f5"]


@pytest.mark.parametrize("event", [Cancel(1), Timeout(1)])
def test_a_running_reader_is_settled_at_once_and_frees_its_keys_but_not_its_slot(event: Event) -> None:
    run = Run(max_running=2)
    run.issue("read", path="a")
    run.issue("write", path="a", text="x")
    kind = "cancelled" if isinstance(event, Cancel) else "timeout"
    assert run.feed(event) == [f"settle f1 {kind}", "stop f1", "start f2"]
    assert run.error(1).effects == "none"
    assert run.error(1).retryable
    assert run.issue("pure", x=1) == []  # two tools are under way
    assert run.finish(1, "dropped") == ["start f3"]
    assert run.error(1).kind == kind


@pytest.mark.parametrize("event", [Cancel(1), Timeout(1)])
@pytest.mark.parametrize("end", [End(1), Finish(1, "late"), Fail(1, BOOM)])
def test_a_running_writer_is_in_doubt_and_keeps_its_keys_until_its_end(event: Event, end: Event) -> None:
    run = Run()
    run.issue("write", path="a", text="x")
    run.issue("read", path="a")
    run.issue("pure", x=Ref(1))
    settled = run.feed(event)
    assert settled[0].startswith("settle f1 ")
    assert settled[1:] == ["stop f1", "settle f3 dependency_failed"]
    assert run.error(1).effects == "unknown"
    assert not run.error(1).retryable
    assert run.scheduler.futures[1] == Resolved(run.error(1), in_doubt=True)
    assert run.issue("write", path="a", text="y") == []
    assert run.issue("read", path="b") == ["start f5"]
    assert run.feed(end) == ["start f2"]
    assert run.scheduler.futures[1] == Resolved(run.error(1))


def test_an_irreversible_call_is_in_doubt_though_it_declares_no_write() -> None:
    run = Run()
    run.issue("launch")
    assert run.feed(Timeout(1)) == ["settle f1 timeout", "stop f1"]
    assert run.error(1).effects == "unknown"
    assert not run.error(1).retryable


def test_a_settled_call_can_be_cancelled_to_no_effect() -> None:
    run = Run()
    run.issue("write", path="a", text="x")
    run.feed(Cancel(1))
    assert run.feed(Cancel(1)) == run.feed(Timeout(1)) == []
    run.feed(End(1))
    assert run.feed(Cancel(1)) == []
    assert run.error(1).kind == "cancelled"


def test_a_commuting_call_does_not_overtake_one_in_doubt() -> None:
    run = Run()
    run.issue("add", key="a")
    run.feed(Timeout(1))
    assert run.issue("add", key="a") == []
    assert run.feed(End(1)) == ["start f2"]


def test_a_touch_of_a_call_in_doubt_is_answered_at_once() -> None:
    run = Run()
    run.issue("write", path="a", text="x")
    run.feed(Touch((1,)))
    assert run.feed(Timeout(1)) == ["settle f1 timeout", "resume [1]", "stop f1"]


def test_a_failure_is_fed_as_fail_not_as_a_value() -> None:
    run = Run()
    run.issue("read", path="a")
    with pytest.raises(ProtocolError, match="fed as Fail"):
        run.scheduler.feed(Finish(1, ErrorValue("tool_error", "boom")))
