"""Ten thousand calls are no problem: no recursion, no growth of messages, the same end as in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from asyncfc_sim.core.events import Cancel, Fail, Issue, Start
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Call, Done, Program, Statement
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.verify.walk import walk

N = 10_000
TOOLS = {
    "undeclared": Tool("undeclared"),
    "write": Tool("write", Declaration(writes=["k:{path}"])),
    "next": Tool("next", Declaration()),
    "fail": Tool("fail", Declaration()),
}


def execute(future: int, tool: str, args: Mapping[str, Any]) -> Value:
    if tool == "fail":
        return ErrorValue("tool_error", "boom")
    return args["n"] + 1 if tool == "next" else "ok"


def chain(first: str) -> list[Statement]:
    return [Call(1, first, {"n": 0}), *(Call(future, "next", {"n": Ref(future - 1)}) for future in range(2, N + 1))]


PROGRAMS: dict[str, list[Statement]] = {
    "all default": [Call(future, "undeclared") for future in range(1, N + 1)],
    "all disjoint": [Call(future, "write", {"path": f"p{future}"}) for future in range(1, N + 1)],
    "one data chain": chain("next"),
    "one poisoned chain": chain("fail"),
    "one address chain": [
        Call(1, "next", {"n": 0}),
        *(Call(future, "write", {"path": Ref(1)}) for future in range(2, N + 1)),
    ],
}


@pytest.mark.parametrize("first", ["decoder", "tools"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_ten_thousand_calls(name: str, first: str) -> None:
    """With the decoder ahead, all calls are open at once; with the tools ahead, one or few are."""
    program = Program((*PROGRAMS[name], Done((Ref(N),))))
    under_way = 0

    def watch(scheduler: Scheduler) -> None:
        nonlocal under_way
        under_way = max(under_way, len(scheduler._slots.running))

    outcome, _ = walk(
        program, TOOLS, execute, lambda n: 0 if first == "decoder" else n - 1, max_running=64, watch=watch
    )
    assert outcome == run_sequential(program, TOOLS, execute)
    match name:
        case "one data chain":
            assert outcome.answer == (N,)
        case "one poisoned chain":
            error = ErrorValue("dependency_failed", "it needs $f1, which failed: boom", origin=1)
            assert outcome.answer == (error,)
        case "all disjoint":
            assert under_way == (8 if first == "decoder" else 1)
        case "all default":
            assert under_way == 1


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
def test_ten_thousand_calls_after_a_failure(failure: Failure) -> None:
    scheduler = Scheduler(TOOLS, failure=failure)
    scheduler.feed(Issue(Call(1, "fail")))
    for future in range(2, N + 1):
        scheduler.feed(Issue(Call(future, "write", {"path": f"p{future % 100}", "text": Ref(1)})))
    scheduler.feed(Fail(1, ErrorValue("tool_error", "boom")))
    assert len(scheduler.values) == (1 if failure == "strict" else N)


def test_ten_thousand_calls_are_cancelled() -> None:
    scheduler = Scheduler(TOOLS)
    starts = [action for n in range(1, N + 1) for action in scheduler.feed(Issue(Call(n, "undeclared")))]
    assert len(starts) == 1
    for future in range(2, N + 1):
        assert not any(isinstance(action, Start) for action in scheduler.feed(Cancel(future)))
    assert len(scheduler.values) == N - 1
