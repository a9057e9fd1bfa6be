"""Each rule and each gate of the scheduler: these events, these actions.

Failures, cancelling and the decoder have files of their own; what the rules mean for a whole run is in
test_scheduler_meaning.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from asyncfc_sim.core.events import (
    Cancel,
    Finish,
    Issue,
    Pending,
    Resolved,
    Running,
    Settle,
    Start,
)
from asyncfc_sim.core.footprint import EVERYTHING, Declaration, Footprint, parse_pattern
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue
from tests.scheduler_run import TOOLS, Run, short, writes

# ----------------------------------------------------------------------------------- issue, start, finish and fail


def test_a_call_that_waits_for_nothing_starts_when_it_is_issued() -> None:
    scheduler = Scheduler(TOOLS)
    assert scheduler.feed(Issue(Call(1, "write", {"path": "a", "text": "x"}))) == [
        Start(1, "write", {"path": "a", "text": "x"}, writes("k:a"))
    ]
    assert scheduler.feed(Finish(1, {"n": 1})) == [Settle(1, {"n": 1})]
    assert scheduler.values == {1: {"n": 1}}
    assert scheduler.futures == {1: Resolved({"n": 1})}


def test_arguments_are_bound_when_the_last_of_them_resolves() -> None:
    run = Run()
    run.issue("read", path="a")
    run.issue("read", path="b")
    assert run.issue("pure", x=[Ref(1, ("id",)), Ref(2)]) == []
    assert run.finish(2, "two") == ['settle f2 "two"']
    assert run.scheduler.feed(Finish(1, {"id": 1})) == [
        Settle(1, {"id": 1}),
        Start(3, "pure", {"x": [1, "two"]}, Footprint()),
    ]


def test_a_failed_call_resolves_to_its_error_which_names_it() -> None:
    run = Run()
    run.issue("read", path="a")
    assert run.fail(1) == ["settle f1 tool_error"]
    assert run.error(1) == ErrorValue("tool_error", "boom", origin=1)


def test_poison_dependents_resolve_to_an_error_that_names_the_origin_and_the_rest_goes_on() -> None:
    run = Run()
    run.issue("read", path="a")
    run.issue("write", path="b", text=Ref(1))
    run.issue("pure", x=Ref(2))
    assert run.issue("read", path="b") == []  # f2 may still write it
    assert sorted(run.fail(1)) == [
        "settle f1 tool_error",
        "settle f2 dependency_failed",
        "settle f3 dependency_failed",
        "start f4",
    ]
    assert run.error(3) == ErrorValue("dependency_failed", "it needs $f1, which failed: boom", origin=1)
    assert run.finish(4) == ['settle f4 "ok"']


def test_poison_waits_until_all_producers_are_resolved() -> None:
    """So that the error is that of the first bad argument, as in the sequential run."""
    run = Run()
    for _ in range(2):
        run.issue("pure", x=1)
    run.issue("pure", x=[Ref(1), Ref(2)])
    assert run.fail(2) == ["settle f2 tool_error"]
    assert run.fail(1) == ["settle f1 tool_error", "settle f3 dependency_failed"]
    assert run.error(3).origin == 1


@pytest.mark.parametrize("future", [1, 2, 9])
def test_a_reference_to_no_earlier_future_is_an_error_value(future: int) -> None:
    run = Run()
    run.scheduler.feed(Issue(Call(1, "pure", {})))
    assert run.feed(Issue(Call(2, "pure", {"x": Ref(future)}))) == (
        [] if future == 1 else ["settle f2 invalid_reference"]
    )


def test_an_unknown_tool_is_an_error_value_once_its_arguments_are_known() -> None:
    run = Run()
    assert run.issue("nope") == ["settle f1 invalid_argument"]
    run.issue("pure", x=1)
    assert run.issue("nope", x=Ref(2)) == []
    assert run.issue("undeclared") == ["start f4"]  # f3 holds no keys
    assert "settle f3 invalid_argument" in run.finish(2)


def test_validation_may_change_arguments_or_refuse_them() -> None:
    def validate(args: Mapping[str, Any]) -> Mapping[str, Any] | ErrorValue:
        if args["n"] == "many":
            return ErrorValue("invalid_argument", "n is a number")
        return {"n": int(args["n"])}

    scheduler = Scheduler({"t": Tool("t", Declaration(writes=["n:{n}"]), validate=validate)})
    assert scheduler.feed(Issue(Call(1, "t", {"n": "5"}))) == [Start(1, "t", {"n": 5}, writes("n:5"))]
    assert scheduler.feed(Issue(Call(2, "t", {"n": "many"}))) == [
        Settle(2, ErrorValue("invalid_argument", "n is a number", origin=2))
    ]


def test_validation_cannot_move_a_call_out_of_the_way_it_was_in() -> None:
    """write(path="A", text=$f1) holds k:A while it waits, so read(path="a") overtakes it; then it may not write k:a."""
    lower = Tool("write", Declaration(writes=["k:{path}"]), validate=lambda args: {"path": args["path"].lower()})
    scheduler = Scheduler({**TOOLS, "write": lower})
    scheduler.feed(Issue(Call(1, "pure", {})))
    scheduler.feed(Issue(Call(2, "write", {"path": "A", "text": Ref(1)})))
    assert [short(action) for action in scheduler.feed(Issue(Call(3, "read", {"path": "a"})))] == ["start f3"]
    settled = scheduler.feed(Finish(1, "x"))
    assert [short(action) for action in settled] == ['settle f1 "x"', "settle f2 invalid_argument"]


def test_a_footprint_outside_its_bound_is_an_error_value() -> None:
    run = Run()
    assert run.issue("move", path="../n/x") == ["settle f1 invalid_argument"]
    assert run.issue("write", path="../n/x") == ["settle f2 invalid_argument"]
    assert run.issue("move", path="a") == ["start f3"]


# -------------------------------------------------------------------------------------------------- quiet


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (("read", "a"), ("read", "a"), True),
        (("write", "a"), ("read", "a"), False),  # RAW
        (("read", "a"), ("write", "a"), False),  # WAR
        (("write", "a"), ("write", "a"), False),  # WAW
        (("write", "a"), ("write", "b"), True),
        (("write", "d/x"), ("ls", "d"), False),  # PHANTOM
        (("ls", "d"), ("write", "d/new"), False),  # PHANTOM2
        (("ls", "d"), ("write", "e/new"), True),
        (("ls", "d"), ("write", "d"), False),  # d/* is d, too
        (("undeclared", "a"), ("pure", "a"), True),
        (("undeclared", "a"), ("read", "b"), False),
        (("undeclared", "a"), ("undeclared", "b"), False),
    ],
)
def test_conflicting_calls_run_in_issue_order_and_others_overlap(
    first: tuple[str, str], second: tuple[str, str], overlap: bool
) -> None:
    run = Run()
    assert run.issue(first[0], path=first[1]) == ["start f1"]
    assert run.issue(second[0], path=second[1]) == (["start f2"] if overlap else [])
    assert run.finish(1) == ['settle f1 "ok"'] + ([] if overlap else ["start f2"])


def test_a_ready_call_waits_behind_one_that_is_not_ready() -> None:
    """LATEARG: f1=read(b); f2=write(a, $f1); f3=write(a, "!")."""
    run = Run()
    run.issue("read", path="b")
    run.issue("write", path="a", text=Ref(1))
    assert run.issue("write", path="a", text="!") == []
    assert run.finish(1) == ['settle f1 "ok"', "start f2"]
    assert run.finish(2) == ['settle f2 "ok"', "start f3"]


def test_alias_miss_an_unknown_key_holds_its_region_until_it_is_known() -> None:
    """f1=read(ptrb); f2=write($f1, "x"); f3=read(a): f3 waits for f1, and then overlaps f2."""
    run = Run()
    run.issue("read", path="ptrb")
    assert run.issue("write", path=Ref(1), text="x") == []
    assert run.issue("read", path="a") == []
    assert sorted(run.finish(1, "b")) == ['settle f1 "b"', "start f2", "start f3"]
    assert run.under_way() == [2, 3]


def test_alias_raw_the_same_program_waits_where_the_keys_turn_out_to_be_equal() -> None:
    run = Run()
    run.issue("read", path="ptr")
    run.issue("write", path=Ref(1), text="x")
    run.issue("read", path="a")
    assert run.finish(1, "a") == ['settle f1 "a"', "start f2"]
    assert run.finish(2) == ['settle f2 "ok"', "start f3"]


def test_a_region_bounds_what_is_unknown_so_that_others_need_not_wait() -> None:
    run = Run()
    run.issue("pure", x="d")
    run.issue("write", path=Ref(1), text="x")
    assert run.issue("send", body="no key in k:") == []  # irreversible: the barrier
    assert run.issue("sub", key="n") == ["start f4"]
    assert run.issue("read", path="a") == []


def test_one_argument_more_that_is_known_shrinks_the_region() -> None:
    put = Tool("put", Declaration(writes=["k:{folder}/{name}"]))
    run = Run()
    run.scheduler = Scheduler({**TOOLS, "put": put})
    for _ in range(2):
        run.issue("pure", x="x")
    run.issue("put", folder=Ref(1), name=Ref(2))
    assert run.issue("read", path="e/x") == []
    assert run.finish(1, "d") == ['settle f1 "d"', "start f4"]
    assert run.issue("read", path="d/y") == []
    assert sorted(run.finish(2, "x")) == ['settle f2 "x"', "start f3", "start f5"]


def test_an_undeclared_tool_waits_for_all_and_all_wait_for_it() -> None:
    run = Run()
    run.issue("read", path="a")
    assert run.issue("undeclared") == []
    assert run.issue("read", path="b") == []
    assert run.finish(1) == ['settle f1 "ok"', "start f2"]
    assert run.scheduler.feed(Finish(2, None)) == [
        Settle(2, None),
        Start(3, "read", {"path": "b"}, Footprint(reads=(parse_pattern("k:b"),))),
    ]
    assert TOOLS["undeclared"].footprint({}) == EVERYTHING


# -------------------------------------------------------------------------------------------------- commuting calls


def test_commuting_calls_overtake_but_never_run_at_the_same_time() -> None:
    run = Run()
    run.issue("pure", x=1)
    assert run.issue("add", key=Ref(1)) == []
    assert run.issue("add", key="a") == ["start f3"]  # it overtakes f2, whose key is not known
    assert run.issue("sub", key="a") == []  # said by add, it holds for sub, too
    assert run.finish(1, "a") == ['settle f1 "a"']  # f3 is under way
    assert run.finish(3) == ['settle f3 "ok"', "start f2"]
    assert run.finish(2) == ['settle f2 "ok"', "start f4"]


def test_commuting_calls_on_other_keys_overlap() -> None:
    run = Run()
    assert run.issue("add", key="a") == ["start f1"]
    assert run.issue("add", key="b") == ["start f2"]


def test_what_does_not_commute_keeps_its_place_between_calls_that_do() -> None:
    run = Run()
    assert run.issue("add", key="a") == ["start f1"]
    run.issue("undeclared")
    assert run.issue("add", key="a") == []
    assert run.finish(1) == ['settle f1 "ok"', "start f2"]
    assert run.finish(2) == ['settle f2 "ok"', "start f3"]


def test_sub_does_not_commute_with_itself() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.issue("sub", key=Ref(1))
    assert run.issue("sub", key="a") == []


def test_commuting_calls_that_wait_for_a_slot_start_one_by_one() -> None:
    run = Run(max_running=2)
    run.issue("pure", x=1)
    run.issue("pure", x=2)
    run.issue("add", key="a")
    run.issue("add", key="a")
    assert run.finish(1) == ['settle f1 "ok"', "start f3"]
    assert run.finish(2) == ['settle f2 "ok"']
    assert run.finish(3) == ['settle f3 "ok"', "start f4"]


# -------------------------------------------------------------------------------------------------- slots


def test_the_cap_in_all_hands_out_slots_lowest_future_first() -> None:
    run = Run(max_running=1)
    for _ in range(3):
        run.issue("pure", x=1)
    assert run.under_way() == [1]
    assert run.finish(1) == ['settle f1 "ok"', "start f2"]
    assert run.finish(2) == ['settle f2 "ok"', "start f3"]


def test_the_cap_of_a_tool() -> None:
    run = Run(max_running_per_tool=2)
    for _ in range(3):
        run.issue("pure", x=1)
    for _ in range(2):
        run.issue("slow", x=1)
    assert run.under_way() == [1, 2, 4]
    assert run.finish(4) == ['settle f4 "ok"', "start f5"]
    assert run.finish(2) == ['settle f2 "ok"', "start f3"]


def test_a_slot_is_taken_only_by_a_call_that_runs() -> None:
    run = Run(max_running=1)
    run.issue("pure", x=1)
    run.issue("pure", x=Ref(1))
    run.issue("pure", x=2)
    assert run.finish(1) == ['settle f1 "ok"', "start f2"]
    assert run.feed(Cancel(3)) == ["settle f3 cancelled"]
    assert run.finish(2) == ['settle f2 "ok"']


# -------------------------------------------------------------------------------------------------- what can be seen


def test_the_lives_of_a_future() -> None:
    run = Run()
    run.issue("pure", x=1)
    run.issue("write", path=Ref(1), text="x")
    pending = run.scheduler.futures[2]
    assert isinstance(pending, Pending)
    assert (pending.args, pending.footprint) == (None, writes("k:*"))
    run.finish(1, "a")
    running = run.scheduler.futures[2]
    assert isinstance(running, Running)
    assert running.footprint == writes("k:a")


def test_the_latest_conflict_is_that_with_any_open_call() -> None:
    run = Run()
    run.issue("write", path="a", text="x")
    run.issue("write", path="a", text="y")
    assert run.scheduler.latest_conflict(9, writes("k:a")) == 2
    assert run.scheduler.latest_conflict(2, writes("k:a")) == 1
    assert run.scheduler.latest_conflict(9, writes("k:b")) == 0
