"""Dicts, lists and sets that note what is done to them: stand-ins, of subclasses made here, for those of the user.

Whoever asks for the type by `isinstance`, or uses any method or operator, finds what was there. Fast paths of C code
that read a subclass of list or set past its methods (`set().union(s)`, `heapq`) go unnoted; what they change is
found by comparing states.
"""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from .access import KEYS, Access, Location, Segment
from .graph import items_of

Note = Callable[[Access], None]
Effect = Callable[..., None]

CONTAINERS: Final = (dict, list, set, deque)


def stand_in(original: Any, where: Location, note: Note) -> Any:
    """An empty container of the same kind, which notes accesses under `where`; `fill` puts the content in."""
    twin_type: Any = _twin_type(type(original))
    twin = twin_type.__new__(twin_type)
    if isinstance(original, defaultdict):
        defaultdict.__init__(twin, original.default_factory)
    elif isinstance(original, deque):
        deque.__init__(twin, (), original.maxlen)
    twin.__at__, twin.__note__ = where, note
    return twin


def fill(twin: Any, items: Iterable[Any]) -> None:
    """`items` are pairs for a dict. Nothing is noted."""
    match twin:
        case OrderedDict():
            for key, item in items:
                OrderedDict.__setitem__(twin, key, item)
        case dict():
            dict.update(twin, items)
        case deque():
            deque.extend(twin, items)
        case list():
            list.extend(twin, items)
        case set():
            set.update(twin, items)


def is_stand_in(value: Any) -> bool:
    return hasattr(type(value), "__stands_for__")


def read_through(value: Any) -> Any:
    """A copy without stand-ins of what a tool returned: whoever receives it reads all of it."""
    match value:
        case _ if is_stand_in(value):
            return read_through(copy.copy(value))
        case OrderedDict() | defaultdict():
            return {key: read_through(item) for key, item in value.items()}
        case dict() if type(value) is dict:
            return {key: read_through(item) for key, item in value.items()}
        case list() if type(value) is list:
            return [read_through(item) for item in value]
        case tuple() if type(value) is tuple:
            return tuple(read_through(item) for item in value)
        case _:
            return value


_TWINS: dict[type, type] = {}


def _twin_type(of: type) -> type:
    if of in _TWINS:
        return _TWINS[of]
    table = next(methods for kind, methods in _METHODS if issubclass(of, kind))
    if issubclass(of, Counter):  # it adds up what others replace
        table = {**table, **dict.fromkeys(("update", "subtract", "__iadd__", "__isub__"), _remove_some)}
    methods = {name: _noting(name, effect, of) for name, effect in table.items() if hasattr(of, name)}
    body = {"__slots__": ("__at__", "__note__"), "__stands_for__": of, **_COPIES, **methods}
    _TWINS[of] = type(of.__name__, (of,), body)
    return _TWINS[of]


