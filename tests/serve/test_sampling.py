"""Which token is taken: the best, or one of the likeliest, as often as it is likely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.serve.sampling import Sampling, choose

SCORES = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=20).map(lambda row: np.array(row, np.float32))


def drawn(scores: np.ndarray, sampling: Sampling, n: int) -> list[int]:
    generator = sampling.generator()
    return [choose(scores, sampling, generator) for _ in range(n)]


@given(scores=SCORES, temperature=st.floats(0, 2), top_p=st.floats(0, 1), seed=st.integers(0, 2**64 - 1))
def test_there_is_always_a_token_and_the_seed_decides(scores: np.ndarray, temperature: float, top_p: float, seed: int):
    sampling = Sampling(temperature, top_p, seed)
    tokens = drawn(scores, sampling, 5)
    assert tokens == drawn(scores, sampling, 5)
    assert set(tokens) <= set(range(len(scores)))


@given(scores=SCORES, seed=st.integers(0, 9))
def test_without_heat_it_is_the_best(scores: np.ndarray, seed: int):
    assert scores[drawn(scores, Sampling(seed=seed), 1)[0]] == scores.max()
    assert scores[drawn(scores, Sampling(1.0, 0.0, seed), 1)[0]] == scores.max()


def test_tokens_come_as_often_as_they_are_likely():
    chances = np.array([0.5, 0.3, 0.2])
    tokens = drawn(np.log(chances).astype(np.float32), Sampling(1.0, seed=1), 4000)
    assert np.bincount(tokens) / 4000 == pytest.approx(chances, abs=0.03)


def test_top_p_leaves_out_what_is_unlikely():
    scores = np.log(np.array([0.2, 0.5, 0.3], np.float32))
    assert set(drawn(scores, Sampling(1.0, 0.6, 1), 200)) == {1, 2}
    assert set(drawn(scores, Sampling(1.0, 0.49, 1), 200)) == {1}
    assert set(drawn(scores, Sampling(1.0, 1.0, 1), 200)) == {0, 1, 2}


def test_heat_evens_out():
    scores = np.log(np.array([0.9, 0.1], np.float32))
    cold, hot = (drawn(scores, Sampling(heat, seed=1), 1000).count(1) for heat in (0.5, 2.0))
    assert cold < 50 < 200 < hot
