"""A model folder, ready to be asked: prompts into tokens, and tokens decoded one by one for several askers at once."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .chat_template import ChatTemplate, UnfitMessages
from .engine import BLOCK, Engine
from .hermes import OPEN
from .model_config import ModelFault, read_config, read_json
from .prefixes import MEMORY, Prefixes
from .sampling import Sampling, choose
from .turns import Turns
from .vocabulary import Vocabulary

_SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token")


class TooLong(ValueError):
    """A prompt that leaves no room for an answer."""


class ServedModel:
    """The model in a folder of the form that Hugging Face's libraries write; its name is that of the folder.

    Raises ModelFault for a folder that holds no model that can be decoded here, OSError for one that lacks a file.
    """

    def __init__(self, folder: Path, *, memory: int = MEMORY) -> None:
        self.name = folder.resolve().name
        self.config = read_config(folder / "config.json")
        self.vocabulary = Vocabulary(folder / "tokenizer.json")
        if self.vocabulary.size > self.config.vocabulary:
            raise ModelFault(f"{folder}: more tokens in tokenizer.json than in config.json")
        weights = _weights(folder / "model.safetensors")
        self.parameters = sum(int(tensor.size) for tensor in weights.values())
        self.engine = Engine(self.config, weights)
        self.prefixes = Prefixes(self.config, memory)
        self.turns = Turns()
        names = _special_names(folder / "tokenizer_config.json")
        self.template = ChatTemplate(_template(folder), names)
        self.ends = _ends(folder, self.vocabulary, names)

    def prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> list[int]:
        """The tokens of a conversation up to where the model goes on. Raises UnfitMessages, TooLong."""
        text = self.template.render(self.vocabulary.quoted(messages), self.vocabulary.quoted(tools))
        room = self.config.context
        if len(text) > room * self.vocabulary.longest:  # however it is cut into tokens
            raise TooLong(f"the prompt has {len(text)} characters; the model reads {room} tokens")
        tokens = self.vocabulary.encode(text)
        if not tokens:
            raise UnfitMessages("the chat template of this model makes nothing of these messages")
        if len(tokens) >= room:
            raise TooLong(f"the prompt has {len(tokens)} tokens; the model reads {room}, its answer included")
        return tokens

    def opening_of_call(self, tool: str | None) -> list[int]:
        """How a call begins, of a tool if one is named: what an answer starts with that has to call."""
        name = None if tool is None else json.dumps(self.vocabulary.quoted(tool), ensure_ascii=False)
        return self.vocabulary.encode(f'{OPEN}\n{{"name": ' + ('"' if name is None else f'{name}, "arguments":'))


class Decoding:
    """The tokens of one answer, one by one: at most `limit` of them, beginning with those of `opening`.

    Closing the iterator ends it. `cached`: tokens of the prompt that were known, once the first token has come.
    `ended`: a token has come that ends a message.
    """

    def __init__(
        self, model: ServedModel, prompt: list[int], limit: int, sampling: Sampling, opening: Sequence[int] = ()
    ) -> None:
        self._model, self._prompt, self._sampling = model, prompt, sampling
        self._limit = min(limit, model.config.context - len(prompt))
        self._opening = opening
        self.cached = 0
        self.count = 0
        self.ended = False

    def __iter__(self) -> Generator[int]:
        model, generator = self._model, self._sampling.generator()
        cache = model.engine.cache(len(self._prompt) + self._limit)
        self.cached = model.prefixes.start(cache, self._prompt)
        waiting = self._prompt[self.cached :]
        try:
            while self.count < self._limit and not self.ended:
                for at in range(0, len(waiting), BLOCK):
                    with model.turns:
                        scores = model.engine.forward(waiting[at : at + BLOCK], cache)
                given = self.count < len(self._opening)
                token = self._opening[self.count] if given else choose(scores, self._sampling, generator)
                self.count += 1
                self.ended = not given and token in model.ends
                waiting = [token]
                yield token
        finally:
            model.prefixes.keep(cache)


def _weights(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise FileNotFoundError(2, "No such file or directory", str(path))
    try:
        return load_file(path)
    except (SafetensorError, KeyError, TypeError) as error:  # the latter two for a type that NumPy lacks, as bfloat16
        raise ModelFault(f"{path}: not weights that can be read: {error}") from None


def _special_names(path: Path) -> dict[str, str]:
    """The special tokens by what they are for: {"eos_token": "<|im_end|>"}."""
    found = read_json(path)
    texts = {name: found.get(name) for name in _SPECIAL}
    return {
        name: str(text.get("content", "") if isinstance(text, dict) else text)
        for name, text in texts.items()
        if text is not None
    }


def _template(folder: Path) -> str:
    path = folder / "chat_template.jinja"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ModelFault(f"{path}: not UTF-8: {error}") from None
    template = read_json(folder / "tokenizer_config.json").get("chat_template")
    if not isinstance(template, str):
        raise ModelFault(f"{folder}: no chat template: neither {path.name} nor in tokenizer_config.json")
    return template


def _ends(folder: Path, vocabulary: Vocabulary, names: Mapping[str, str]) -> frozenset[int]:
    """The tokens that end a message. Raises ModelFault if there are none: no message would."""
    path = folder / "generation_config.json"
    given = read_json(path).get("eos_token_id") if path.is_file() else None
    ends = given if isinstance(given, list) else [given]
    if "eos_token" in names:
        ends = [*ends, vocabulary.token(names["eos_token"])]
    found = frozenset(end for end in ends if isinstance(end, int))
    if not found:
        raise ModelFault(f"{folder}: no token ends a message: eos_token_id and eos_token are missing")
    return found