def _noting(name: str, effect: Effect, of: type) -> Callable[..., Any]:
    original = getattr(of, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        effect(self, *args, **kwargs)
        return original(self, *args, **kwargs)

    def on_copy(self: Any, *args: Any, **kwargs: Any) -> Any:
        effect(self, *args, **kwargs)
        return original(_plain(self), *args, **kwargs)

    def update(self: Any, *args: Any, **kwargs: Any) -> Any:
        changes = dict(*args, **kwargs)  # once: it may be an iterator
        for key in changes:
            effect(self, key)
        return original(self, changes)

    if name in _OF_A_COPY:
        return on_copy
    return update if effect is _add_item and name != "__setitem__" else method


def _plain(self: Any) -> Any:
    """A shallow copy that is no stand-in."""
    of = type(self).__stands_for__
    base = of if of in (defaultdict, OrderedDict, deque) else next(kind for kind in CONTAINERS if issubclass(of, kind))
    match self:
        case defaultdict() if base is defaultdict:
            return defaultdict(self.default_factory, items_of(self))
        case dict():
            return base(items_of(self))
        case deque():
            return deque(deque.__iter__(self), self.maxlen)
        case list():
            return list(list.__iter__(self))
        case _:
            return set(set.__iter__(self))


def _noted(self: Any, kind: Any, *segments: Any, below: bool = False) -> None:
    self.__note__(Access(kind, (*self.__at__, *segments), below))


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    _read_all(self)
    return copy.deepcopy(_plain(self), memo)


def _reduce_ex(self: Any, protocol: Any) -> Any:
    _read_all(self)
    make, args, *rest = _plain(self).__reduce_ex__(protocol)
    # `__newobj__` insists on the class of what is pickled, which is the stand-in's.
    return (args[0], args[1:], *rest) if make.__name__ == "__newobj__" else (make, args, *rest)


def _shallow(self: Any) -> Any:
    _read_all(self)
    return _plain(self)


_COPIES: Final = {"copy": _shallow, "__copy__": _shallow, "__deepcopy__": _deepcopy, "__reduce_ex__": _reduce_ex}


# What methods do. Each effect is told before the method runs, so that it can see what is there.


def _read_keys(self: Any, *_: Any) -> None:
    _noted(self, "r", KEYS)


def _read_all(self: Any, *_: Any, **__: Any) -> None:
    _noted(self, "r", KEYS)
    match self:
        case dict():
            places: Iterable[Segment] = (("[", key) for key in dict.keys(self))
        case set():
            places = (("[", item) for item in set.__iter__(self))
        case _:
            places = (("#", index) for index in range(_length(self)))
    for place in places:
        _noted(self, "r", place)


def _write_all(self: Any, *_: Any, **__: Any) -> None:
    _noted(self, "w", below=True)


def _read_item(self: Any, key: Any, *_: Any) -> None:
    hash(key)
    _noted(self, "r", ("[", key))


def _add_item(self: Any, key: Any, *_: Any) -> None:
    hash(key)
    _noted(self, "w", ("[", key), below=True)
    if not _has(self, key):
        _noted(self, "add", KEYS)


def _add_if_missing(self: Any, key: Any, *_: Any) -> None:
    hash(key)
    (_read_item if _has(self, key) else _add_item)(self, key)
    _noted(self, "r", ("[", key))


def _remove_item(self: Any, key: Any, *_: Any) -> None:
    hash(key)
    _noted(self, "r", ("[", key))
    if _has(self, key):
        _noted(self, "w", ("[", key), below=True)
        _noted(self, "add", KEYS)


def _remove_some(self: Any, *_: Any, **__: Any) -> None:
    _noted(self, "r", KEYS)
    _noted(self, "w", below=True)


def _reorder(self: Any, *_: Any, **__: Any) -> None:
    _noted(self, "w", KEYS)


def _has(self: Any, key: Any) -> bool:
    return dict.__contains__(self, key) if isinstance(self, dict) else set.__contains__(self, key)


def _length(self: Any) -> int:
    return deque.__len__(self) if isinstance(self, deque) else list.__len__(self)


def _read_index(self: Any, index: Any) -> None:
    length = _length(self)
    if isinstance(index, slice):
        _noted(self, "r", KEYS)
        for number in range(*index.indices(length)):
            _noted(self, "r", ("#", number))
        return
    number = index.__index__()
    if not 0 <= number < length:
        _noted(self, "r", KEYS)
    _noted(self, "r", ("#", number + length if number < 0 else number))


def _write_index(self: Any, index: Any, *_: Any) -> None:
    if isinstance(index, slice):
        return _write_all(self)
    length, number = _length(self), index.__index__()
    if not 0 <= number < length:
        _noted(self, "r", KEYS)
    return _noted(self, "w", ("#", number + length if number < 0 else number), below=True)


def _append(self: Any, *_: Any) -> None:
    _noted(self, "w", KEYS)  # no call knows of the new items but by the length


def _pop_index(self: Any, index: int = -1) -> None:
    if index != -1:
        return _remove_some(self)
    _noted(self, "w", KEYS)
    return _noted(self, "w", ("#", _length(self) - 1), below=True)


_COMPARISONS: Final = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__repr__")
_SET_OPERATIONS: Final = (
    *("__and__", "__rand__", "__or__", "__ror__", "__sub__", "__rsub__", "__xor__", "__rxor__", "union"),
    *("intersection", "difference", "symmetric_difference", "isdisjoint", "issubset", "issuperset"),
)
_ITERATION: Final = ("__iter__", "__reversed__", "__len__")
_DICT: Final[dict[str, Effect]] = {
    **dict.fromkeys(("__getitem__", "__contains__", "get"), _read_item),
    **dict.fromkeys(("__delitem__", "pop"), _remove_item),
    **dict.fromkeys((*_ITERATION, "keys"), _read_keys),
    **dict.fromkeys(("items", "values", *_COMPARISONS, "__or__", "__ror__", "most_common", "elements"), _read_all),
    **dict.fromkeys(("__setitem__", "update", "__ior__"), _add_item),
    "setdefault": _add_if_missing,
    "popitem": _remove_some,
    "clear": _write_all,
    "move_to_end": _reorder,
}
_LIST: Final[dict[str, Effect]] = {
    **dict.fromkeys((*_COMPARISONS, "__iter__", "__reversed__", "__contains__", "index", "count"), _read_all),
    **dict.fromkeys(("__add__", "__mul__", "__rmul__"), _read_all),
    **dict.fromkeys(("__delitem__", "insert", "remove", "clear", "sort", "reverse", "__imul__"), _remove_some),
    **dict.fromkeys(("append", "extend", "__iadd__"), _append),
    **dict.fromkeys(("appendleft", "extendleft", "popleft", "rotate"), _remove_some),
    "__len__": _read_keys,
    "__getitem__": _read_index,
    "__setitem__": _write_index,
    "pop": _pop_index,
}
_SET: Final[dict[str, Effect]] = {
    **dict.fromkeys((*_ITERATION, *_COMPARISONS, *_SET_OPERATIONS), _read_all),
    **dict.fromkeys(("discard", "remove"), _remove_item),
    **dict.fromkeys(
        ("update", "pop", "clear", "__iand__", "__ior__", "__isub__", "__ixor__", "difference_update",
         "intersection_update", "symmetric_difference_update"), _remove_some,
    ),
    "__contains__": _read_item,
    "add": _add_if_missing,
}  # fmt: skip
_METHODS: Final = ((dict, _DICT), ((list, deque), _LIST), (set, _SET))
_OF_A_COPY: Final = frozenset({*_COMPARISONS, *_SET_OPERATIONS, "__add__", "__mul__", "__rmul__"})
