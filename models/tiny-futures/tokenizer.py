"""Train the tokenizer: byte-level BPE of 1,024 tokens, whose merges join neither letters and punctuation nor digits.

It is trained on such pieces, and runs with the pre-tokenizer of Qwen 2, which every engine knows; that both give the
same tokens for our text is checked here.

    python models/tiny-futures/tokenizer.py FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from dialogues import dialogues
from rendering import HERE, rendered
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY = 1024
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
# A space joins small letters only, so that a name is the same tokens wherever it stands.
_APART = r"[ _]?\p{Ll}+|[A-Z]{3}|\p{Lu}\p{Ll}*| ?[^\s\p{L}\p{N}]+[\r\n]*|\p{L}+|\p{N}|\s"
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split_by(pattern: str) -> pre_tokenizers.PreTokenizer:
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bytes_])


def texts(seed: int, n: int) -> Iterator[str]:
    for dialogue in islice(dialogues(np.random.default_rng(seed)), n):
        yield rendered(dialogue.run.messages, dialogue.tools)


# By which `transformers serve` finds the calls of a message. Its own for hermes looks for a message that opens without
# the name of a future; the arguments of a call are passed on as they are written.
_RESPONSE = {
    "start_anchor_pattern": r"<\|im_start\|>assistant(?: \$f\d+)?\n",
    "fields": {
        "content": {"close_pattern": r"\s*(?:<\|im_end\|>|<\|endoftext\|>)"},
        "tool_calls": {
            "repeats": True,
            "open_pattern": r"\s*<tool_call>\s*\{\"name\": \"(?P<name>[^\"]*)\", \"arguments\":",
            "close": ["}\n</tool_call>", "}</tool_call>"],
            "content": "text",
            "transform": {"function": {"name": "{name}", "arguments": "{content}"}},
        },
    },
}


def unmarked(text: str) -> str:
    for mark in SPECIAL + MARKS:
        text = text.replace(mark, " ")
    return text


def main(folder: Path) -> None:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = split_by(_APART)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(MARKS), special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator(map(unmarked, texts(1, 3000)), trainer)
    trained.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in MARKS])
    run = Tokenizer.from_str(trained.to_str())
    run.pre_tokenizer = split_by(_QWEN2)
    held_out = list(texts(2, 200))
    different = sum(trained.encode(text).ids != run.encode(text).ids for text in held_out)
    tokens = sum(len(run.encode(text).ids) for text in held_out) / len(held_out)
    print(f"{run.get_vocab_size()} tokens; {tokens:.0f} a dialogue; {different} of {len(held_out)} dialogues differ")
    assert not different
    fast = PreTrainedTokenizerFast(
        tokenizer_object=run, eos_token="<|im_end|>", pad_token="<|endoftext|>", clean_up_tokenization_spaces=False
    )
    fast.chat_template = (HERE / "chat_template.jinja").read_text(encoding="utf-8")
    fast.response_template = _RESPONSE
    fast.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
