"""Arguments for calls: simple values, values that earlier calls returned, and names that are found in the state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from asyncfc_sim.core.footprint import BadFootprint
from asyncfc_sim.core.values import JSON, ErrorValue, Value

from .access import path_of
from .observation import Observation
from .subject import Subject
from .trial import Call

ATTEMPTS: Final = 20
LEAVE_OUT: Final = 0.5  # the chance that an optional parameter is left out
REUSE: Final = 0.65  # the chance that a value seen before takes the place of one made up
NEAR: Final = 0.15  # the chance that a text is nearly, but not quite, one seen before

# Values that are known, each list from one place: keys of one dict, names of files, leaves of one result.
Known = Sequence[Sequence[JSON]]


def draw(subject: Subject, tool: str, known: Known, rng: np.random.Generator) -> Call | None:
    """A call that its tool accepts, and for which its declaration holds; None if none is found."""
    for _ in range(ATTEMPTS):
        args = _arguments(subject, tool, known, rng)
        if args is not None and accepted(subject, call := Call(tool, args)):
            return call
    return None


def accepted(subject: Subject, call: Call) -> bool:
    """Whether the scheduler would run this call: its arguments are valid, and its footprint holds."""
    tool = subject.tools[call.tool]
    try:
        if tool.validate is not None and isinstance(tool.validate(call.args), ErrorValue):
            return False
        tool.footprint(call.args)
    except BadFootprint:
        return False
    return True


def _arguments(subject: Subject, tool: str, known: Known, rng: np.random.Generator) -> dict[str, JSON] | None:
    examples = subject.examples(tool)
    if examples and rng.random() < 0.5:
        return dict(examples[int(rng.integers(len(examples)))])
    required, closed = subject.required(tool), subject.closed(tool)
    args: dict[str, JSON] = {}
    for name, pool in subject.pools(tool).items():
        if name not in required and rng.random() < LEAVE_OUT:
            continue
        if not pool:
            return None
        value = pool[int(len(pool) * rng.random() ** 2)]
        args[name] = value if name in closed else _graft(value, known, rng)
    return args


def _graft(value: JSON, known: Known, rng: np.random.Generator) -> JSON:
    """`value`, some of its texts and numbers replaced by known ones."""
    match value:
        case dict():
            return {name: _graft(item, known, rng) for name, item in value.items()}
        case list():
            return [_graft(item, known, rng) for item in value]
        case bool() | None:
            return value
    if rng.random() >= REUSE:
        return value
    kind = str if isinstance(value, str) else (int, float)
    places = [
        same for place in known if (same := [v for v in place if isinstance(v, kind) and not isinstance(v, bool)])
    ]
    if not places:
        return value
    place = places[int(rng.integers(len(places)))]
    chosen = place[int(rng.integers(len(place)))]
    return chosen.swapcase() if isinstance(chosen, str) and rng.random() < NEAR else chosen


def known_values(results: Sequence[Value], state: Observation) -> list[list[JSON]]:
    """What a caller could know: the leaves of results, and the names of things in the state."""
    places: dict[object, dict[JSON, None]] = {}
    for where in state.content:
        kind, name = where[-1]
        if kind == "/":
            places.setdefault(kind, {})[path_of(where)] = None
        elif kind in ("[", "row") and isinstance(name, str | int) and not isinstance(name, bool):
            places.setdefault(where[:-1], {})[name] = None
    known = [list(place) for place in places.values()]
    return known + [leaves for result in results if (leaves := list(dict.fromkeys(_leaves(result))))]


def _leaves(value: Value) -> Iterator[JSON]:
    match value:
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
        case str() | int() | float() if not isinstance(value, bool):
            yield value
