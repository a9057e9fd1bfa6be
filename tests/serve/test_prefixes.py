"""The prefix cache: it finds the longest beginning that is known, changes no score, and does not grow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.serve.engine import Engine
from asyncfc_sim.serve.prefixes import Prefixes
from asyncfc_sim.serve.served_model import ServedModel
from tests.model_folders import random_model

ROOM = 30  # tokens


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return ServedModel(random_model(tmp_path_factory.mktemp("model"))).engine


def prefixes(engine: Engine) -> Prefixes:
    return Prefixes(engine.config, ROOM * engine.config.cache_bytes)


def read(engine: Engine, kept: Prefixes, prompt: list[int]) -> tuple[int, np.ndarray]:
    """Read a prompt with what is known of it; how much that was, and the scores."""
    cache = engine.cache(len(prompt))
    known = kept.start(cache, prompt)
    scores = engine.forward(prompt[known:], cache)
    kept.keep(cache)
    return known, scores


def shared(first: list[int], second: list[int]) -> int:
    return next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=8))
@settings(deadline=None)
def test_scores_are_as_if_nothing_were_kept_and_memory_is_bounded(engine: Engine, prompts: list[list[int]]):
    kept = prefixes(engine)
    for number, prompt in enumerate(prompts):
        known, scores = read(engine, kept, prompt)
        assert known <= max((shared(prompt, earlier) for earlier in prompts[:number]), default=0)
        assert known < len(prompt)
        assert np.abs(scores - engine.forward(prompt, engine.cache(len(prompt)))).max() < 2e-4
        assert kept.tokens <= ROOM


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=5))
@settings(deadline=None)
def test_the_longest_beginning_is_found_while_there_is_room(engine: Engine, prompts: list[list[int]]):
    kept = prefixes(engine)
    for number, prompt in enumerate(prompts):
        longest = max((shared(prompt, earlier) for earlier in prompts[:number]), default=0)
        assert read(engine, kept, prompt)[0] == min(longest, len(prompt) - 1)


def test_what_begins_another_is_kept_only_once(engine: Engine):
    kept = prefixes(engine)
    for length in range(1, 11):
        read(engine, kept, list(range(length)))
    assert kept.tokens == 10


def test_the_longest_unused_goes_first(engine: Engine):
    kept = prefixes(engine)
    first, second, third = ([n] * 12 for n in (1, 2, 3))
    read(engine, kept, first)
    read(engine, kept, second)
    assert read(engine, kept, first)[0] == 11
    read(engine, kept, third)  # no room for three
    assert read(engine, kept, first)[0] == 11
    assert read(engine, kept, second)[0] == 0


def test_more_than_there_is_room_for_is_not_kept(engine: Engine):
    kept = prefixes(engine)
    read(engine, kept, [1, 2, 3])
    read(engine, kept, list(range(100, 100 + ROOM + 1)))
    assert kept.tokens == 3
