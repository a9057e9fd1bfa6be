"""Train the model. Checkpoints are resumed from: stop it and start it as you like.

    python models/tiny-futures/train.py TOKENIZER SHARDS FOLDER --tokens 30e6

Matrices are trained with Muon, the rest with AdamW; the learning rate is constant, and falls to zero in the last third.
The model is compiled: PyTorch needs a C++ compiler for it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

PER_STEP = 4096  # tokens, padding included
EVERY = 250  # steps between checkpoints


def new_model(tokenizer: Any, width: int, layers: int) -> Qwen3ForCausalLM:
    config = Qwen3Config(
        vocab_size=1024,
        hidden_size=width,
        intermediate_size=width * 5 // 2 // 32 * 32,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        head_dim=32,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        rope_theta=10000.0,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    return Qwen3ForCausalLM(config)


def batches(shards: Path, begin: int) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """(shard, tokens, written) from the shard `begin` on; after the last one that there is by then, the first again."""
    number = begin
    while True:
        path = shards / f"{number:04}.npz"
        while not path.exists():
            if number and not list(shards.glob("*.part.npz")):
                number, path = 0, shards / "0000.npz"
            else:
                time.sleep(1)
        with np.load(path) as shard:
            ids, written, ends = shard["ids"].astype(np.int64), shard["written"], shard["ends"]
        starts = np.concatenate([[0], ends[:-1]])
        order = np.argsort(ends - starts, kind="stable")
        groups: list[list[int]] = [[]]
        for at in order:
            longest = ends[at] - starts[at]
            if groups[-1] and (len(groups[-1]) + 1) * longest > PER_STEP:
                groups.append([])
            groups[-1].append(at)
        for place in np.random.default_rng(number).permutation(len(groups)):
            group = groups[place]
            longest = max(ends[at] - starts[at] for at in group)
            x = np.zeros((len(group), longest), np.int64)
            w = np.zeros((len(group), longest), bool)
            for row, at in enumerate(group):
                length = ends[at] - starts[at]
                x[row, :length] = ids[starts[at] : ends[at]]
                w[row, :length] = written[starts[at] : ends[at]]
            yield number, torch.from_numpy(x), torch.from_numpy(w)
        number += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=Path, help="a folder with weights to begin with, in place of random ones")
    parser.add_argument("--tokens", type=float, default=30e6)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--muon", type=float, default=0.02)
    parser.add_argument("--adamw", type=float, default=3e-3)
    parser.add_argument("--falling", type=float, default=0.35, help="of the training: then the learning rate falls")
    parser.add_argument("--bf16", action="store_true", help="multiply in bfloat16: quicker where the processor has AMX")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    tokenizer = AutoTokenizer.from_pretrained(asked.tokenizer)
    if asked.start is None:
        model = new_model(tokenizer, asked.width, asked.layers)
    else:
        model = Qwen3ForCausalLM.from_pretrained(asked.start)
    hidden = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() != 2 or "embed" in name]
    muon = torch.optim.Muon(hidden, lr=asked.muon, weight_decay=0.05, momentum=0.95, adjust_lr_fn="original")
    adamw = torch.optim.AdamW(others, lr=asked.adamw, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    optimizers = (muon, adamw)
    step = tokens = shard = 0
    spent_s = 0.0
    saved = asked.folder / "training.pt"
    if saved.exists():
        state = torch.load(saved)
        model.load_state_dict(state["model"])
        for optimizer, was in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(was)
        step, tokens, shard, spent_s = state["step"], state["tokens"], state["shard"] + 1, state["spent_s"]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters; step {step}, {tokens:,} tokens", flush=True)
    began = time.monotonic() - spent_s
    losses: list[float] = []
    model.train()
    forward = torch.compile(model.model, dynamic=True)
    for number, x, w in batches(asked.shards, shard):
        left = max(0.0, 1 - tokens / asked.tokens)
        rate = min(1.0, (step + 1) / 100) * min(1.0, left / asked.falling)
        for optimizer, full in zip(optimizers, (asked.muon, asked.adamw), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = full * rate
        own = w[:, 1:]
        with torch.autocast("cpu", torch.bfloat16, enabled=asked.bf16):
            hidden_states = forward(x[:, :-1], attention_mask=None).last_hidden_state
            logits = model.lm_head(hidden_states[own])
        loss = torch.nn.functional.cross_entropy(logits.float(), x[:, 1:][own])
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        tokens += x.numel()
        losses.append(loss.item())
        done = tokens >= asked.tokens
        if step % 50 == 0:
            spent_s = time.monotonic() - began
            print(
                f"step {step} {tokens / 1e6:.2f}M tokens, loss {np.mean(losses[-50:]):.4f}, "
                f"{spent_s:.0f} s, {tokens / spent_s:.0f}/s, shard {number}",
                flush=True,
            )
        if step % EVERY == 0 or done:
            model.save_pretrained(asked.folder)
            tokenizer.save_pretrained(asked.folder)
            state = {
                "model": model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "step": step,
                "tokens": tokens,
                "shard": number,
                "spent_s": time.monotonic() - began,
            }
            torch.save(state, saved.with_suffix(".part"))
            os.replace(saved.with_suffix(".part"), saved)
        if done:
            break


if __name__ == "__main__":
    main()
