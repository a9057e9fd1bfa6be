"""What a state looks like: each part that is no container, by its location, as text. Two states are compared by it.

The order of a dict's keys is kept apart: it is part of no equality in Python, but a loop may show it. The same object
at two places is told at the first, and named by it at the second.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .access import Location, told
from .graph import Graph, Space


@dataclass(frozen=True, slots=True)
class Observation:
    """A state: `content` by location, and in which `order` the keys of each dict and the rows of each table stand."""

    content: Mapping[Location, str] = field(default_factory=dict)
    order: Mapping[Location, tuple[Hashable, ...]] = field(default_factory=dict)

    def __or__(self, other: Observation) -> Observation:
        return Observation({**self.content, **other.content}, {**self.order, **other.order})

    def changed(self, other: Observation) -> list[Location]:
        """Where the two differ, leaving the order of keys aside; what is inside a changed part is not named again."""
        if self.content == other.content:
            return []
        here, there = self.content, other.content
        different = {where for where in here.keys() | there.keys() if here.get(where) != there.get(where)}
        return sorted((where for where in different if not _within(where, different)), key=told)

    def reordered(self, other: Observation) -> list[Location]:
        """The dicts and tables that have the same keys in another order."""
        common = self.order.keys() & other.order.keys()
        return sorted((where for where in common if self.order[where] != other.order[where]), key=told)


def _within(where: Location, others: set[Location]) -> bool:
    return any(where[:depth] in others for depth in range(1, len(where)))


def observe(graph: Graph, spaces: Iterable[Space]) -> Observation:
    """The state that can be reached from some variables."""
    content: dict[Location, str] = {}
    order: dict[Location, tuple[Hashable, ...]] = {}
    seen: dict[int, Location] = {}

    def look(where: Location, value: Any) -> None:
        kind = graph.kind(value)
        match kind:
            case "atom":
                content[where] = repr(value) if type(value) is not float else repr(value + 0.0)
                return
            case "opaque":
                content[where] = f"<{type(value).__name__}>"
                return
            case "random":
                content[where] = f"Random({hash(value.getstate())})"
                return
            case "count":
                content[where] = repr(value)
                return
        if id(value) in seen:
            content[where] = f"@{told(seen[id(value)])}"
            return
        seen[id(value)] = where
        if kind in ("function", "class", "method", "cache"):
            content[where] = getattr(value, "__name__", kind)
        elif kind == "set":
            content[where] = "set"
            for item in sorted(set.__iter__(value), key=repr):  # else it would be another order in each process
                content[(*where, ("[", item))] = "in it"
            return
        else:
            content[where] = _type_name(value)
        parts = graph.parts(value)
        if kind == "dict" and len(parts) > 1:
            order[where] = tuple(key for (_, key), _ in parts)
        for segment, part in parts:
            look((*where, segment), part)

    for space in spaces:
        for where, _, value in space.roots():
            look(where, value)
    return Observation(content, order)


def _type_name(value: Any) -> str:
    of = type(value)
    return str(getattr(of, "__stands_for__", of).__name__)
