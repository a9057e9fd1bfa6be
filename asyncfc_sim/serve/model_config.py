"""What the config.json of a model says, as far as the engine needs it; what the engine cannot do is refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ARCHITECTURE: Final = "Qwen3ForCausalLM"


class ModelFault(ValueError):
    """A model folder that cannot be used: which file, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of a Qwen3 decoder. `context` is the longest sequence in tokens, prompt and answer together."""

    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    rope_theta: float
    norm_eps: float
    tied: bool

    @property
    def cache_bytes(self) -> int:
        """The keys and values of one token."""
        return 2 * 4 * self.layers * self.kv_heads * self.head_dim


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds. Raises ModelFault if it holds none, OSError if there is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelFault(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ModelFault(f"{path}: expected a JSON object")
    return found


def read_config(path: Path) -> ModelConfig:
    """Read config.json. Raises ModelFault for another architecture or a missing number, OSError without the file."""
    found = read_json(path)
    if found.get("architectures") != [ARCHITECTURE]:
        raise ModelFault(f"{path}: architectures is {found.get('architectures')!r}; expected [{ARCHITECTURE!r}]")
    of_rope = "rope_parameters" if found.get("rope_parameters") else "rope_scaling"  # as transformers 5, and as before
    rope = found.get(of_rope) or {}
    unknown = {
        "hidden_act": found.get("hidden_act", "silu") != "silu",
        "attention_bias": bool(found.get("attention_bias")),
        "use_sliding_window": bool(found.get("use_sliding_window")),
        of_rope: not isinstance(rope, dict) or rope.get("rope_type", "default") != "default",
        "quantization_config": "quantization_config" in found,
    }
    for name, refused in unknown.items():
        if refused:
            raise ModelFault(f"{path}: {name} {found.get(name)!r} is not supported")
    heads = _count(path, found, "num_attention_heads")
    theta = found.get("rope_theta", rope.get("rope_theta", 10000.0))
    config = ModelConfig(
        vocabulary=_count(path, found, "vocab_size"),
        hidden=_count(path, found, "hidden_size"),
        inner=_count(path, found, "intermediate_size"),
        layers=_count(path, found, "num_hidden_layers"),
        heads=heads,
        kv_heads=_count(path, found, "num_key_value_heads", heads),
        head_dim=_count(path, found, "head_dim", 128),
        context=_count(path, found, "max_position_embeddings"),
        rope_theta=_number(path, "rope_theta", theta),
        norm_eps=_number(path, "rms_norm_eps", found.get("rms_norm_eps", 1e-6)),
        tied=bool(found.get("tie_word_embeddings", False)),
    )
    if config.heads % config.kv_heads or config.head_dim % 2:
        raise ModelFault(f"{path}: heads must be a multiple of key-value heads, and head_dim even")
    return config


def _count(path: Path, found: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = found.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelFault(f"{path}: {name} is {value!r}; expected a whole number above zero")
    return value


def _number(path: Path, name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise ModelFault(f"{path}: {name} is {value!r}; expected a number above zero")
    return float(value)
