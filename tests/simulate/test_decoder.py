"""Decoders: the figures are those of the sources, every one says where it comes from, and bad files are explained."""

import csv
import gzip
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate.decoder import decoder_names, load_decoder
from asyncfc_sim.simulate.model_file import ModelFileError, Quantity, UnknownModelError

SHARED_DATA = Path(__file__).parents[2].parent / "shared" / "data"
SPLITWISE = SHARED_DATA / "splitwise-sim" / "perf_model.csv"
KV_CACHE_TESTER = SHARED_DATA / "kv-cache-tester" / "claude_code_traces_compact.jsonl.gz"


def needs(path: Path):
    return pytest.mark.skipif(not path.is_file(), reason=f"real data are not beside the checkout: {path.name}")


def test_the_four_decoders_are_there_and_load():
    assert {"claude-opus-4.5", "gpt-4o", "gpt-oss-120b-vllm", "llama2-70b-h100"} <= set(decoder_names())
    for name in decoder_names():
        assert load_decoder(name).name == name


@pytest.mark.parametrize("name", decoder_names())
def test_every_figure_says_where_it_comes_from(name):
    decoder = load_decoder(name)
    assert all(f"ttft@{x}" in decoder.quantities() for x, _ in decoder.ttft.points)
    for figure in decoder.quantities().values():
        assert figure.unit
        assert figure.source
        assert figure.n != ""
        assert figure.provenance in {"measured", "derived", "assumed"}
        assert figure.provenance == "assumed" or figure.n != 0


@pytest.mark.parametrize("name", decoder_names())
def test_times_and_token_counts_are_usable_by_a_simulator(name):
    decoder = load_decoder(name)
    assert 0 < decoder.ttft_s(0) < decoder.ttft_s(200_000) or decoder.ttft.slope.value == 0
    assert 0 < decoder.itl_s() <= decoder.itl_s(64) <= decoder.itl_s(256)
    assert decoder.call_tokens('{"name": "cd", "arguments": {"folder": "document"}}') > 0
    assert decoder.step_tokens_at(0.5) == decoder.step_tokens <= decoder.step_tokens_at(0.99)
    assert min(decoder.step_tokens, decoder.answer_tokens, decoder.await_tokens, decoder.placeholder_tokens) > 0


@pytest.mark.parametrize("name", decoder_names())
def test_tokens_of_fixed_texts_are_their_length_over_four(name):
    decoder = load_decoder(name)
    assert json.loads(decoder.await_.source)["name"] == "await_future"
    assert json.loads(decoder.placeholder.source)["status"] == "pending"
    assert decoder.await_tokens == decoder.text_tokens(decoder.await_.source)
    assert decoder.placeholder_tokens == decoder.text_tokens(decoder.placeholder.source)


def test_a_step_of_gpt_oss_takes_what_its_fit_says():
    decoder = load_decoder("gpt-oss-120b-vllm")
    assert decoder.ttft_s(5000) + 86 * decoder.itl_s() == pytest.approx(0.127 + 86 * 0.0133)


def test_the_calls_of_gpt_4o_have_the_measured_length_whatever_their_text():
    decoder = load_decoder("gpt-4o")
    assert decoder.call_tokens("{}") == 32
    assert 1 / decoder.itl_s() == pytest.approx(85, rel=1e-3)


def test_ttft_runs_in_straight_lines_between_and_beyond_the_points():
    decoder = load_decoder("llama2-70b-h100")
    assert decoder.ttft_s(1) == decoder.ttft_s(128)
    assert decoder.ttft_s(3072) == pytest.approx((decoder.ttft_s(2048) + decoder.ttft_s(4096)) / 2)
    assert decoder.ttft_s(12288) - decoder.ttft_s(8192) == pytest.approx(
        decoder.ttft_s(8192) - decoder.ttft_s(4096), rel=1e-3
    )
    assert decoder.itl_s(96) - decoder.itl_s(64) == pytest.approx(decoder.itl_s(64) - decoder.itl_s(32), rel=1e-3)


@needs(SPLITWISE)
def test_the_llama2_tables_are_those_of_the_real_file():
    with SPLITWISE.open(newline="") as file:
        rows = {
            tuple(row.items())
            for row in csv.DictReader(file)
            if (row["model"], row["hardware"], row["tensor_parallel"]) == ("llama2-70b", "h100-80gb", "8")
        }
    prompt_ms, token_ms = defaultdict(list), defaultdict(list)
    for row in map(dict, rows):
        if row["batch_size"] == "1":
            prompt_ms[int(row["prompt_size"])].append(float(row["prompt_time"]))
        if (row["prompt_size"], row["token_size"]) == ("512", "128"):
            token_ms[int(row["batch_size"])].append(float(row["token_time"]))
    decoder = load_decoder("llama2-70b-h100")
    for curve, real in ((decoder.ttft, prompt_ms), (decoder.itl, token_ms)):
        assert {count: figure.n for count, figure in curve.points} == {count: len(ms) for count, ms in real.items()}
        for count, figure in curve.points:
            assert 1000 * figure.value == pytest.approx(math.fsum(real[count]) / len(real[count]), rel=2e-3)


