"""The engine against the formulas written out, and what must hold however its input is cut.

tests/serve/test_against_transformers.py holds it against an implementation that nobody here wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from asyncfc_sim.serve.engine import Engine
from asyncfc_sim.serve.model_config import ModelConfig, ModelFault, read_config
from tests.model_folders import random_model

Row = Any  # of floats; what NumPy is told of its shapes is not the point here
CLOSE = 2e-4  # scores are of the order of ten, and computed with 24 bits


def formulas(config: ModelConfig, weights: dict[str, np.ndarray], tokens: list[int]) -> list[Row]:
    """The scores after each token, in double precision: one position, one head, one number at a time."""
    double = {name: value.astype(np.float64) for name, value in weights.items()}

    def norm(x: Row, weight: Row) -> Row:
        return x / np.sqrt((x * x).mean() + config.norm_eps) * weight

    def turn(x: Row, position: int) -> Row:
        half = config.head_dim // 2
        found = np.empty_like(x)
        for i in range(half):
            angle = position * config.rope_theta ** (-2 * i / config.head_dim)
            found[i] = x[i] * np.cos(angle) - x[i + half] * np.sin(angle)
            found[i + half] = x[i + half] * np.cos(angle) + x[i] * np.sin(angle)
        return found

    rows = [double["model.embed_tokens.weight"][token] for token in tokens]
    for layer in range(config.layers):
        w = {
            name.removeprefix(f"model.layers.{layer}.").removesuffix(".weight"): value for name, value in double.items()
        }
        heads = []
        for position, x in enumerate(rows):
            normed = norm(x, w["input_layernorm"])
            queries, keys, values = ((w[f"self_attn.{k}_proj"] @ normed).reshape(-1, config.head_dim) for k in "qkv")
            turned = [turn(norm(q, w["self_attn.q_norm"]), position) for q in queries]
            heads.append((turned, [turn(norm(k, w["self_attn.k_norm"]), position) for k in keys], values))
        after = []
        for position, x in enumerate(rows):
            read: list[Row] = []
            for head in range(config.heads):
                shared = head // (config.heads // config.kv_heads)
                seen = heads[: position + 1]
                query = heads[position][0][head]
                share = np.exp([query @ k[shared] / config.head_dim**0.5 for _, k, _ in seen])
                read.append(np.einsum("s,sd->d", share / share.sum(), [v[shared] for _, _, v in seen]))
            between = x + w["self_attn.o_proj"] @ np.concatenate(read)
            normed = norm(between, w["post_attention_layernorm"])
            gate = w["mlp.gate_proj"] @ normed
            after.append(between + w["mlp.down_proj"] @ (gate / (1 + np.exp(-gate)) * (w["mlp.up_proj"] @ normed)))
        rows = after
    out = double.get("lm_head.weight", double["model.embed_tokens.weight"])
    return [out @ norm(x, double["model.norm.weight"]) for x in rows]


@pytest.mark.parametrize("shape", [{}, {"num_key_value_heads": 4}, {"num_key_value_heads": 1, "head_dim": 10}])
@pytest.mark.parametrize("tied", [True, False])
def test_the_scores_are_those_of_the_formulas(tmp_path: Path, shape: dict[str, int], tied: bool):
    folder = random_model(tmp_path, tie_word_embeddings=tied, **shape)
    config, weights = read_config(folder / "config.json"), load_file(folder / "model.safetensors")
    engine, tokens = Engine(config, weights), [5, 300, 7, 7, 120, 5]
    cache = engine.cache(len(tokens))
    found = [engine.forward([token], cache) for token in tokens]
    for ours, theirs in zip(found, formulas(config, weights, tokens), strict=True):
        assert np.abs(ours - theirs).max() < CLOSE


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = random_model(tmp_path_factory.mktemp("model"))
    return Engine(read_config(folder / "config.json"), load_file(folder / "model.safetensors"))


TOKENS = st.lists(st.integers(0, 319), min_size=1, max_size=40)


@given(tokens=TOKENS, data=st.data())
@settings(deadline=None)
def test_it_is_the_same_however_the_tokens_are_cut(engine: Engine, tokens: list[int], data: st.DataObject):
    whole = engine.cache(len(tokens))
    at_once = engine.forward(tokens, whole)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(tokens) - 1)))) if len(tokens) > 1 else []
    cache = engine.cache(len(tokens))
    for start, end in zip([0, *cuts], [*cuts, len(tokens)], strict=True):
        scores = engine.forward(tokens[start:end], cache)
    assert np.abs(scores - at_once).max() < CLOSE
    assert cache.tokens == whole.tokens == tokens


def test_what_was_said_before_matters(engine: Engine):
    scores = [engine.forward([first, 7, 8], engine.cache(3)) for first in (5, 6)]
    assert np.abs(scores[0] - scores[1]).max() > 100 * CLOSE


def test_a_cache_that_starts_as_another_goes_on_like_it(engine: Engine):
    first, second = engine.cache(10), engine.cache(20)
    engine.forward([1, 2, 3, 4], first)
    second.start_as(first, 3)
    assert second.tokens == [1, 2, 3]
    assert np.abs(engine.forward([9], second) - engine.forward([1, 2, 3, 9], engine.cache(4))).max() < CLOSE
    assert first.tokens == [1, 2, 3, 4]


def test_there_is_room_for_what_was_asked_and_never_for_more_than_the_context(engine: Engine):
    cache = engine.cache(2)
    with pytest.raises(ValueError, match="3 tokens after 0, and room for 2"):
        engine.forward([1, 2, 3], cache)
    with pytest.raises(ValueError, match="0 tokens"):
        engine.forward([], cache)
    assert cache.tokens == []
    assert engine.cache(10**9).capacity == engine.config.context


def test_weights_that_do_not_fit_are_named(engine: Engine, tmp_path: Path):
    weights = load_file(random_model(tmp_path) / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    with pytest.raises(ModelFault, match=r"the weights lack model\.layers\.1\.mlp\.up_proj"):
        Engine(engine.config, {each: value for each, value in weights.items() if each != name})
    with pytest.raises(ModelFault, match=r"has the shape \(3,\); expected \(96, 64\)"):
        Engine(engine.config, {**weights, name: np.zeros(3, np.float32)})
