"""Between text and tokens, by the `tokenizers` library; and who may write the tokens that structure a conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from .model_config import ModelFault, read_json

# Two characters that no text needs, around a special token's text where a person or a tool wrote it.
_LEFT, _RIGHT = "\U000f0000", "\U000f0001"
_WRITTEN = re.compile(f"{_LEFT}([^{_LEFT}{_RIGHT}]*){_RIGHT}")
_BROKEN = "\N{REPLACEMENT CHARACTER}"
_LONGEST = 4  # bytes of a character in UTF-8, and so the most tokens that may be in the middle of one


class Vocabulary:
    """The tokenizer of a model folder. `special` are the texts of the tokens that only a template may write.

    Raises ModelFault if the folder's tokenizer.json is none, OSError if there is none.
    """

    def __init__(self, path: Path) -> None:
        found = read_json(path)
        try:
            self._tokens = Tokenizer.from_str(path.read_text(encoding="utf-8"))
            self._as_text = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises nothing narrower
            raise ModelFault(f"{path}: not a tokenizer: {error}") from None
        self._as_text.encode_special_tokens = True
        added = [token for token in found.get("added_tokens", []) if token.get("special")]
        self.special = tuple(str(token["content"]) for token in added)
        self._special = re.compile("|".join(map(re.escape, self.special)) or r"(?!)")
        self.size: int = self._tokens.get_vocab_size()
        self.longest = max(map(len, self._tokens.get_vocab()))

    def token(self, text: str) -> int | None:
        """The number of the token of exactly this text; None if there is none."""
        found: int | None = self._tokens.token_to_id(text)
        return found

    def encode(self, text: str) -> list[int]:
        """The tokens of a rendered conversation. Special tokens that `quoted` has marked are tokens of plain text."""
        tokens: list[int] = []
        for number, part in enumerate(_WRITTEN.split(text)):
            tokenizer = self._as_text if number % 2 else self._tokens
            tokens += tokenizer.encode(part, add_special_tokens=False).ids
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Their text, without the special ones."""
        return str(self._tokens.decode(list(tokens), skip_special_tokens=True))

    def quoted(self, value: Any) -> Any:
        """The same JSON, special tokens in it marked: whoever writes `<|im_end|>` into a message does not end it."""
        match value:
            case str():
                plain = value.replace(_LEFT, "").replace(_RIGHT, "")
                return self._special.sub(lambda found: f"{_LEFT}{found[0]}{_RIGHT}", plain)
            case Mapping():
                return {self.quoted(name): self.quoted(item) for name, item in value.items()}
            case list() | tuple():
                return [self.quoted(item) for item in value]
            case _:
                return value


class Spelling:
    """Text of tokens that come one by one, in whole characters."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._waiting: list[int] = []

    def feed(self, token: int) -> str:
        """The text that is complete with this token."""
        self._waiting.append(token)
        text = self._vocabulary.decode(self._waiting)
        if text.endswith(_BROKEN) and len(self._waiting) < _LONGEST:
            return ""
        self._waiting.clear()
        return text

    def end(self) -> str:
        """What is left of a character that was not completed."""
        text = self._vocabulary.decode(self._waiting)
        self._waiting.clear()
        return text
