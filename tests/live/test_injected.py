"""Injected latencies: the same call takes as long under each policy, and no run hides that it had them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.injected import Injection
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.studies.expert_model import ExpertModel
from asyncfc_sim.studies.injection import InjectionError, injection
from asyncfc_sim.workloads.office.expert import Expert
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task
from asyncfc_sim.workloads.office.tools import office_tools
from tests.bench_model import SumModel


def lived(task: OfficeTask, policy: str, inject: Injection | None) -> AgentRun:
    named = policy_named(policy)
    with Office() as office:
        model = ExpertModel(Expert(task, named.references), np.random.default_rng(0))
        agent = Agent(model, office_tools(office), policy=named, inject=inject)
        return virtual_clock.run(agent.run(*task.prompts))


def took_s(run: AgentRun) -> dict[str, float]:
    """Seconds of each call that ran, by its tool and what it was given."""
    began: dict[int, tuple[str, float]] = {}
    took: dict[str, float] = {}
    for t, rule, fields in run.trace.events:
        if rule == "start":
            began[fields["future"]] = (f"{fields['tool']} {fields['args']}", t)
        elif rule in ("finish", "fail") and fields["future"] in began:
            name, start_s = began[fields["future"]]
            took[name] = round(t - start_s, 9)
    return took


@pytest.mark.parametrize("seed", range(8))
def test_the_same_call_takes_as_long_under_every_policy(seed: int) -> None:
    task = random_task(np.random.default_rng(seed))
    inject = injection(load_durations("office"), 0.1, seed=1)
    runs = {policy: took_s(lived(task, policy, inject)) for policy in ("sync", "sync_parallel", "asyncfc")}
    assert runs["sync"] == runs["sync_parallel"] == runs["asyncfc"]
    assert min(runs["sync"].values()) > 0


def test_it_depends_on_the_seed_the_conversation_the_call_and_how_often_it_was_made() -> None:
    seconds = injection(load_durations("default"), seed=1).seconds
    one = seconds("hello", "look", '{"x":1}', 0)
    others = [
        injection(load_durations("default"), seed=2).seconds("hello", "look", '{"x":1}', 0),
        seconds("hallo", "look", '{"x":1}', 0),
        seconds("hello", "look", '{"x":2}', 0),
        seconds("hello", "look", '{"x":1}', 1),
    ]
    assert one == seconds("hello", "look", '{"x":1}', 0)
    assert one not in others


def test_a_scale_scales_and_zero_is_no_latency() -> None:
    profile = load_durations("default")
    whole, tenth, none = (injection(profile, scale).seconds("p", "t", "{}", 0) for scale in (1.0, 0.1, 0.0))
    assert tenth == pytest.approx(whole / 10)
    assert none == 0
    with pytest.raises(InjectionError, match="expected a number, 0 or more"):
        injection(profile, -1.0)


def test_a_run_says_that_latencies_were_injected_and_one_without_does_not() -> None:
    task = random_task(np.random.default_rng(0))
    inject = injection(load_durations("office"), 0.5, seed=7)
    said = "drawn from the profile office, times 0.5, seed 7"
    with_them, without = lived(task, "sync", inject), lived(task, "sync", None)
    assert with_them.trace.header.inputs["injected"] == said
    assert f"latencies of tools were injected: {said}" in with_them.notes
    assert "injected" not in without.trace.header.inputs
    assert not [note for note in without.notes if "injected" in note]


def test_what_a_tool_is_known_by_stays_as_it_is() -> None:
    inject = injection(load_durations("office"))

    def shown(task: OfficeTask, inject: Injection | None) -> list[dict[str, Any]]:
        with Office() as office:
            model = ExpertModel(Expert(task, references=False), np.random.default_rng(0))
            virtual_clock.run(Agent(model, office_tools(office), policy="sync", inject=inject).run(*task.prompts))
            return model.tools

    task = random_task(np.random.default_rng(0))
    assert shown(task, inject) == shown(task, None)


def test_a_function_that_blocks_the_loop_is_still_told_of() -> None:
    async def population(city: str) -> int:
        time.sleep(0.15)
        return 1

    run = Agent(SumModel(token_s=0.0), [population], policy="sync", inject=injection(load_durations("office"), 0.0))
    notes = run.run_sync("go").notes
    assert any("population" in note and "block" in note for note in notes)
