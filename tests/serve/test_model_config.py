"""config.json: read as far as the engine needs it, and refused by name where it asks for something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.serve.model_config import ModelFault, read_config
from tests.model_folders import random_model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return random_model(tmp_path) / "config.json"


def changed(path: Path, **fields: Any) -> Path:
    config = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    return path


def test_the_shape_is_read(path: Path):
    config = read_config(path)
    assert (config.hidden, config.inner, config.layers, config.heads, config.kv_heads) == (64, 96, 3, 4, 2)
    assert config.cache_bytes == 2 * 4 * 3 * 2 * 24


def test_the_base_of_the_rotation_stands_in_either_place(path: Path):
    changed(path, rope_theta=None, rope_parameters={"rope_type": "default", "rope_theta": 5e5})
    assert read_config(path).rope_theta == 5e5
    assert read_config(changed(path, rope_parameters=None, rope_theta=2e4)).rope_theta == 2e4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"architectures": ["LlamaForCausalLM"]}, r"\['LlamaForCausalLM'\]; expected \['Qwen3ForCausalLM'\]"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu' is not supported"),
        ({"attention_bias": True}, "attention_bias True is not supported"),
        ({"use_sliding_window": True}, "use_sliding_window True is not supported"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_parameters .* is not supported"),
        ({"rope_parameters": [1]}, "rope_parameters .* is not supported"),
        ({"hidden_size": None}, "hidden_size is None; expected a whole number above zero"),
        ({"num_hidden_layers": "3"}, "num_hidden_layers is '3'"),
        ({"vocab_size": True}, "vocab_size is True"),
        ({"rope_theta": -1}, "rope_theta is -1; expected a number above zero"),
        ({"rms_norm_eps": "small"}, "rms_norm_eps is 'small'"),
        ({"num_key_value_heads": 3}, "a multiple of key-value heads"),
        ({"head_dim": 7}, "head_dim even"),
    ],
)
def test_what_cannot_be_decoded_is_named(path: Path, fields: dict[str, Any], message: str):
    with pytest.raises(ModelFault, match=message):
        read_config(changed(path, **fields))


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000])
def test_a_file_that_is_no_object_is_named(path: Path, text: str):
    path.write_text(text)
    with pytest.raises(ModelFault, match=r"config\.json: "):
        read_config(path)


def test_a_file_that_is_missing_is_an_error_of_the_disk(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_config(tmp_path / "config.json")
