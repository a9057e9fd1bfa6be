"""The events of a trace, as data: which fields each rule carries, and what may stand in them.

The table is the schema; the meaning of each event is in trace.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from asyncfc_sim.core.footprint import parse_pattern

# field -> kind; a `?` marks a field that may be absent. Other fields than these may be there and are kept.
RULES: Final[Mapping[str, Mapping[str, str]]] = {
    # the scheduler's rules
    "issue": {"future": "future", "tool": "text", "args": "object", "message": "count?"},
    "start": {"future": "future", "tool": "text", "args": "object", "reads": "patterns", "writes": "patterns"},
    "finish": {"future": "future", "value": "value"},
    "fail": {"future": "future", "error": "error"},
    "touch": {"futures": "futures"},
    "deliver": {"futures": "futures"},
    "cancel": {"future": "future"},
    "timeout": {"future": "future"},
    "end": {"future": "future"},
    "cut": {"future": "future"},
    # the session's and the driver's
    "user": {"turn": "count", "text": "text?"},
    "request": {"turn": "count", "prompt_tokens": "number?", "cached_tokens": "number?"},
    "first_token": {"turn": "count"},
    "message": {
        "turn": "count",
        "tokens": "number?",
        "prompt_tokens": "number?",
        "cached_tokens": "number?",
        "text_chars": "number?",
        "text": "text?",
    },
    "placeholder": {"future": "future"},
    "answer": {"text": "text?"},
    "give_up": {"reason": "text"},
    "access": {"future": "future", "mode": "mode", "key": "pattern"},
}

HEADER: Final[Mapping[str, str]] = {
    "run": "text",
    "source": "source",
    "clock": "clock",
    "policy": "text?",
    "case": "text?",
    "seed": "integer?",
    "version": "text?",
    "values": "values?",
    "inputs": "object?",
}
NULLABLE: Final = {"policy", "case", "seed"}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_future(value: Any) -> bool:
    return _is_count(value) and value > 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and parse_pattern(value) is not None
    except ValueError:
        return False


def _one_of(*words: str) -> tuple[str, Callable[[Any], bool]]:
    return " or ".join(f'"{word}"' for word in words), lambda value: value in words


KINDS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "future": ("the number of a future (1, 2, ...)", _is_future),
    "futures": ("a list of numbers of futures", lambda value: isinstance(value, list) and all(map(_is_future, value))),
    "text": ("a string", lambda value: isinstance(value, str)),
    "pattern": ("a key pattern (file:/d/x, file:/d/*)", _is_pattern),
    "patterns": ("a list of key patterns", lambda value: isinstance(value, list) and all(map(_is_pattern, value))),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "error": (
        'an object with a string "kind"',
        lambda value: isinstance(value, dict) and isinstance(value.get("kind"), str),
    ),
    "count": ("a whole number, 0 or more", _is_count),
    "number": ("a number, 0 or more", _is_number),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "mode": _one_of("r", "w"),
    "source": _one_of("simulate", "live", "reference", "walk"),
    "clock": _one_of("simulated", "wall"),
    "values": _one_of("full", "preview"),
    "value": ("any JSON value", lambda value: True),
}


_Checks = list[tuple[str, str, Callable[[Any], bool], bool]]  # field, what is expected, test, optional


def _checks(kinds: Mapping[str, str]) -> _Checks:
    return [(name, *KINDS[kind.rstrip("?")], kind.endswith("?")) for name, kind in kinds.items()]


_EVENT_CHECKS: Final = {rule: _checks(kinds) for rule, kinds in RULES.items()}
_HEADER_CHECKS: Final = _checks(HEADER)
OPTIONAL: Final = {
    rule: frozenset(name for name, *_, optional in checks if optional) for rule, checks in _EVENT_CHECKS.items()
}


def check_event(t: Any, rule: Any, fields: Mapping[str, Any], last_t: float) -> None:
    """Raise ValueError, saying what was expected, if this is no event that may follow one at `last_t` seconds."""
    if not _is_number(t):
        raise ValueError(f"the time t is {_shown(t)}; expected seconds since the start of the run, 0 or more")
    if t < last_t:
        raise ValueError(f"time goes backwards, from {last_t} s to {t} s")
    if not isinstance(rule, str) or rule not in RULES:
        close = get_close_matches(str(rule), RULES, n=1)
        expected = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(RULES)}"
        raise ValueError(f"unknown rule {_shown(rule)}; {expected}")
    _check_fields(rule, _EVENT_CHECKS[rule], fields)


def check_header(fields: Mapping[str, Any]) -> None:
    """Raise ValueError, saying what was expected, if these are not the fields of a header."""
    for name in fields:
        if name not in HEADER:
            raise ValueError(f"unknown header field {name!r}; what is particular to a run goes under 'inputs'")
    given = {name: value for name, value in fields.items() if value is not None or name not in NULLABLE}
    _check_fields("the header", _HEADER_CHECKS, given)


def _check_fields(what: str, checks: _Checks, fields: Mapping[str, Any]) -> None:
    for name, expected, holds, optional in checks:
        if name in fields:
            if not holds(fields[name]):
                raise ValueError(f"{what}: {name} is {_shown(fields[name])}; expected {expected}")
        elif not optional:
            raise ValueError(f"{what} lacks the field {name!r}; expected {expected}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
