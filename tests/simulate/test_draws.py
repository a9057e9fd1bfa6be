"""Columns of draws are, to the last bit, what a simulation draws one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate import replay
from asyncfc_sim.simulate.decoder import decoder_names, load_decoder
from asyncfc_sim.simulate.draws import Sample, draw
from asyncfc_sim.simulate.durations import duration_names, load_durations, uniform, uniforms
from asyncfc_sim.simulate.experiment import Arm
from asyncfc_sim.simulate.max_plus import compile_network
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.workloads.recorded_times import Recorded
from tests.simulate.samples import FIXED, PAPER, WIDE, timed
from tests.toy_tasks import calls, shows_all, task

TOLD = task(shows_all(calls(("pure", {"x": 1}), ("read", {"path": "a"}), ("append", {"path": "a", "text": "x"}))))


@given(st.lists(st.tuples(st.integers(0, 2**64), st.text()), max_size=5), st.lists(st.integers(0, 10**6), max_size=5))
def test_numbers_in_columns_are_the_numbers_one_by_one(cases: list[tuple[int, str]], indices: list[int]) -> None:
    columns = uniforms(cases, indices)
    assert columns.shape == (len(indices), len(cases))
    assert columns.tolist() == [[uniform(seed, case, index) for seed, case in cases] for index in indices]


@given(st.lists(st.floats(0, 1)))
def test_a_column_of_a_quantity_is_to_the_last_bit_its_values(numbers: list[float]) -> None:
    numbers += [p for p, _ in WIDE.quantiles]
    constant = replace(WIDE, quantiles=())
    for quantity in (WIDE, constant, replace(WIDE, quantiles=WIDE.quantiles[1:2])):
        assert quantity.at(np.array(numbers)).tolist() == [quantity.at_one(u) for u in numbers]


def test_every_model_draws_alike_in_columns() -> None:
    samples = [Sample(seed, "toy") for seed in range(200)]
    for durations in duration_names():
        for decoder in decoder_names():
            models = Models(load_decoder(decoder), load_durations(durations))
            network = compile_network(TOLD, Arm("paper", PAPER, "call"), models)
            draws = draw(TOLD, models, samples, [network])
            for call, tool in network.tools.items():
                one_by_one = [replay.call_s(TOLD, models, seed, call, tool) for seed, _ in samples]
                assert draws.call_s[call].tolist() == one_by_one
            for call in network.thinks:
                tokens = [models.decoder.step_tokens_at(uniform(seed, "toy/step", call)) for seed, _ in samples]
                assert draws.thinking_tokens[call].tolist() == tokens


def test_arms_share_their_draws() -> None:
    networks = [compile_network(TOLD, Arm("arm", policy, "turn"), timed()) for policy in FIXED]
    together = draw(TOLD, timed(), [Sample(3, "toy")], networks)
    for network in networks:
        alone = draw(TOLD, timed(), [Sample(3, "toy")], [network])
        assert alone.call_s == {call: together.call_s[call] for call in alone.call_s}
        assert alone.thinking_tokens == {call: together.thinking_tokens[call] for call in alone.thinking_tokens}


def test_a_recorded_duration_is_not_drawn() -> None:
    told = replace(TOLD, recorded=Recorded(call_s={2: 7.5}))
    samples = [Sample(seed, "toy") for seed in range(3)]
    network = compile_network(told, Arm("paper", PAPER, "call"), timed())
    draws = draw(told, timed(), samples, [network])
    assert draws.call_s[2] == pytest.approx([7.5] * 3)
    assert len(set(draws.call_s[1])) == 3
