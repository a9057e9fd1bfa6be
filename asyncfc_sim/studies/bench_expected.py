"""Whether an answer is what was expected: a text or a number that it must contain, or JSON that it must equal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from asyncfc_sim.core.values import JSON

_NUMBER = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w]|\.\d)")
_FENCED = re.compile(r"```(?:\w+)?\s*\n(.*?)```", re.DOTALL)


def meets(answer: str, expected: JSON) -> bool:
    """A text must be contained in the answer, letter case and the amount of white space aside. A number must be one of
    the numbers in it (5 is not in "15"; "3,664,088" is one number). Anything else must equal the answer read as JSON,
    or a fenced block of it."""
    match expected:
        case str():
            return _plain(expected) in _plain(answer)
        case bool() | None | list() | dict():
            return any(_same(found, expected) for found in _jsons(answer))
        case _:
            return any(float(number.replace(",", "")) == expected for number in _NUMBER.findall(answer))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _jsons(answer: str) -> Iterator[Any]:
    for text in (answer, *_FENCED.findall(answer)):
        with suppress(ValueError):
            yield json.loads(text)


def _same(a: Any, b: Any) -> bool:
    """Equal as JSON: 1 is 1.0, but true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)
