"""A run played again from what its model wrote: at its own pace it takes the same time, at another it takes another.

The model is the expert of the office with exact times, on a virtual clock, so that nothing is left to noise.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import LIVE_GUARDS, Agent
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.simulate.decoder import Curve, Decoder, load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.emitted import modelled, play, recorded
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.scaling import scaled_decoder
from asyncfc_sim.studies.injection import injection
from asyncfc_sim.traces.emission import EmissionError, emission
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tools import office_tools
from tests.office_model import OfficeModel, office_tasks

POLICIES = [
    policy_named("sync"),
    policy_named("sync_parallel"),
    policy_named("early_start"),
    policy_named("asyncfc", **LIVE_GUARDS),
    policy_named("asyncfc", grace_s=0.0, delivery="on_touch"),
    policy_named("asyncfc", grace_s=0.2, delivery="rewrite", late_bound=False),
]
TASKS = office_tasks(25, seed=4)
INJECT = injection(load_durations("office"), 0.1, seed=2)


def lived(task: int, policy: Policy, model: OfficeModel | None = None) -> AgentRun:
    with Office() as office:
        agent = Agent(model or OfficeModel(TASKS), office_tools(office), policy=policy, inject=INJECT)
        return virtual_clock.run(agent.run(*TASKS[task].prompts))


def exact(model: OfficeModel) -> Decoder:
    """The timing model that is true of `model`."""

    def figure(value: float) -> Quantity:
        return Quantity(value, "s", 1, "this test", "assumed")

    ttft = Curve(((0, figure(model.ttft_s)),), figure(model.prefill_s))
    return replace(load_decoder("gpt-4o"), ttft=ttft, itl=Curve(((1, figure(model.itl_s)),), figure(0.0)))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy.name}-{policy.grace_s}-{policy.delivery}")
def test_with_the_true_pace_it_takes_exactly_as_long(policy: Policy) -> None:
    decoder = exact(OfficeModel(TASKS))
    for task in range(len(TASKS)):
        run = lived(task, policy)
        given = emission(run.trace, run.messages, references=policy.references)
        again = play(given, policy, run.tools, decoder, modelled(decoder))
        assert again.answered_s == pytest.approx(given.answered_s, abs=1e-6)
        assert (again.requests, again.extra_requests, again.left_out) == (run.requests, 0, 0)
        assert again.gave_up is None


def test_with_the_recorded_times_it_does_whatever_the_model_of_time_says() -> None:
    wrong = load_decoder("gpt-4o")
    noisy = OfficeModel(TASKS, slow_s=lambda request: 0.03 * (request % 5))
    policy = POLICIES[3]
    for task in range(8):
        run = lived(task, policy, noisy)
        given = emission(run.trace, run.messages, references=True)
        again = play(given, policy, run.tools, wrong, recorded)
        assert again.answered_s == pytest.approx(given.answered_s, abs=1e-6)
        assert play(given, policy, run.tools, wrong, modelled(wrong)).answered_s != again.answered_s


def test_what_was_said_is_all_there_and_where_in_its_message_a_call_was_complete() -> None:
    policy, task = POLICIES[4], 3
    run = lived(task, policy)
    given = emission(run.trace, run.messages, references=True)
    written = [call for message in given.messages for call in message.calls]
    chat = [call["function"] for said in run.messages for call in said.get("tool_calls") or ()]
    assert [(call.tool, call.text) for call in written] == [(call["name"], call["arguments"]) for call in chat]
    assert "await_future" in {call.tool for call in written}
    several = next(message for message in given.messages if len(message.calls) > 1)
    complete = [call.complete_s for call in several.calls]
    assert several.ttft_s < complete[0] < complete[-1]
    assert sorted(complete) == complete
    assert complete[-1] == pytest.approx(several.llm_s, abs=1e-6)
    assert len([turn.prompt for turn in given.turns]) == len(TASKS[task].prompts)


def test_slower_tools_and_a_slower_pace_take_longer() -> None:
    policy = POLICIES[3]
    run = lived(3, policy)
    given = emission(run.trace, run.messages, references=True)
    decoder = exact(OfficeModel(TASKS))
    pace = modelled(decoder)
    slower = {future: 3 * seconds for future, seconds in given.call_s.items()}
    base = play(given, policy, run.tools, decoder, pace).answered_s
    assert play(given, policy, run.tools, decoder, pace, call_s=slower).answered_s > base
    assert play(given, policy, run.tools, decoder, modelled(scaled_decoder(decoder, 2))).answered_s > base


def test_a_chat_of_another_run_is_refused() -> None:
    run, other = lived(0, POLICIES[0]), lived(3, POLICIES[4])
    with pytest.raises(EmissionError, match=r"its chat|its trace"):
        emission(run.trace, other.messages, references=True)
