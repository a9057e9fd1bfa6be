"""Stand-ins do what the originals do, and note it."""

from __future__ import annotations

import copy
import json
import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.verify.effects.access import KEYS, Access, Location, conflict
from asyncfc_sim.verify.effects.containers import fill, is_stand_in, read_through, stand_in

X: Location = (("", "x"),)
keys = st.sampled_from(["a", "b", "c"])
numbers = st.integers(-3, 3)

ORIGINALS: list[Any] = [
    {"a": 1, "b": 2},
    defaultdict(int, a=1),
    OrderedDict(a=1, b=2),
    Counter(a=2, b=1),
    [1, 2, 3],
    deque([1, 2, 3], maxlen=5),
    {"a", "b"},
]

DICT = [
    st.tuples(st.sampled_from(["__getitem__", "__contains__", "__delitem__"]), st.tuples(keys)),
    st.tuples(st.sampled_from(["get", "pop"]), st.tuples(keys, st.none())),
    st.tuples(st.sampled_from(["__setitem__", "setdefault"]), st.tuples(keys, numbers)),
    st.tuples(st.just("update"), st.tuples(st.dictionaries(keys, numbers, max_size=2))),
    st.tuples(st.sampled_from(["__len__", "clear", "copy", "popitem"]), st.just(())),
    st.tuples(st.sampled_from(["__eq__", "__or__", "__ior__"]), st.tuples(st.dictionaries(keys, numbers, max_size=2))),
]
LIST = [
    st.tuples(st.sampled_from(["__getitem__", "__delitem__"]), st.tuples(numbers)),
    st.tuples(st.just("__setitem__"), st.tuples(numbers, numbers)),
    st.tuples(st.sampled_from(["append", "remove", "count", "index", "__contains__"]), st.tuples(numbers)),
    st.tuples(st.sampled_from(["insert"]), st.tuples(numbers, numbers)),
    st.tuples(st.sampled_from(["__len__", "clear", "copy", "reverse", "pop"]), st.just(())),
    st.tuples(st.just("extend"), st.tuples(st.lists(numbers, max_size=2))),
]
SET = [
    st.tuples(st.sampled_from(["add", "discard", "remove", "__contains__"]), st.tuples(keys)),
    st.tuples(st.sampled_from(["union", "update", "__and__", "__ior__", "__sub__"]), st.tuples(st.sets(keys))),
    st.tuples(st.sampled_from(["__len__", "clear", "copy"]), st.just(())),
]


def operations(original: Any) -> st.SearchStrategy[list[Any]]:
    kinds = DICT if isinstance(original, dict) else SET if isinstance(original, set) else LIST
    return st.lists(st.one_of(kinds), max_size=8)


def twin_of(original: Any, noted: list[Access]) -> Any:
    twin = stand_in(original, X, noted.append)
    fill(twin, original.items() if isinstance(original, dict) else original)
    return twin


def outcome(container: Any, name: str, args: tuple[Any, ...]) -> Any:
    try:
        result = getattr(container, name)(*copy.deepcopy(args))
    except Exception as error:
        return type(error), str(error)
    return result if result is not container else "itself"


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda value: type(value).__name__)
@settings(max_examples=40)
@given(st.data())
def test_a_stand_in_does_what_the_original_does_and_notes_what_it_changes(original: Any, data: st.DataObject):
    real, noted = copy.deepcopy(original), list[Access]()
    twin = twin_of(real, noted)
    assert isinstance(twin, type(original))
    for name, args in data.draw(operations(original)):
        before = copy.deepcopy(real)
        noted.clear()
        assert outcome(twin, name, args) == outcome(real, name, args)
        assert (list(real) if isinstance(real, deque) else real) == read_plain(twin, real)
        if before != real:
            assert any(access.writes for access in noted), name
        elif name.startswith("__get") or name in ("__contains__", "get", "__len__", "count", "index", "copy"):
            assert noted
            assert not any(access.kind == "w" for access in noted if not isinstance(original, defaultdict))


def read_plain(twin: Any, real: Any) -> Any:
    plain = read_through(twin)
    assert not is_stand_in(plain)
    return list(plain) if isinstance(real, deque) else plain


def meets(operation: Any, access: Access, original: Any) -> bool:
    noted = list[Access]()
    operation(twin_of(original, noted))
    return any(conflict(each, access) for each in noted)


def test_each_item_is_a_place_of_its_own():
    write_a, any_key = Access("w", (*X, ("[", "a")), below=True), Access("r", (*X, KEYS))
    for reading in (lambda d: d["a"], lambda d: d.get("a"), lambda d: "a" in d, lambda d: list(d.items()), json.dumps):
        assert meets(reading, write_a, {"a": 1, "b": 2})
    for other in (lambda d: d["b"], lambda d: d.get("c"), len, list):
        assert not meets(other, write_a, {"a": 1, "b": 2})
    assert meets(lambda d: d.update(c=1), any_key, {"a": 1})
    assert not meets(lambda d: d.update(a=2), any_key, {"a": 1})


def test_appending_meets_the_length_and_not_the_items_before():
    first, length = Access("r", (*X, ("#", 0))), Access("r", (*X, KEYS))
    assert not meets(lambda x: x.append(1), first, [1, 2])
    assert meets(lambda x: x.append(1), length, [1, 2])
    assert meets(lambda x: x.insert(0, 1), first, [1, 2])


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), lambda x: x.copy()]
)
@pytest.mark.parametrize("original", [{"a": [1]}, [1, 2], {"a"}, defaultdict(list, a=[1]), deque([1])])
def test_a_copy_is_no_stand_in_and_has_read_everything(copied: Any, original: Any):
    noted = list[Access]()
    other = copied(twin_of(original, noted))
    assert other == original
    assert type(other) is type(original)
    assert {access.where for access in noted} >= {(*X, KEYS)}
