"""A Qwen3 decoder in NumPy: tokens in, the scores of the next token out.

One pass takes any number of tokens that follow those of a cache: a whole prompt, or the one token that was just chosen.
The arithmetic is that of the reference implementation in float32, but for the order of its sums; so scores agree to
about 1e-5, and the greedy choice agrees wherever two tokens are not as close as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .model_config import ModelConfig, ModelFault

Array = NDArray[np.float32]

# Of a longer prompt, so many tokens are best read at a time: each pass then looks at little more than it may see.
BLOCK: Final = 256


class Cache:
    """The keys and values of a sequence so far, with room for `capacity` tokens. `tokens` are those it holds."""

    def __init__(self, config: ModelConfig, capacity: int) -> None:
        # Per layer and kind one block, in which each head's rows lie in a row: what attention reads is contiguous.
        shape = (config.layers, 2, config.kv_heads, capacity, config.head_dim)
        self.capacity = capacity
        self.tokens: list[int] = []
        self._blocks: Array = np.empty(shape, np.float32)

    def layer(self, number: int) -> Array:
        """Keys and values of a layer: (2, heads, capacity, head_dim)."""
        block: Array = self._blocks[number]
        return block

    def start_as(self, other: Cache, length: int) -> None:
        """Begin with the first `length` tokens of another cache."""
        self._blocks[:, :, :, :length] = other._blocks[:, :, :, :length]
        self.tokens = other.tokens[:length]


@dataclass(frozen=True, slots=True)
class _Layer:
    """The weights of a layer, each matrix as (in, out). Those that read the same vector are one matrix."""

    attention_norm: Array
    qkv: Array
    qk_norm: Array  # one row per head, queries before keys
    out: Array
    mlp_norm: Array
    gate_up: Array
    down: Array


class Engine:
    """The decoder of `config` with these weights, named as in a Hugging Face checkpoint.

    It holds no state of a conversation, so it may be used for many, one pass at a time or from several threads.

    Raises ModelFault for a tensor that is missing or has another shape.
    """

    def __init__(self, config: ModelConfig, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        self.config = config
        take = _Tensors(tensors)
        self._embedding = take("model.embed_tokens.weight", config.vocabulary, config.hidden)
        self._layers = [_layer(config, take, f"model.layers.{number}.") for number in range(config.layers)]
        self._norm = take("model.norm.weight", config.hidden)
        tied = config.tied or "lm_head.weight" not in tensors
        self._head = (self._embedding if tied else take("lm_head.weight", config.vocabulary, config.hidden)).T
        self._cos, self._sin = _rotations(config)

    def cache(self, capacity: int) -> Cache:
        """Room for a sequence of so many tokens."""
        return Cache(self.config, min(capacity, self.config.context))

    def forward(self, tokens: Sequence[int], cache: Cache) -> Array:
        """Read tokens that follow those in the cache, and add them to it; the scores of what comes next, one a token.

        Raises ValueError if there are none, or more than there is room for.
        """
        start, end = len(cache.tokens), len(cache.tokens) + len(tokens)
        if not start < end <= cache.capacity:
            raise ValueError(f"{len(tokens)} tokens after {start}, and room for {cache.capacity}")
        turn = self._cos[start:end], self._sin[start:end]
        mask = _causal(len(tokens), end) if len(tokens) > 1 else None
        x: Array = self._embedding[np.asarray(tokens)]
        with np.errstate(over="ignore"):  # of a gate that is far below zero: it is shut
            for number, layer in enumerate(self._layers):
                x += self._attention(layer, x, cache.layer(number)[:, :, :end], turn, mask)
                x += self._mlp(layer, x)
        cache.tokens.extend(tokens)
        scores: Array = self._normed(x[-1], self._norm) @ self._head
        return scores

    def _normed(self, x: Array, weight: Array) -> Array:
        """Root-mean-square norm over the last axis."""
        mean = np.vecdot(x, x) / x.shape[-1]
        normed: Array = x * (1.0 / np.sqrt(mean + self.config.norm_eps))[..., None] * weight
        return normed

    def _attention(self, layer: _Layer, x: Array, kept: Array, turn: tuple[Array, Array], mask: Array | None) -> Array:
        """`kept`: keys and values up to the last of these tokens; the rows of these tokens are written here."""
        count, (heads, kv_heads, dim) = len(x), self._heads
        projected = (self._normed(x, layer.attention_norm) @ layer.qkv).reshape(count, heads + 2 * kv_heads, dim)
        turned = _turned(self._normed(projected[:, : heads + kv_heads], layer.qk_norm), *turn)
        keys, values = kept
        keys[:, -count:] = turned[:, heads:].swapaxes(0, 1)
        values[:, -count:] = projected[:, heads + kv_heads :].swapaxes(0, 1)
        # Each key head serves a group of query heads: their rows are read as one block.
        queries = turned[:, :heads].swapaxes(0, 1).reshape(kv_heads, -1, dim)
        scores = queries @ keys.swapaxes(1, 2)
        if mask is not None:
            scores.reshape(kv_heads, -1, *mask.shape)[...] += mask
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        read = scores @ values
        read /= scores.sum(axis=-1, keepdims=True)
        joined = read.reshape(heads, count, dim).swapaxes(0, 1).reshape(count, heads * dim)
        written: Array = joined @ layer.out
        return written

    @property
    def _heads(self) -> tuple[int, int, int]:
        return self.config.heads, self.config.kv_heads, self.config.head_dim

    def _mlp(self, layer: _Layer, x: Array) -> Array:
        both = self._normed(x, layer.mlp_norm) @ layer.gate_up
        gate, up = both[:, : self.config.inner], both[:, self.config.inner :]
        found: Array = (gate / (1.0 + np.exp(-gate)) * up) @ layer.down
        return found


class _Tensors:
    """Looks up weights, and holds them against the shape they must have."""

    def __init__(self, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        self._tensors = tensors

    def __call__(self, name: str, *shape: int) -> Array:
        if name not in self._tensors:
            raise ModelFault(f"the weights lack {name}")
        found = self._tensors[name]
        if found.shape != shape:
            raise ModelFault(f"{name} has the shape {found.shape}; expected {shape}")
        return np.ascontiguousarray(found, np.float32)


def _layer(config: ModelConfig, take: _Tensors, at: str) -> _Layer:
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    qkv = [
        take(f"{at}self_attn.q_proj.weight", queries, config.hidden),
        take(f"{at}self_attn.k_proj.weight", keys, config.hidden),
        take(f"{at}self_attn.v_proj.weight", keys, config.hidden),
    ]
    gate_up = [take(f"{at}mlp.{part}_proj.weight", config.inner, config.hidden) for part in ("gate", "up")]
    # Scores are products of queries and keys over the root of their length: the queries' norm takes that in.
    query_norm = take(f"{at}self_attn.q_norm.weight", config.head_dim) * np.float32(config.head_dim**-0.5)
    key_norm = take(f"{at}self_attn.k_norm.weight", config.head_dim)
    return _Layer(
        attention_norm=take(f"{at}input_layernorm.weight", config.hidden),
        qkv=np.concatenate(qkv).T,
        qk_norm=np.stack([query_norm] * config.heads + [key_norm] * config.kv_heads),
        out=take(f"{at}self_attn.o_proj.weight", config.hidden, queries).T,
        mlp_norm=take(f"{at}post_attention_layernorm.weight", config.hidden),
        gate_up=np.concatenate(gate_up).T,
        down=take(f"{at}mlp.down_proj.weight", config.hidden, config.inner).T,
    )


def _rotations(config: ModelConfig) -> tuple[Array, Array]:
    """Cosine and sine of each position's angles, for both halves of a head: (context, 1, 2, head_dim / 2)."""
    half = config.head_dim // 2
    frequencies = 1.0 / config.rope_theta ** (np.arange(half, dtype=np.float32) / np.float32(half))
    angles = np.outer(np.arange(config.context, dtype=np.float32), frequencies.astype(np.float32))
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([cos, cos], axis=1)[:, None], np.stack([-sin, sin], axis=1)[:, None]


def _turned(x: Array, cos: Array, sin: Array) -> Array:
    """Rotary positions: each pair of the first and the second half is turned by the angle of its position."""
    halves = x.reshape(*x.shape[:-1], 2, -1)
    return (halves * cos + halves[..., ::-1, :] * sin).reshape(x.shape)


def _causal(count: int, end: int) -> Array:
    """What the last `count` of `end` tokens may look at: 0, or minus infinity for what comes after them."""
    return np.triu(np.full((count, end), -np.inf, np.float32), k=end - count + 1)
