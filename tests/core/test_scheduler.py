"""Each rule and each gate of the scheduler: these events, these actions.

Actions are compared as short texts (`start f1`, `settle f1 "x"`), which is how the rules read. What a rule means for a
whole run is in test_scheduler_meaning.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from asyncfc_sim.core.events import (
    Action,
    Cancel,
    Cut,
    Deliver,
    Drain,
    Drained,
    End,
    Event,
    Fail,
    Finish,
    Issue,
    Pending,
    ProtocolError,
    Resolved,
    Resume,
    Running,
    Settle,
    Start,
    Stop,
    Timeout,
    Touch,
    Wake,
)
from asyncfc_sim.core.footprint import EVERYTHING, Declaration, Footprint, parse_pattern
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value, canonical

TOOLS = {
    "read": Tool("read", Declaration(reads=["k:{path}"])),
    "write": Tool("write", Declaration(writes=["k:{path}"])),
    "ls": Tool("ls", Declaration(reads=["k:{path}/*"])),
    "add": Tool("add", Declaration(writes=["n:{key}"]), commutes_with=frozenset({"add", "sub"})),
    "sub": Tool("sub", Declaration(writes=["n:{key}"])),
    "send": Tool("send", Declaration(writes=["outbox"]), irreversible=True),
    "launch": Tool("launch", Declaration(), irreversible=True),
    "pure": Tool("pure", Declaration()),
    "slow": Tool("slow", Declaration(), concurrency=1),
    "undeclared": Tool("undeclared"),
    "move": Tool("move", Declaration(writes=lambda args: [f"k:{args['path']}"], bound_writes=("k:*",))),
}
BOOM = ErrorValue("tool_error", "boom")


class Run:
    """A scheduler, fed with events; says its actions in short."""

    def __init__(self, failure: Failure = "poison", **caps: int) -> None:
        self.scheduler = Scheduler(TOOLS, failure=failure, **caps)
        self.last = 0

    def feed(self, *events: Event) -> list[str]:
        return [short(action) for event in events for action in self.scheduler.feed(event)]

    def issue(self, tool: str, /, **args: Any) -> list[str]:
        self.last += 1
        return self.feed(Issue(Call(self.last, tool, args)))

    def finish(self, future: int, value: Value = "ok") -> list[str]:
        return self.feed(Finish(future, value))

    def fail(self, future: int, error: ErrorValue = BOOM) -> list[str]:
        return self.feed(Fail(future, error))

    def error(self, future: int) -> ErrorValue:
        value = self.scheduler.values[future]
        assert isinstance(value, ErrorValue)
        return value

    def under_way(self) -> list[int]:
        return [future for future, state in self.scheduler.futures.items() if isinstance(state, Running)]

    def refuses(self, event: Event, reason: str) -> None:
        """A fault of the driver is refused, and the state is as it was."""
        before = self.scheduler.key()
        with pytest.raises(ProtocolError, match=reason):
            self.scheduler.feed(event)
        assert self.scheduler.key() == before


def short(action: Action) -> str:
    match action:
        case Start(future):
            return f"start f{future}"
        case Settle(future, value):
            return f"settle f{future} {value.kind if isinstance(value, ErrorValue) else canonical(value)}"
        case Resume(values):
            return f"resume {sorted(values)}"
        case Stop(future):
            return f"stop f{future}"
        case Cut(future):
            return f"cut f{future}"
        case Drained():
            return "drained"


def writes(*patterns: str) -> Footprint:
    return Footprint(writes=tuple(map(parse_pattern, patterns)))


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
    assert run.issue("undeclared") == ["start f4"] or run.under_way() == [2]  # it holds no keys
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
