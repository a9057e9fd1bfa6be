"""Two engines, one meaning: what a network computes for a sample is what the simulation of that sample gives.

Equal means to the last bit here: both add the same numbers in the same order. The longest path of `core/order` adds
turn by turn, so it is compared within rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings

from asyncfc_sim.core.makespan import DecodeStep, longest_path_with_decoder
from asyncfc_sim.core.order import happens_before, observe
from asyncfc_sim.core.syntax import Call, Touch
from asyncfc_sim.simulate.bound import bound
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.draws import Sample, draw
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import Arm, simulate
from asyncfc_sim.simulate.max_plus import FEW, NotVectorised, compile_network, run_samples
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.network import Column
from asyncfc_sim.simulate.reference import run_reference
from asyncfc_sim.simulate.script import Messages
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.workloads.recorded_times import Recorded, RecordedMessage, RecordedPart
from asyncfc_sim.workloads.workload import Task
from tests.simulate.samples import FIXED, PAPER, arms, conversations, timed, timings
from tests.toy_tasks import DECODE_CALL_S, calls, plain_decoder, shows_all, task

SAMPLES = [Sample(seed, case) for seed in (1, 2) for case in ("toy", "toy~2")]
THREE = calls(("pure", {"x": 1}), ("read", {"path": "a"}), ("append", {"path": "a", "text": "x"}))


def one_by_one(toy: Task, arm: Arm, models: Models, samples: Sequence[Sample] = SAMPLES) -> list[float]:
    """What the simulation gives for each sample."""
    found = []
    for seed, case in samples:
        named = replace(toy, name=case)
        if arm.policy is None:
            found.append(bound(named, run_reference(named), models, seed, arm.messages).longest_path_s)
        else:
            found.append(simulate(named, arm, models, seed).makespan_s)
    return found


def by_network(toy: Task, arm: Arm, models: Models, samples: Sequence[Sample] = SAMPLES) -> Column:
    network = compile_network(toy, arm, models)
    return network.makespans(draw(toy, models, samples, [network]))


@settings(max_examples=80)
@given(toy=conversations(), arm=arms(), models=timings())
def test_a_network_gives_what_the_simulation_gives(toy: Task, arm: Arm, models: Models) -> None:
    try:
        computed = by_network(toy, arm, models)
    except NotVectorised as refused:
        if "strict" not in str(refused) and "may run" not in str(refused):
            raise
        assume(False)
    assert computed.tolist() == one_by_one(toy, arm, models)


@settings(max_examples=40)
@given(toy=conversations(), arm=arms(), models=timings())
def test_no_arm_is_faster_than_the_bound(toy: Task, arm: Arm, models: Models) -> None:
    """The bound is of the chat protocol (a stream asks less often) and of the calls that a failure does not stop."""
    assume(not arm.stream and (arm.policy is None or arm.policy.failure == "poison"))
    try:
        computed = by_network(toy, arm, models)
    except NotVectorised:
        assume(False)
    limit = by_network(toy, Arm("bound", None, arm.messages), models)
    assert (computed >= limit * (1 - 1e-9)).all()


def test_bfcl_conversations_take_as_long_as_simulated() -> None:
    pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")
    from asyncfc_sim.workloads.bfcl import load

    models = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("bfcl-agent"))
    samples = [Sample(seed, "again") for seed in range(2)]
    vectorised = 0
    for told in load("base", 40)[::8]:
        for arm in Study((*Study().policies, "blind"), graces=(0.0,)).arms():
            if arm.policy is not None and arm.policy.stream:
                continue
            assert by_network(told, arm, models, samples).tolist() == one_by_one(told, arm, models, samples)
            vectorised += 1
    assert vectorised == 5 * 17


@pytest.mark.parametrize("messages", get_args(Messages))
def test_recorded_times_are_those_of_the_recording(messages: Messages) -> None:
    message = RecordedMessage(tokens=30, ttft_s=1.0, llm_s=3.0)
    recorded = Recorded(
        call_s={1: 4.0, 3: 0.25},
        kinds={2: "web_search"},
        parts={1: RecordedPart(message, 10, first=True, text_share=0.4), 2: RecordedPart(message, 20, first=False)},
    )
    slow, fast = (Quantity(value, "s/token", 1, "this test", "assumed") for value in (0.5, 0.25))
    apart = replace(timed().decoder, itl_text=slow, itl_call=fast)
    told = replace(task(shows_all(THREE)), recorded=recorded)
    for policy in FIXED:
        for models in (timed(), replace(timed(), decoder=apart, replay_tools=False, replay_decoding=False)):
            arm = Arm(policy.name, policy, messages)
            assert by_network(told, arm, models).tolist() == one_by_one(told, arm, models)


def test_a_paper_run_is_the_longest_path_of_the_order(tmp_path) -> None:
    """Where only calls take time to be written, with the address edges that a scheduler cannot do without."""
    models = replace(timed(overhead=False), decoder=load_decoder(str(plain_decoder(tmp_path))))
    first = calls(
        ("read", {"path": "ptr"}),
        ("write", {"path": "b", "text": "y"}),
        ("read", {"path": "a"}),
        ("pure", {"x": 1}),
    )
    copies = Call(5, "copy", {"src": "a", "dst": "zz"})
    program = shows_all(replace(first, body=(*first.body[:2], Touch((1,)), *first.body[2:], copies)))
    told = task(program)
    samples = [Sample(seed, "toy") for seed in range(50)]
    network = compile_network(told, Arm("paper", PAPER, "call"), models)
    draws = draw(told, models, samples, [network])
    values = run_reference(told).values
    seen: list[int] = []
    issued = []
    steps = []
    for statement in program.body:
        match statement:
            case Call(future, tool):
                issued.append(observe(statement, told.tools[tool], values, touched=seen))
                steps.append(DecodeStep(DECODE_CALL_S, issue=future))
            case Touch(futures):
                seen += futures
                steps.append(DecodeStep(0.0, touch=futures))
    steps.append(DecodeStep(0.0, touch=tuple(values)))
    order = happens_before(issued)
    expected = [
        longest_path_with_decoder(order, {call: float(column[n]) for call, column in draws.call_s.items()}, steps)
        for n in range(len(samples))
    ]
    assert network.makespans(draws) == pytest.approx(expected, rel=1e-12)


def test_samples_overlap_in_different_ways() -> None:
    """Else equal makespans would say little: which path is the longest differs from sample to sample."""
    told = task(shows_all(THREE))
    samples = [Sample(seed, "toy") for seed in range(200)]
    sync, paper, limit = (
        by_network(told, arm, timed(overhead=False), samples)
        for arm in (
            Arm("sync", FIXED[0], "turn"),
            Arm("paper", PAPER, "turn"),
            Arm("bound", None, "turn"),
        )
    )
    assert (paper < sync).mean() > 0.5
    assert (paper > limit).any() or np.allclose(paper, limit)
    assert len(np.unique(paper)) > 0.9 * len(samples)
    saved = (sync - paper) / sync
    assert saved.min() < 0.05 < 0.3 < saved.max()


def test_every_arm_gets_its_numbers_whichever_engine_gives_them() -> None:
    told = task(shows_all(THREE))
    asked = Study(graces=(0.0, "auto"), messages=("call", "turn"), await_rate=0.5).arms()
    samples = [Sample(seed, "toy") for seed in range(FEW + 2)]
    few = samples[:2]
    for arm, many, at_once in zip(
        asked,
        run_samples(told, asked, timed(), samples),
        run_samples(told, asked, timed(), few),
        strict=True,
    ):
        expected = one_by_one(told, arm, timed(), samples)
        assert many.tolist() == expected
        assert at_once.tolist() == expected[:2]


def test_nothing_to_sample_gives_nothing() -> None:
    (column,) = run_samples(task(shows_all(THREE)), [Arm("paper", PAPER, "call")], timed(), [])
    assert column.shape == (0,)


def test_a_conversation_without_turns_takes_no_time() -> None:
    assert by_network(task(), Arm("paper", PAPER, "call"), timed()).tolist() == [0.0] * len(SAMPLES)
    assert by_network(task(), Arm("bound", None, "call"), timed()).tolist() == [0.0] * len(SAMPLES)
