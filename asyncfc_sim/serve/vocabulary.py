"""Between text and tokens, by the `tokenizers` library; and who may write the tokens that structure a conversation."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from .model_config import ModelFault, read_json

# Two characters that no text needs, around a special token's text where a person or a tool wrote it.
_LEFT, _RIGHT = "\U000f0000", "\U000f0001"
_WRITTEN = re.compile(f"{_LEFT}([^{_LEFT}{_RIGHT}]*){_RIGHT}")
# Byte-level tokens are written in printable characters: a byte that is one stands for itself, the others follow 255.
_SHOWN = [*range(33, 127), *range(161, 173), *range(174, 256)]
_HIDDEN = [byte for byte in range(256) if byte not in _SHOWN]
_BYTES = {chr(byte): byte for byte in _SHOWN} | {chr(256 + n): byte for n, byte in enumerate(_HIDDEN)}


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
        if "ByteLevel" not in json.dumps(found.get("decoder")):
            raise ModelFault(f"{path}: its tokens are not made of bytes: decoder {found.get('decoder')!r:.60}")
        added = {int(token["id"]): token for token in found.get("added_tokens", [])}
        self.special = tuple(str(token["content"]) for token in added.values() if token.get("special"))
        # As added tokens stand for themselves; the special ones say nothing.
        self._bytes = {
            number: b"" if token.get("special") else str(token["content"]).encode() for number, token in added.items()
        }
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

    def bytes_of(self, token: int) -> bytes:
        """What a token adds to the text: part of a character, it may be. Nothing for a number that is no token."""
        if token not in self._bytes:
            spelt = self._tokens.id_to_token(token) or ""
            self._bytes[token] = bytes(_BYTES[character] for character in spelt)
        return self._bytes[token]

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
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token: int) -> str:
        """The text that is complete with this token."""
        return self._decoder.decode(self._vocabulary.bytes_of(token))

    def end(self) -> str:
        """What is left of a character that was not completed."""
        return self._decoder.decode(b"", final=True)
