"""Statistics of sessions: quantiles are NumPy's, every value is counted once, and gaps in the data are told."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.statistics import distribution, session_statistics
from tests.session_examples import marked, sessions, two_lookups

SHARED_DATA = Path(__file__).parents[2].parent / "shared" / "data"
WEKA = SHARED_DATA / "kv-cache-tester" / "claude_code_traces_compact.jsonl.gz"
VLLM = SHARED_DATA / "llmservingsim" / "RTX4090_Llama-3.1-8B.requests.jsonl"


def needs(path: Path):
    return pytest.mark.skipif(not path.is_file(), reason=f"real data are not beside the checkout: {path.name}")


def figure(statistics, name):
    return next(each for each in statistics.figures if each.name == name)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_quantiles_are_those_that_numpy_computes(values):
    found = distribution(values)
    assert found is not None
    assert found.n == len(values)
    expected = np.percentile(values, [10, 50, 90, 99])
    assert (found.p10, found.p50, found.p90, found.p99) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-9)


def test_of_nothing_there_is_no_distribution():
    assert distribution([]) is None


def test_the_statistics_of_a_session_written_by_hand():
    found = session_statistics([two_lookups()])
    assert (found.sessions, found.turns, found.steps, found.calls) == (1, 2, 4, 3)
    assert found.models == {"m": 4}
    assert found.calls_per_step == {0: 2, 1: 1, 2: 1}
    assert [(tool.name, tool.of) for tool in found.tools] == [("web_search", 2), ("add", 1)]
    rate = figure(found, "decode_rate").distribution
    assert rate is not None
    assert rate.mean == pytest.approx((40 / 1.5 + 20 / 0.75 + 60 / 1.75 + 10 / 0.5) / 4)
    gap = figure(found, "user_gap_s")
    assert (gap.of, gap.lacking, gap.provenance) == (1, 0, {"measured": 1})
    assert found.overlap.bound_flow is not None
    assert found.overlap.bound_flow.p50 == pytest.approx(14 / 6)


def test_what_is_missing_is_counted_and_a_figure_is_as_good_as_its_weakest_field():
    session = two_lookups()
    derived = replace(session, provenance={**session.provenance, "step.llm_s": "derived"})
    found = figure(session_statistics([session, derived]), "overall_rate")
    assert found.provenance == {"measured": 1, "derived": 1}
    cached = figure(session_statistics([session]), "cached_tokens")
    assert cached.distribution is not None
    assert (cached.distribution.n, cached.of, cached.lacking) == (2, 4, 1)


@settings(max_examples=20)
@given(st.lists(sessions(timed=False), min_size=1, max_size=4))
def test_everything_is_counted_once(drawn):
    found = session_statistics(drawn)
    assert found.steps == sum(found.calls_per_step.values())
    assert found.calls == sum(tool.of for tool in found.tools) == figure(found, "exec_s").of
    for each in (*found.figures, *found.tools):
        n = 0 if each.distribution is None else each.distribution.n
        assert n <= each.of
        assert (each.lacking == 0) == (n == each.of)
        assert sum(each.provenance.values()) <= found.sessions


def test_sub_agents_are_told_apart():
    agent = replace(two_lookups(), session="agent", parent="lookups")
    assert session_statistics([two_lookups(), marked(agent)]).sub_agents == 1


@needs(WEKA)
def test_the_quantiles_published_for_claude_code_are_found_in_the_real_file(tmp_path):
    """Output tokens 105 / 216 / 899 / 3660, TTFT 1.6 / 2.5 / 6.6 / 19.6 s over all 48,658 requests; here, a tenth."""
    with gzip.open(WEKA, "rt") as lines:
        some = [line for number, line in enumerate(lines) if number % 10 == 0]
    assert all("requests" in json.loads(line) for line in some[:3])
    path = tmp_path / "some.jsonl"
    path.write_text("".join(some))
    found = session_statistics(read_sessions(str(path), format="weka").sessions)
    tokens, ttft = figure(found, "out_tokens").distribution, figure(found, "ttft_s").distribution
    assert tokens is not None
    assert ttft is not None
    assert (tokens.p10, tokens.p50, tokens.p90) == pytest.approx((105, 216, 899), rel=0.15)
    assert (ttft.p10, ttft.p50) == pytest.approx((1.6, 2.5), rel=0.15)
    assert found.overlap.bound_flow is not None
    assert found.overlap.bound_steps is not None
    assert found.overlap.bound_flow.p50 > found.overlap.bound_steps.p50 > 1


@needs(VLLM)
def test_the_time_per_token_published_for_vllm_on_an_rtx_4090_is_found_in_the_real_file():
    """30.8 ms per token at the median, by vLLM's definition, which does not count the first token."""
    rate = figure(
        session_statistics(read_sessions(str(VLLM), format="llmservingsim").sessions), "decode_rate"
    ).distribution
    assert rate is not None
    assert 1 / rate.p50 == pytest.approx(0.0308, rel=0.01)