@needs(KV_CACHE_TESTER)
def test_the_opus_fit_is_repeated_on_the_real_traces():
    """api_time = a + b x uncached prompt tokens + c x output tokens, the slowest 1 % cut."""
    rows = []

    def collect(requests):
        previous, idle_since = 0, -math.inf
        for request in requests:
            if "requests" in request:  # a sub-agent: a conversation of its own
                collect(request["requests"])
                continue
            idle_s = request["t"] - idle_since
            uncached = request["in"] if idle_s > 300 else max(0, request["in"] - previous)
            if request["model"] == "claude-opus-4-5-20251101" and request.get("api_time") and request["out"]:
                rows.append((1.0, uncached, request["out"], request["api_time"]))
            previous, idle_since = request["in"], request["t"] + (request.get("api_time") or 0)

    with gzip.open(KV_CACHE_TESTER, "rt") as lines:
        for line in lines:
            collect(json.loads(line)["requests"])
    data = np.array(rows)
    data = data[data[:, 3] < np.percentile(data[:, 3], 99)]
    fit, *_ = np.linalg.lstsq(data[:, :3], data[:, 3], rcond=None)
    r2 = 1 - np.var(data[:, 3] - data[:, :3] @ fit) / np.var(data[:, 3])

    decoder = load_decoder("claude-opus-4.5")
    assert len(data) == decoder.ttft.slope.n == decoder.itl.points[0][1].n
    assert r2 == pytest.approx(0.838, abs=5e-4)
    assert fit == pytest.approx([decoder.ttft_s(0), decoder.ttft.slope.value, decoder.itl_s()], rel=2e-3)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(UnknownModelError, match=r"no 'gpt-5' in models/decoders; there are: .*gpt-4o"):
        load_decoder("gpt-5")
    with pytest.raises(UnknownModelError, match=r"absent\.toml: cannot be read"):
        load_decoder(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[ttft]", "[ttft", r"my\.toml: not a TOML file: .*line 6"),
        ('engine = "e"', "engine = 3", r"my\.toml: engine: a string is required"),
        ("[tokens]", "[tokns]", r"my\.toml: tokens: a table is required"),
        ("value = 0.1,", "", r"my\.toml: ttft\.points\[0\]\.value: a number"),
        ("value = 0.1,", "value = nan,", r"my\.toml: ttft\.points\[0\]\.value: a number"),
        ("value = 0.1,", "value = -1,", r"my\.toml: ttft\.points\[0\]\.value: a number"),
        ('n = "not stated", source = "a"', 'source = "a"', r"ttft\.points\[0\]\.n: a count, or \"not stated\""),
        ('"measured"', '"guessed"', r"ttft\.points\[0\]\.provenance: one of measured, derived, assumed"),
        ("batch = 2", "batch = 1", r"itl\.points: at least one point, with batch rising"),
        ("p50 = 7", "p50 = 7, value = 7", r"tokens\.step\.value: give a value or quantiles, not both"),
        ("p50 = 7, p90 = 9", "p50 = 9, p90 = 7", r"tokens\.step\.p50: quantiles must include p50, .* not fall"),
        ("p50 = 7, p90 = 9", "p90 = 9", r"tokens\.step\.p50: quantiles must include p50"),
        ("{value = 4,", "{value = 0,", r"tokens\.chars_per_token: a number above zero"),
    ],
)
def test_a_malformed_file_is_refused_with_file_and_key(tmp_path, old, new, complaint):
    rest = 'unit = "u", n = "not stated", source = "b", provenance = "assumed"'
    points = 'unit = "s", n = "not stated", source = "a", provenance = "measured"'
    good = f"""
name = "my"\ntitle = "t"\nengine = "e"\nhardware = "h"\ndate = "d"
[ttft]
points = [{{uncached_prompt_tokens = 0, value = 0.1, {points}}}]
slope = {{value = 0, {rest}}}
[itl]
points = [{{batch = 1, value = 0.01, {rest}}}, {{batch = 2, value = 0.02, {rest}}}]
slope = {{value = 0, {rest}}}
[tokens]
chars_per_token = {{value = 4, {rest}}}
step = {{p50 = 7, p90 = 9, {rest}}}
answer = {{value = 1, {rest}}}
await = {{value = 1, {rest}}}
placeholder = {{value = 1, {rest}}}
""".strip()
    path = tmp_path / "my.toml"
    path.write_text(good)
    assert load_decoder(str(path)).itl_s(2) == 0.02
    assert old in good
    path.write_text(good.replace(old, new, 1))
    with pytest.raises(ModelFileError, match=complaint):
        load_decoder(str(path))


def test_negative_counts_are_refused():
    decoder = load_decoder("gpt-4o")
    with pytest.raises(ValueError, match="-1 tokens"):
        decoder.ttft_s(-1)
    with pytest.raises(ValueError, match="at least one request"):
        decoder.itl_s(0)


def test_the_mean_of_a_quantity_is_that_of_its_inverse_distribution():
    quantiles = ((0.1, 0.37), (0.5, 7.1), (0.9, 12.7), (0.99, 120.0))
    spread = Quantity(7.1, "s", 1218, "test", "measured", quantiles=quantiles)
    midpoints = (np.arange(1_000_000) + 0.5) / 1_000_000
    assert spread.mean() == pytest.approx(spread.at(midpoints).mean(), rel=1e-6)
    flat = Quantity(2.0, "s", 1, "test", "measured", quantiles=((0.1, 2.0), (0.5, 2.0)))
    assert flat.mean() == pytest.approx(2.0)


@given(u=st.floats(0, 1))
def test_one_number_and_many_have_the_same_quantiles(u: float) -> None:
    for name in decoder_names():
        for quantity in load_decoder(name).quantities().values():
            assert quantity.at_one(u) == pytest.approx(float(quantity.at(u)), rel=1e-12)
