"""Scaled models: every second grows by the factor, nothing else changes, and each figure says that it is assumed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate.decoder import decoder_names, load_decoder
from asyncfc_sim.simulate.durations import duration_names, load_durations
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.scaling import (
    ScalingError,
    constant_durations,
    constant_kinds,
    scaled_decoder,
    scaled_durations,
)

factors = st.floats(1e-3, 1e3)
probabilities = st.floats(0, 1)
TOOLS = ("web_fetch", "bash_test", "GorillaFileSystem.grep", "MathAPI.add", "anything")


@given(name=st.sampled_from(duration_names()), tool=st.sampled_from(TOOLS), factor=factors, u=probabilities)
def test_every_call_takes_factor_times_as_long(name: str, tool: str, factor: float, u: float):
    model = load_durations(name)
    scaled = scaled_durations(model, factor)
    assert scaled.sample_s(tool, u) == pytest.approx(factor * model.sample_s(tool, u), rel=1e-9)
    assert scaled.mean_s(tool) == pytest.approx(factor * model.mean_s(tool), rel=1e-9)
    assert scaled.kind_of(tool) == model.kind_of(tool)


@given(name=st.sampled_from(decoder_names()), factor=factors, tokens=st.integers(0, 20_000), batch=st.integers(1, 100))
def test_decoding_takes_factor_times_as_long_and_tokens_stay(name: str, factor: float, tokens: int, batch: int):
    text, call = (Quantity(value, "s/token", 1, "this test", "assumed") for value in (0.5, 0.25))
    decoder = replace(load_decoder(name), itl_text=text, itl_call=call)
    scaled = scaled_decoder(decoder, factor)
    assert scaled.ttft_s(tokens) == pytest.approx(factor * decoder.ttft_s(tokens), rel=1e-9)
    assert scaled.itl_s(batch) == pytest.approx(factor * decoder.itl_s(batch), rel=1e-9)
    assert scaled.token_s(0.5) == pytest.approx(factor * 0.375, rel=1e-9)
    assert scaled.step_tokens_at(0.9) == decoder.step_tokens_at(0.9)
    assert (scaled.answer_tokens, scaled.await_tokens) == (decoder.answer_tokens, decoder.await_tokens)


@given(seconds=st.floats(0, 1e4), tool=st.sampled_from(TOOLS), u=probabilities)
def test_constant_tools_all_take_the_same_time(seconds: float, tool: str, u: float):
    model = constant_durations(seconds)
    assert model.sample_s(tool, u) == seconds == model.mean_s(tool)


@given(seconds=st.floats(0, 1e4), tool=st.sampled_from(TOOLS), u=probabilities)
def test_one_kind_can_be_made_constant_and_the_others_stay(seconds: float, tool: str, u: float):
    model = load_durations("default")
    changed = constant_kinds(model, {"web_fetch": seconds})
    same = model.kind_of(tool) != "web_fetch"
    assert changed.sample_s(tool, u) == (model.sample_s(tool, u) if same else seconds)
    assert constant_kinds(model, {}) is model


def test_a_scaled_figure_says_what_it_was_and_that_it_is_assumed_now():
    model = load_durations("default")
    scaled = scaled_durations(model, 2)
    assert model.quantity_of("web_fetch").provenance == "measured"
    assert scaled.quantity_of("web_fetch").provenance == "assumed"
    assert scaled.quantity_of("web_fetch").note.startswith("2 x a measured figure")
    assert scaled.name == "default x 2"
    for figure in scaled_decoder(load_decoder("gpt-4o"), 0.5).itl.points:
        assert figure[1].provenance == "assumed"


def test_factor_one_changes_nothing():
    model, decoder = load_durations("default"), load_decoder("gpt-4o")
    assert scaled_durations(model, 1) is model
    assert scaled_decoder(decoder, 1) is decoder


def test_factor_zero_makes_everything_free():
    assert scaled_durations(load_durations("default"), 0).sample_s("web_fetch", 0.5) == 0
    assert scaled_decoder(load_decoder("gpt-4o"), 0).ttft_s(100) == 0


@pytest.mark.parametrize("bad", [-1.0, float("inf"), float("nan")])
def test_what_is_no_factor_is_refused(bad: float):
    for refuse in (
        lambda: scaled_durations(load_durations("default"), bad),
        lambda: scaled_decoder(load_decoder("gpt-4o"), bad),
        lambda: constant_durations(bad),
        lambda: constant_kinds(load_durations("default"), {"web_fetch": bad}),
    ):
        with pytest.raises(ScalingError, match="finite number, zero or more"):
            refuse()
