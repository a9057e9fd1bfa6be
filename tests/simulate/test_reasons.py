"""What is no longest path is refused, with the reason; and the same arm without that reason is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asyncfc_sim.core.policy import INTERRUPT, Policy
from asyncfc_sim.simulate.experiment import Arm
from asyncfc_sim.simulate.max_plus import NotVectorised, compile_network
from asyncfc_sim.workloads.workload import Task
from tests.simulate.samples import PAPER, timed
from tests.toy_tasks import calls, shows_all, task
from tests.toys import TOOLS

TWO = shows_all(calls(("pure", {"x": 1}), ("pure", {"x": 2})))
THREE = shows_all(calls(("pure", {"x": 1}), ("pure", {"x": 2}), ("pure", {"x": 3})))


def refused(told: Task, policy: Policy, reason: str, **more: Any) -> None:
    with pytest.raises(NotVectorised, match=reason):
        compile_network(told, Arm("arm", policy, "call", **more), timed())


def accepted(told: Task, policy: Policy, **more: Any) -> None:
    compile_network(told, Arm("arm", policy, "call", **more), timed())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"grace_s": "auto"}, r"grace of 0\.5 s"),
        ({"grace_s": 0.25}, r"grace of 0\.25 s"),
        ({"delivery": "when_idle"}, "delivery when_idle"),
        ({"delivery": "rewrite"}, "delivery rewrite"),
        ({"duplicates": "share"}, "duplicates=share"),
        ({"duplicates": "refuse"}, "duplicates=refuse"),
        ({"max_awaits": 1}, "max_awaits"),
        ({"retries": 1}, "tried again"),
        ({"max_requests": 2}, "gives up"),
        ({"max_pending": 1}, "more than 1 calls may be pending"),
        ({"max_running": 2}, "3 calls may be ready at once, and 2 may run"),
        ({"max_running_per_tool": 2}, "3 calls of pure may be ready at once, and 2 may run"),
    ],
)
def test_a_policy_that_watches_the_clock_is_refused(change: dict[str, Any], reason: str) -> None:
    refused(task(THREE), replace(PAPER, **change), reason)
    accepted(task(THREE), PAPER)


def test_interrupt_is_refused() -> None:
    refused(task(TWO), INTERRUPT, "delivery when_idle")


def test_a_cap_that_is_never_reached_does_no_harm() -> None:
    accepted(task(TWO), replace(PAPER, max_running=2, max_running_per_tool=2))
    chain = shows_all(calls(*(("append", {"path": "a", "text": "x"}) for _ in range(3))))
    accepted(task(chain), replace(PAPER, max_running=2, max_running_per_tool=2))
    accepted(task(THREE), replace(PAPER, max_running=1))


def test_a_model_that_awaits_by_chance_is_refused_and_one_that_always_does_is_not() -> None:
    refused(task(TWO), PAPER, r"await rate 0\.5", await_rate=0.5)
    accepted(task(TWO), PAPER, await_rate=1.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"approval": True}, "approval"),
        ({"timeout_s": 5.0}, "time out"),
        ({"commutes_with": frozenset({"pure"})}, "commute"),
        ({"concurrency": 1}, "2 calls of pure may be ready at once, and 1 may run"),
    ],
)
def test_a_tool_with_a_will_of_its_own_is_refused(change: dict[str, Any], reason: str) -> None:
    tools = {**TOOLS, "pure": replace(TOOLS["pure"], **change)}
    refused(task(TWO, tools=tools), PAPER, reason)
    read = shows_all(calls(("read", {"path": "a"})))
    accepted(task(read, tools=tools), PAPER)  # it is not called


def test_strict_is_refused_where_a_call_fails() -> None:
    strict = replace(PAPER, failure="strict")
    refused(task(shows_all(calls(("fail", {})))), strict, "strict")
    accepted(task(TWO), strict)
    accepted(task(shows_all(calls(("fail", {})))), replace(PAPER, failure="barrier"))
