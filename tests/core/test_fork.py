"""`fork` copies a state, `key` names it: what the explorer relies on when it drops a state that it has seen before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.events import Deliver, Event, Fail, Finish, Issue, Touch
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.syntax import Call, calls_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue
from tests.random_events import legal_events, random_events
from tests.toy_programs import toy_programs
from tests.toys import TOOLS

failures: st.SearchStrategy[Failure] = st.sampled_from(["poison", "barrier", "strict"])
caps = st.sampled_from([1, 2, 32])


def calls_of(program: Any) -> list[Call]:
    return list(calls_in(program.body))


@settings(max_examples=60)
@given(program=toy_programs(), failure=failures, cap=caps, data=st.data())
def test_a_fork_lives_its_own_life(program: Any, failure: Failure, cap: int, data: st.DataObject) -> None:
    def choose(n: int) -> int:
        return data.draw(st.integers(0, n - 1))

    calls = calls_of(program)
    scheduler = Scheduler(TOOLS, failure=failure, max_running=cap)
    list(random_events(scheduler, calls, choose, data.draw(st.integers(0, 12))))
    key, twin = scheduler.key(), scheduler.fork()
    assert twin.key() == key

    shadow = scheduler.fork()  # what the original does when it is left alone
    events = list(random_events(twin, calls, choose, 8))
    assert scheduler.key() == key, events
    assert [scheduler.feed(event) for event in events] == [shadow.feed(event) for event in events]
    assert scheduler.key() == twin.key() == shadow.key()


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
def test_states_with_equal_keys_behave_alike(failure: Failure) -> None:
    """Reach the same states by different routes; from each, the same events give the same actions."""
    rng = np.random.default_rng(20)
    met_again = 0
    calls = [
        Call(1, "read", {"path": "ptr"}),
        Call(2, "write", {"path": Ref(1), "text": "x"}),
        Call(3, "add", {"n": 1}),
        Call(4, "add", {"n": 2}),
        Call(5, "send", {"body": Ref(2)}),
        Call(6, "ls", {}),
        Call(7, "pure", {"x": Ref(1, ("x",))}),
    ]
    first: dict[tuple[object, ...], Scheduler] = {}
    for _ in range(70):
        scheduler = Scheduler(TOOLS, failure=failure, max_running=2)
        for _ in random_events(scheduler, calls, lambda n: int(rng.integers(n)), 9):
            known = first.setdefault(scheduler.key(), scheduler.fork())
            left, right = known.fork(), scheduler.fork()
            assert legal_events(left, calls) == legal_events(right, calls)
            met_again += 1
            for _ in range(4):
                events = legal_events(left, calls)
                event = events[int(rng.integers(len(events)))]
                assert left.feed(event) == right.feed(event)
                assert left.key() == right.key()
    assert met_again - len(first) > 50, "the same state must be reached more than once for this to say anything"


def replay(events: list[Event], failure: Failure = "poison", **caps: int) -> Scheduler:
    tools = {name: Tool(name, Declaration()) for name in ("pure", "slow")} | {"write": TOOLS["write"]}
    scheduler = Scheduler(tools, failure=failure, **caps)
    for event in events:
        scheduler.feed(event)
    return scheduler


def issue(future: int, tool: str = "pure", **args: object) -> Issue:
    return Issue(Call(future, tool, args))


ERROR = ErrorValue("tool_error", "boom", 1)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([issue(1), Finish(1, 1)], [issue(1), Finish(1, True)]),
        ([issue(1), Finish(1, 1)], [issue(1), Finish(1, 1.0)]),
        ([issue(1), Finish(1, None)], [issue(1), Finish(1, "null")]),
        ([issue(1), Finish(1, ERROR.to_json())], [issue(1), Fail(1, ERROR)]),  # data that looks like an error
        ([issue(1, x=1)], [issue(1, x=True)]),
        ([issue(1, x="$f1")], [issue(1, x="$$f1")]),
        ([issue(1), Fail(1, ERROR)], [issue(1), Fail(1, ERROR), Deliver((1,))]),
        ([issue(1), issue(2), Touch((1, 2))], [issue(1), issue(2), Touch((1, 2), any=True)]),
    ],
)
def test_keys_differ_where_behaviour_may(left: list[Event], right: list[Event]) -> None:
    assert replay(left).key() == replay(left).key()
    assert replay(left).key() != replay(right).key()


def test_keys_differ_where_different_tools_of_cut_calls_are_under_way() -> None:
    """A cut call keeps its slot, and slots are counted per tool."""
    runs = [replay([issue(1, "slow"), issue(2, tool), Fail(1, ERROR)], "strict") for tool in ("slow", "pure")]
    assert runs[0].key() != runs[1].key()


def test_keys_differ_where_more_numbers_are_used_up() -> None:
    def run(last: int) -> Scheduler:
        events: list[Event] = [issue(1), issue(2), Fail(2, ERROR), Touch((2,))]
        events += [issue(future, x=Ref(1)) for future in range(3, last + 1)]
        return replay([*events, Finish(1, 0)], "strict")

    assert list(run(3).futures) == list(run(5).futures) == [1, 2]
    assert run(3).key() != run(5).key()
