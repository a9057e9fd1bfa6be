"""Qwen3 models of the published shapes, without their weights: a folder that the launcher serves with random ones.

What a forward pass costs does not depend on the numbers in the weights. The tokenizer is the tiny model's, so prompts
have fewer characters per token than with Qwen's own; tokens are what is counted.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

# hidden, inner, layers, heads, key-value heads, whether input and output embeddings are one, vocabulary
_SHAPES: Final[Mapping[str, tuple[int, int, int, int, int, bool, int]]] = {
    "trial": (64, 128, 2, 4, 2, True, 1024),  # to try this out; not a model that anyone serves
    "0.6b": (1024, 3072, 28, 16, 8, True, 151_936),
    "1.7b": (2048, 6144, 28, 16, 8, True, 151_936),
    "4b": (2560, 9728, 36, 32, 8, True, 151_936),
    "8b": (4096, 12_288, 36, 32, 8, False, 151_936),
}
SIZES: Final = tuple(_SHAPES)
_HEAD_DIM: Final = 128
_CONTEXT: Final = 40_960
_SHARE: Final = 0.4  # of the free memory that weights may take: the rest is for the cache and for what is computed
_TOKENIZER: Final = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


class NoTokenizer(ValueError):
    """A folder that lacks a file of a tokenizer."""


def parameters(size: str) -> int:
    """How many parameters a model of this size has."""
    hidden, inner, layers, heads, kv_heads, tied, vocabulary = _SHAPES[size]
    attention = 2 * hidden * _HEAD_DIM * (heads + kv_heads) + 2 * _HEAD_DIM
    layer = attention + 3 * hidden * inner + 2 * hidden
    return layers * layer + hidden + vocabulary * hidden * (1 if tied else 2)


def weight_bytes(size: str, device: str) -> int:
    return parameters(size) * (4 if device == "cpu" else 2)


def largest(free: int, device: str) -> str:
    """The largest size from 0.6b on whose weights leave room in `free` bytes, or the smallest if none does."""
    fitting = [size for size in SIZES[1:] if weight_bytes(size, device) <= _SHARE * free]
    return fitting[-1] if fitting else SIZES[1]


def make_folder(folder: Path, size: str, tokenizer: Path, device: str) -> Path:
    """Write config.json and what goes with it, and copy the tokenizer. Raises NoTokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _TOKENIZER:
        if not (tokenizer / name).is_file():
            raise NoTokenizer(f"{tokenizer}: there is no {name}; expected a folder of the tiny model")
        shutil.copy(tokenizer / name, folder)
    ends = _number_of(folder / "tokenizer.json", "<|im_end|>")
    _write(folder / "config.json", _config(size, ends, device))
    _write(folder / "generation_config.json", {"eos_token_id": ends, "do_sample": False})
    return folder


def _config(size: str, ends: int, device: str) -> dict[str, Any]:
    hidden, inner, layers, heads, kv_heads, tied, vocabulary = _SHAPES[size]
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": _HEAD_DIM,
        "max_position_embeddings": _CONTEXT,
        "rope_theta": 1_000_000.0,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "eos_token_id": ends,
        "dtype": "float32" if device == "cpu" else "bfloat16",
    }


def _number_of(tokenizer: Path, token: str) -> int:
    added = json.loads(tokenizer.read_text(encoding="utf-8"))["added_tokens"]
    return int(next(item["id"] for item in added if item["content"] == token))


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
