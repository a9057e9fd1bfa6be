"""What a literal may be, wherever it comes from: a program, a plan, the wire.

JSON, and of JSON only what every tool, log and file can hold again: finite numbers, whole characters (an escape for
half of a surrogate pair can be written to no file), and a depth at which no recursive function overflows.
"""

from __future__ import annotations

import json
import re
from math import isfinite

from asyncfc_sim.core.values import JSON

from .errors import LanguageError

MAX_DEPTH = 64
_MAX_BITS = 14_000  # some 4,200 digits; Python refuses to read or print more than 4,300

_half = re.compile("[\ud800-\udfff]")
# Strings (of JSON and of Python), comments and thoughts, in which brackets do not count, and brackets.
_skipped = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?:#|Thought:)[^\n]*)"""
_nesting = re.compile(rf"{_skipped}|(?P<open>[\[{{(])|(?P<close>[\])}}])")


def refuse_depth(text: str, source: str) -> None:
    """Raise LanguageError at the first bracket that is nested deeper than `MAX_DEPTH`.

    Looked at before anything is parsed, so that nothing that is parsed can be too deep for a recursive function.
    """
    if sum(map(text.count, "([{")) <= MAX_DEPTH:  # nearly all texts: the short way past the expression
        return
    depth = 0
    for match in _nesting.finditer(text):
        if match["open"]:
            depth += 1
            if depth > MAX_DEPTH:
                raise LanguageError.at(text, match.start(), f"nested more than {MAX_DEPTH} deep", source)
        elif match["close"]:
            depth -= 1


def number(text: str) -> int | float:
    """A number in JSON's notation. Raises ValueError if it is one that cannot be held."""
    return finite(float(text)) if any(mark in text for mark in ".eE") else _integer(text)


def _integer(text: str) -> int | float:
    try:
        return finite(int(text))
    except ValueError:
        raise ValueError("the number has too many digits") from None


def finite(value: int | float) -> int | float:
    """The same number. Raises ValueError if it is none, or infinite, or has more digits than Python prints."""
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("the number is too large")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise ValueError("the number has too many digits")
    return value


def whole(text: str) -> str:
    """The same text. Raises ValueError if it holds half of a surrogate pair."""
    if not text.isascii() and _half.search(text):
        raise ValueError("the string holds half of a surrogate pair")
    return text


def parse_json(text: str, source: str) -> JSON:
    """A JSON text, strictly: no NaN or infinity, no name twice in an object. Raises LanguageError."""
    refuse_depth(text, source)
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        message = error.msg[0].lower() + error.msg[1:]
        raise LanguageError.at(text, error.pos, f"not JSON: {message}", source) from None
    except ValueError as error:
        raise LanguageError.at(text, 0, str(error), source) from None


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {json.dumps(name)} stands twice in one object")
        found[name] = value
    return found


def _constant(name: str) -> JSON:
    raise ValueError(f"not JSON: {name}")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=number, parse_int=_integer)
