"""Python objects as a graph of things that hold things: which parts each has, and how to put another in a part's place.

State of tools is what can be reached from the variables of their modules. Only what is understood is walked: the
built-in containers, and objects, classes and functions of the user's own modules. What cannot change is an atom;
anything else is opaque, and whoever meets it must say that its changes would go unseen.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import logging
import re
import threading
import types
import uuid
import zoneinfo
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from random import Random
from typing import Any, Final, Literal

from .access import Location, Segment

Kind = Literal["dict", "list", "set", "tuple", "object", "class", "function", "method", "random", "count", "cache"]
Leaf = Literal["atom", "opaque"]

_ATOMS: Final = (
    *(type(None), bool, int, float, complex, str, bytes, frozenset, range, slice, type(...), type(NotImplemented)),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, zoneinfo.ZoneInfo, Decimal, Fraction),
    *(uuid.UUID, PurePath, re.Pattern, Enum, BaseException, property, types.GenericAlias, types.UnionType),
    *(logging.Logger, types.ModuleType, types.BuiltinFunctionType, types.MethodWrapperType, types.CodeType),
    *(staticmethod, classmethod, types.MemberDescriptorType, types.GetSetDescriptorType, functools.cached_property),
    # Locks hold no data; between calls nobody holds them.
    *(type(threading.Lock()), type(threading.RLock()), threading.Semaphore, threading.Condition, threading.Event),
)
_CACHE: Final[type] = type(functools.lru_cache(maxsize=None)(lambda: None))
_UNSEEN_NAMES: Final = frozenset({"__wrapped__", "__asyncfc__", "__dict__", "__weakref__"})


@dataclass(frozen=True, slots=True)
class Space:
    """Variables: the names that matter, out of a namespace. `label` is put before them where there are several."""

    values: dict[str, Any]
    names: frozenset[str]
    label: str = ""

    def roots(self) -> Iterator[tuple[Location, str, Any]]:
        for name in sorted(self.names & self.values.keys()):
            if not isinstance(self.values[name], types.ModuleType):
                yield (("", self.label + name),), name, self.values[name]


class Graph:
    """`mine` says of a module's name whether it is one of the user's: only their objects are looked into."""

    def __init__(self, mine: Callable[[str], bool]) -> None:
        self._mine = mine
        self._kinds: dict[type, Kind | Leaf] = {}

    def kind(self, value: Any) -> Kind | Leaf:
        kind = self._kinds.get(type(value))
        if kind is not None:
            return kind
        if isinstance(value, type):
            return "class" if self._mine(value.__module__) and not issubclass(value, Enum) else "atom"
        if isinstance(value, types.FunctionType):
            return "function" if self._mine(value.__module__) else "atom"
        kind = self._kinds[type(value)] = self._kind_of_type(type(value))
        return kind

    def _kind_of_type(self, of: type) -> Kind | Leaf:
        plain: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
            (dict, "dict"), ((list, deque), "list"), (set, "set"), (tuple, "tuple"), (Random, "random"),
            (itertools.count, "count"), (_CACHE, "cache"), ((types.MethodType, functools.partial), "method"),
            (types.SimpleNamespace, "object"),
        )  # fmt: skip
        for types_, kind in plain:
            if issubclass(of, types_):
                return kind
        if issubclass(of, _ATOMS) or of.__module__ in ("typing", "typing_extensions", "_abc"):
            return "atom"
        return "object" if self._mine(of.__module__) else "opaque"

    def parts(self, value: Any) -> list[tuple[Segment, Any]]:
        """What a thing holds. The methods of built-in types are called past those of subclasses."""
        match self.kind(value):
            case "dict":
                items: list[tuple[Segment, Any]] = [(("[", key), item) for key, item in items_of(value)]
                return items + (attributes_of(value) if _has_attributes(value) else [])
            case "list":
                numbered = enumerate(deque.__iter__(value) if isinstance(value, deque) else list.__iter__(value))
                return [(("#", index), item) for index, item in numbered]
            case "tuple":
                return [(("#", index), item) for index, item in enumerate(value)]
            case "object":
                return attributes_of(value)
            case "class":
                return [((".", name), item) for name, item in vars(value).items() if is_data(name, item)]
            case "function":
                return _function_parts(value)
            case "method":
                if isinstance(value, functools.partial):
                    return [
                        ((".", "func"), value.func),
                        ((".", "args"), value.args),
                        ((".", "keywords"), value.keywords),
                    ]
                return [((".", "__self__"), value.__self__), ((".", "__func__"), value.__func__)]
            case "cache":
                return [((".", "__wrapped__"), value.__wrapped__)]
            case _:
                return []

    def put(self, owner: Any, segment: Segment, value: Any) -> None:
        """Put `value` in the place of a part."""
        sort, name = segment
        match sort:
            case "[":
                dict.__setitem__(owner, name, value)
            case "#":
                owner[name] = value
            case "." if isinstance(owner, type):
                type.__setattr__(owner, str(name), value)
            case ".":
                object.__setattr__(owner, str(name), value)
            case "<":
                cells(owner)[str(name)].cell_contents = value
            case "(":
                put_default(owner, str(name), value)


def items_of(value: dict[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """The items of a dict, past what a subclass makes of them, in their order."""
    return OrderedDict.items(value) if isinstance(value, OrderedDict) else dict.items(value)


def cells(function: types.FunctionType) -> dict[str, types.CellType]:
    """The variables that a function shares with the one around it."""
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def attributes_of(value: Any) -> list[tuple[Segment, Any]]:
    own: list[tuple[Segment, Any]] = [((".", name), item) for name, item in dict_of(value).items()]
    for name in slots_of(type(value)):
        try:
            own.append(((".", name), object.__getattribute__(value, name)))
        except AttributeError:  # not set
            continue
    return own


def _has_attributes(value: Any) -> bool:
    return type(value).__dictoffset__ != 0 or bool(slots_of(type(value)))


def dict_of(value: Any) -> dict[str, Any]:
    try:
        own: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return own


_SLOTS: dict[type, tuple[str, ...]] = {}


def slots_of(of: type) -> tuple[str, ...]:
    """The names of a class's slots, as attributes."""
    if of not in _SLOTS:
        names: list[str] = []
        for base in of.__mro__:
            declared = base.__dict__.get("__slots__", ())
            for name in (declared,) if isinstance(declared, str) else declared:
                if not name.startswith("__"):
                    names.append(name)
                elif not name.endswith("__"):
                    names.append(f"_{base.__name__.lstrip('_')}{name}")
        _SLOTS[of] = tuple(dict.fromkeys(names))
    return _SLOTS[of]


