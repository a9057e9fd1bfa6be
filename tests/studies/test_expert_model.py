"""The expert, under any policy and with tools of any duration, does what is expected of a task."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest

from asyncfc_sim._resources import data_path
from asyncfc_sim.core.certificate import Certified
from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.live.agent import LIVE_GUARDS
from asyncfc_sim.studies.expert_model import expert_run
from asyncfc_sim.workloads.office.judge import expected
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task

POLICIES = [
    policy_named("sync"),
    policy_named("sync_parallel"),
    policy_named("early_start"),
    policy_named("blind", **LIVE_GUARDS),
    *(
        policy_named("asyncfc", grace_s=grace_s, delivery=delivery, **LIVE_GUARDS)
        for grace_s in (0.0, "auto")
        for delivery in ("on_touch", "when_idle", "rewrite")
    ),
]


def some_tasks(n: int, seed: int = 3) -> list[OfficeTask]:
    rng = np.random.default_rng(seed)
    return [random_task(rng) for _ in range(n)]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy.name} {policy.grace_s} {policy.delivery}")
def test_an_expert_does_what_is_expected(policy: Policy) -> None:
    rng = np.random.default_rng(5)
    beside = 0
    for task in some_tasks(25):
        did = expert_run(task, policy, rng)
        assert did.outcome == expected(task)[0]
        assert isinstance(did.run.certificate.verdict, Certified)
        beside += did.run.saved.saving_s > 0
    assert (beside > 0) == (policy.max_running > 1)


def test_what_an_expert_decides_on_it_says_before_it_acts() -> None:
    rng = np.random.default_rng(5)
    said: Counter[str] = Counter()
    for task in [random_task(rng, conditional=1.0) for _ in range(20)]:
        for message in expert_run(task, policy_named("asyncfc", **LIVE_GUARDS), rng).run.messages:
            names = [call["function"]["name"] for call in message.get("tool_calls", ())]
            if "send_message" in names or "book_room" in names:
                literal, seen, verdict = message["content"].split(". ")[0].rstrip(".").replace("?", ":").split(": ")
                assert verdict == ("yes" if literal == seen else "no")
                assert names[0] == ("send_message" if verdict == "yes" else "book_room")
                said[verdict] += 1
    assert min(said["yes"], said["no"]) > 0


def test_a_model_that_learns_from_an_expert_sees_every_way_in_which_two_calls_are_answered() -> None:
    """Each of them pending, or with its value; else it would be at a loss where it is run."""
    rng = np.random.default_rng(7)
    seen: Counter[tuple[bool, ...]] = Counter()
    for task in some_tasks(150):
        messages = expert_run(task, policy_named("asyncfc", **LIVE_GUARDS), rng).run.messages
        for place, message in enumerate(messages):
            if len(message.get("tool_calls", ())) == 2:
                answers = messages[place + 1 : place + 3]
                seen[tuple('"pending"' in str(answer["content"]) for answer in answers)] += 1
    assert min(seen[first, last] for first in (True, False) for last in (True, False)) > 0


EVALUATE = data_path("models", "tiny-futures") / "evaluate.py"


def test_where_nothing_answers_the_tiny_model_is_not_said_to_be_wrong() -> None:
    words = [sys.executable, str(EVALUATE), "--base-url", "http://127.0.0.1:1/v1", "--policy", "sync"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "error: cannot reach http://127.0.0.1:1/v1" in done.stderr


def test_by_the_measure_of_the_tiny_model_an_expert_makes_no_mistake() -> None:
    """Also where what a reference names fails, so that the call never starts and shows what it would have been."""
    spec = spec_from_file_location("evaluate", EVALUATE)
    assert spec is not None
    assert spec.loader is not None
    evaluate = module_from_spec(spec)
    spec.loader.exec_module(evaluate)
    counted: Counter[str] = Counter()
    for task in some_tasks(40):
        run = expert_run(task, policy_named("asyncfc", **LIVE_GUARDS), np.random.default_rng(5)).run
        counted += evaluate.references(run.trace, expected(task)[1])
        failed = [event for event in run.trace.events if event.rule == "fail"]
        counted["unfilled"] += sum(event.fields["error"]["kind"] == "dependency_failed" for event in failed)
    assert counted["unfilled"] > 0
    assert counted["references right"] == counted["references"] > 50
