"""Dialogues as the model reads them: text by the chat template, and which of it the model itself wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

HERE = Path(__file__).parent
_WRITTEN = re.compile(r"<\|im_start\|>assistant \$f\d+\n(.*?<\|im_end\|>)", re.DOTALL)

# As transformers renders it.
_environment = Environment(trim_blocks=True, lstrip_blocks=True)
_environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
_template = _environment.from_string((HERE / "chat_template.jinja").read_text(encoding="utf-8"))


def rendered(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
    return _template.render(messages=messages, tools=tools)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """A dialogue's text in pieces: (text, whether the model wrote it)."""
    at = 0
    for match in _WRITTEN.finditer(text):
        yield text[at : match.start(1)], False
        yield match[1], True
        at = match.end()
    yield text[at:], False
