"""Model folders made on the spot, of the form in which real ones come: small, and with weights that nobody trained.

`random_model` says whatever its random weights say. `reciting_model` says what it was made to say: after each of its
pieces the next, and then it ends. Both are Qwen3 decoders that any engine can load.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|im_end|>"
SPECIAL = ("<|endoftext|>", "<|im_start|>", END)
TAGS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
TEMPLATE = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- for tool in tools %}
        {{- tool.function | tojson ~ '\\n' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'tool' %}
        {{- '<tool_response>\\n' ~ message.content ~ '\\n</tool_response>\\n' }}
    {%- elif message.role == 'system' and not loop.first %}
        {{- raise_exception('a system message comes first') }}
    {%- else %}
        {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content }}
        {%- for call in message.tool_calls or [] %}
            {{- '\\n<tool_call>\\n' ~ ({'name': call.function.name, 'arguments': call.function.arguments} | tojson) }}
            {{- '\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
CORPUS = ("system user assistant tool the population of Berlin and Paris, and the sum of both", '{"name": "add"}') * 20

Weights = dict[str, NDArray[np.float32]]


def random_model(folder: Path, *, seed: int = 0, vocabulary: int = 320, scale: float = 0.3, **shape: Any) -> Path:
    """A model with random weights; `shape` are fields of its config.json."""
    tokenizer = _tokenizer(vocabulary)
    config = _config(vocab_size=tokenizer.get_vocab_size(), **shape)
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.normal(1.0, 0.2, size) if len(size) == 1 else generator.normal(0.0, scale, size)
        for name, size in shapes(config).items()
    }
    return _write(folder, config, tokenizer, {name: value.astype(np.float32) for name, value in weights.items()})


def reciting_model(folder: Path, *pieces: str, **shape: Any) -> Path:
    """A model that answers whatever it is asked with these pieces, one token each, and ends. They must differ."""
    tokenizer = _tokenizer(300)
    tokenizer.add_tokens([AddedToken(piece, special=False, normalized=False) for piece in pieces if piece not in TAGS])
    config = _config(vocab_size=tokenizer.get_vocab_size(), num_hidden_layers=1, tie_word_embeddings=False, **shape)
    # No layer adds anything to a token's own vector, and the head looks for the vector of the token before.
    weights = {name: np.zeros(size, np.float32) for name, size in shapes(config).items()}
    vectors = np.random.default_rng(0).normal(size=weights["model.embed_tokens.weight"].shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    weights["model.embed_tokens.weight"] = vectors
    weights["model.norm.weight"] += 1.0
    order = [_token(tokenizer, each) for each in ("\n", *pieces, END)]
    assert len(set(order)) == len(order), "after equal pieces the same would come"
    for before, after in pairwise(order):
        weights["lm_head.weight"][after] += vectors[before]
    return _write(folder, config, tokenizer, weights)


def shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor."""
    hidden, inner, dim = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * dim, config["num_key_value_heads"] * dim
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config["vocab_size"], hidden)}
    for layer in range(config["num_hidden_layers"]):
        parts = {
            "input_layernorm": (hidden,),
            "self_attn.q_proj": (queries, hidden),
            "self_attn.k_proj": (keys, hidden),
            "self_attn.v_proj": (keys, hidden),
            "self_attn.o_proj": (hidden, queries),
            "self_attn.q_norm": (dim,),
            "self_attn.k_norm": (dim,),
            "post_attention_layernorm": (hidden,),
            "mlp.gate_proj": (inner, hidden),
            "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
        }
        found |= {f"model.layers.{layer}.{part}.weight": size for part, size in parts.items()}
    found["model.norm.weight"] = (hidden,)
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = (config["vocab_size"], hidden)
    return found


def _config(**shape: Any) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 24,
        "max_position_embeddings": 1024,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "attention_bias": False,
        "eos_token_id": 2,
        **shape,
    }


def _tokenizer(vocabulary: int) -> Tokenizer:
    """Byte-level BPE, trained on a few words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(TAGS),
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return tokenizer


def _token(tokenizer: Tokenizer, text: str) -> int:
    tokens: Sequence[int] = tokenizer.encode(text, add_special_tokens=False).ids
    assert len(tokens) == 1, f"{text!r} is {len(tokens)} tokens"
    return tokens[0]


def _write(folder: Path, config: Mapping[str, Any], tokenizer: Tokenizer, weights: Weights) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    special = {"eos_token": END, "pad_token": SPECIAL[0], "tokenizer_class": "PreTrainedTokenizerFast"}
    documents = {"config": config, "tokenizer_config": special, "generation_config": {"eos_token_id": 2}}
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
