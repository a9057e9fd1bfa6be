"""Text without halves of surrogate pairs: no request can be made with them, and nobody means them.

They come from servers that cut a text into tokens, from tools that read the names of files, from command lines.
"""

from __future__ import annotations

from typing import Any


def whole(text: str) -> str:
    """The same text, a replacement character for each half of a pair that lacks the other."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def whole_in(value: Any) -> Any:
    """The same JSON, each text in it whole."""
    match value:
        case str():
            return whole(value)
        case list() | tuple():
            return [whole_in(item) for item in value]
        case dict():
            return {whole(name): whole_in(item) for name, item in value.items()}
        case _:
            return value
