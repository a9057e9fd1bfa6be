"""The state of a module as it was, and putting it back: in place, because others may hold the same dict."""

from __future__ import annotations

import itertools
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any

from .access import Location, told
from .graph import Graph, Space, attributes_of, cells, defaults_of, is_data, items_of, put_default

Restore = Callable[[], None]


class Snapshot:
    """What can be reached from some variables. `opaque` are the things that can neither be compared nor put back."""

    def __init__(self, graph: Graph, spaces: Iterable[Space]) -> None:
        self._graph = graph
        self._spaces = tuple(spaces)
        self._restores: list[Restore] = []
        self._seen: dict[int, Any] = {}  # the things themselves are kept, so that no id is used twice
        self.opaque: dict[str, Any] = {}
        self.classes: set[type] = set()
        for space in self._spaces:
            self._restores.append(_space(space))
            for where, _, value in space.roots():
                self._walk(where, value)

    def restore(self) -> None:
        for restore in self._restores:
            restore()

    def _walk(self, where: Location, value: Any) -> None:
        kind = self._graph.kind(value)
        if kind == "atom" or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if kind == "opaque":
            self.opaque[told(where)] = value
            return
        if kind in ("object", "class"):
            self.classes.add(value if kind == "class" else type(value))
        self._restores += self._saved(kind, value)
        for segment, part in self._graph.parts(value):
            self._walk((*where, segment), part)

    def _saved(self, kind: str, value: Any) -> list[Restore]:
        match kind:
            case "dict":
                return [_dict(value), *_object(value)]
            case "list":
                return [_list(value)]
            case "set":
                return [_set(value)]
            case "object":
                return _object(value)
            case "class":
                return [_class(value)]
            case "function":
                return [_dict(vars(value)), _function(value)]
            case "random":
                state = value.getstate()
                return [lambda: value.setstate(state)]
            case "cache":
                return [value.cache_clear]
            case _:
                return []


class _Count:
    """An `itertools.count`, as it was: it cannot be put back, so another is put in its place."""

    __slots__ = ("_arguments",)

    def __init__(self, count: Any) -> None:
        text = re.fullmatch(r"count\((.*)\)", repr(count))
        assert text is not None
        self._arguments = [int(part) if part.lstrip("-").isdigit() else float(part) for part in text[1].split(", ")]

    def again(self) -> Any:
        return itertools.count(*self._arguments)


def _frozen(value: Any) -> Any:
    return _Count(value) if type(value) is itertools.count else value


def _thawed(value: Any) -> Any:
    return value.again() if type(value) is _Count else value


def _space(space: Space) -> Restore:
    values = space.values
    saved = {name: _frozen(values[name]) for name in space.names & values.keys()}

    def restore() -> None:
        for name in space.names:
            if name in saved:
                values[name] = _thawed(saved[name])
            elif name in values:
                del values[name]

    return restore


def _dict(value: dict[Any, Any]) -> Restore:
    of: Any = OrderedDict if isinstance(value, OrderedDict) else dict
    saved = {key: _frozen(item) for key, item in items_of(value)}

    def restore() -> None:
        of.clear(value)
        for key, item in saved.items():
            of.__setitem__(value, key, _thawed(item))

    return restore


def _list(value: Any) -> Restore:
    saved = [_frozen(item) for item in value]

    def restore() -> None:
        if isinstance(value, deque):
            deque.clear(value)
            deque.extend(value, map(_thawed, saved))
        else:
            list.__setitem__(value, slice(None), list(map(_thawed, saved)))

    return restore


def _set(value: set[Any]) -> Restore:
    saved = set(value)

    def restore() -> None:
        set.clear(value)
        set.update(value, saved)

    return restore


def _object(value: Any) -> list[Restore]:
    saved = {str(name): _frozen(item) for (_, name), item in attributes_of(value)}

    def restore() -> None:
        for (_, name), _ in attributes_of(value):
            if name not in saved:
                object.__delattr__(value, str(name))
        for name, item in saved.items():
            object.__setattr__(value, name, _thawed(item))

    return [restore] if saved or hasattr(value, "__dict__") else []


def _class(of: type) -> Restore:
    saved = {name: _frozen(item) for name, item in vars(of).items() if is_data(name, item)}

    def restore() -> None:
        for name, item in list(vars(of).items()):
            if is_data(name, item) and name not in saved:
                type.__delattr__(of, name)
        for name, item in saved.items():
            if vars(of).get(name) is not item:
                type.__setattr__(of, name, _thawed(item))

    return restore


def _function(function: Any) -> Restore:
    defaults = defaults_of(function)
    values = {}
    for name, cell in cells(function).items():
        try:
            values[name] = _frozen(cell.cell_contents)
        except ValueError:
            continue

    def restore() -> None:
        for name, item in defaults_of(function).items():
            if item is not defaults[name]:
                put_default(function, name, defaults[name])
        for name, cell in cells(function).items():
            if name in values:
                cell.cell_contents = _thawed(values[name])
            else:
                try:
                    del cell.cell_contents
                except ValueError:  # it is empty again already
                    continue

    return restore
