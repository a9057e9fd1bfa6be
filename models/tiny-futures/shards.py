"""Write dialogues as tokens, a file of some thousand at a time, until there are enough.

python models/tiny-futures/shards.py TOKENIZER FOLDER SHARDS [SEED [CONDITIONAL]]

CONDITIONAL is the share of wishes that depend on what a look shows.
"""

from __future__ import annotations

import os
import sys
from itertools import islice
from pathlib import Path

import numpy as np
from dialogues import dialogues
from rendering import pieces, rendered
from tokenizers import Tokenizer

PER_SHARD = 2000


def tokens_of(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[bool]]:
    """The tokens of a dialogue, and which of them the model wrote."""
    ids: list[int] = []
    written: list[bool] = []
    for piece, own in pieces(text):
        found = tokenizer.encode(piece, add_special_tokens=False).ids
        ids += found
        written += [own] * len(found)
    return ids, written


def main(tokenizer: Path, folder: Path, shards: int, seed: int = 1000, conditional: float = 0.25) -> None:
    tokens = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(shards):
        path = folder / f"{number:04}.npz"
        if path.exists():
            continue
        talks = islice(dialogues(np.random.default_rng([seed, number]), conditional), PER_SHARD)
        found = [tokens_of(tokens, rendered(talk.run.messages, talk.tools)) for talk in talks]
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            ids=np.concatenate([np.array(ids, np.uint16) for ids, _ in found]),
            written=np.concatenate([np.array(own, bool) for _, own in found]),
            ends=np.cumsum([len(ids) for ids, _ in found]),
        )
        os.replace(part, path)


if __name__ == "__main__":
    tokenizer, folder, *numbers = sys.argv[1:]
    kinds = (int, int, float)
    main(Path(tokenizer), Path(folder), *(kind(number) for kind, number in zip(kinds, numbers, strict=False)))