def is_data(name: str, item: Any) -> bool:
    """Whether a class attribute may be state: not its methods, not what Python keeps there."""
    if name.startswith("__") and name.endswith("__"):
        return False
    return not (callable(item) or hasattr(item, "__get__"))


def _function_parts(function: types.FunctionType) -> list[tuple[Segment, Any]]:
    plain = function.__closure__ is None and function.__defaults__ is None and function.__kwdefaults__ is None
    if plain and vars(function).keys() <= _UNSEEN_NAMES:  # as most are, and there are many
        return []
    parts: list[tuple[Segment, Any]] = [
        ((".", name), item) for name, item in vars(function).items() if name not in _UNSEEN_NAMES
    ]
    parts += [(("(", name), item) for name, item in defaults_of(function).items()]
    for name, cell in cells(function).items():
        try:
            parts.append((("<", name), cell.cell_contents))
        except ValueError:  # empty: not assigned yet
            continue
    return parts


def defaults_of(function: types.FunctionType) -> dict[str, Any]:
    code, positional = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    return {
        **dict(zip(names[len(names) - len(positional) :], positional, strict=True)),
        **(function.__kwdefaults__ or {}),
    }


def put_default(function: types.FunctionType, name: str, value: Any) -> None:
    if name in (function.__kwdefaults__ or {}):
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), name: value}
        return
    code, positional = function.__code__, list(function.__defaults__ or ())
    names = code.co_varnames[: code.co_argcount]
    positional[names.index(name) - len(names) + len(positional)] = value
    function.__defaults__ = tuple(positional)
