"""Identical calls while the first is still pending: whether the second may share its future."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from .events import Pending, Resolved
from .references import Ref, Template, Text
from .scheduler import Scheduler
from .syntax import Call
from .values import Value


@dataclass(frozen=True, slots=True)
class Twin:
    """An unresolved call with the same tool and arguments; `harmless` if sharing its future changes nothing."""

    future: int
    harmless: bool


class Duplicates:
    """The calls that are not settled yet, by their key, and which numbers share the future of an earlier call."""

    def __init__(self) -> None:
        self._latest: dict[Hashable, int] = {}
        self._keys: dict[int, Hashable] = {}  # the same the other way round
        self._same_as: dict[int, int] = {}

    def share(self, number: int, future: int) -> None:
        """`number` stands for `future` from now on."""
        self._same_as[number] = future

    def future_of(self, number: int) -> int:
        return self._same_as.get(number, number)

    def renamed(self, template: Template) -> Any:
        """`template`, with references to shared numbers turned into references to the futures that they share."""
        return rename(template, self._same_as) if self._same_as else template

    def by_number(self, values: Mapping[int, Value]) -> dict[int, Value]:
        """`values` of futures, by every number that stands for one of them."""
        shared = {number: values[future] for number, future in self._same_as.items() if future in values}
        return {**values, **shared}

    def note(self, key: Hashable, future: int) -> None:
        """The call with this key is issued."""
        self._latest[key] = future
        self._keys[future] = key

    def settled(self, future: int) -> None:
        """The call has settled: later ones are no twins of it."""
        key = self._keys.pop(future, None)
        if key is not None and self._latest.get(key) == future:
            del self._latest[key]

    def cut(self, failed: int) -> None:
        """strict: the calls after the one that failed never were."""
        for future in [future for future in self._keys if future > failed]:
            self.settled(future)

    def twin_of(self, key: Hashable, call: Call, scheduler: Scheduler) -> Twin | None:
        """The unresolved twin of a call that is about to be issued, if it has one; `key` is the call's `key_of`.

        Sharing is harmless if the twin only reads or may be repeated (idempotent), and nothing issued since the twin
        conflicts with it: a read after a write to the same key must read again.
        """
        twin = self._latest.get(key, 0)
        state = scheduler.futures.get(twin)
        if state is None or isinstance(state, Resolved):
            return None
        known = not isinstance(state, Pending) or state.args is not None
        tool = scheduler.tools.get(call.tool)
        repeatable = (known and not state.footprint.writes) or (tool is not None and tool.idempotent)
        harmless = repeatable and scheduler.latest_conflict(call.future, state.footprint) <= twin
        return Twin(twin, harmless)


def key_of(call: Call) -> Hashable:
    """Equal for identical calls, and for no others."""
    return call.tool, tuple([(name, _key(call.args[name])) for name in sorted(call.args)])


def _key(template: Template) -> Hashable:
    match template:
        case str() | Ref() | Text():
            return template
        case list():
            return ("[", *map(_key, template))
        case dict():
            return ("{", *[(name, _key(item)) for name, item in template.items()])
        case _:
            return type(template), template  # to Python, 1 and 1.0 and True are equal


def rename(template: Template, same_as: Mapping[int, int]) -> Any:
    """`template` with some of the futures that it names replaced by others."""
    match template:
        case Ref(future, path):
            return Ref(same_as.get(future, future), path)
        case Text(parts):
            return Text(tuple(rename(part, same_as) for part in parts))
        case list():
            return [rename(item, same_as) for item in template]
        case dict():
            return {name: rename(item, same_as) for name, item in template.items()}
        case _:
            return template
