"""Whatever is done to what some variables hold, it can be put back: in place, and to the last part."""

from __future__ import annotations

import functools
import itertools
import random
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.verify.effects.access import told
from asyncfc_sim.verify.effects.graph import Graph, Space
from asyncfc_sim.verify.effects.observation import observe
from asyncfc_sim.verify.effects.snapshot import Snapshot

GRAPH = Graph(lambda module: module == __name__)


def space(values: dict[str, Any], *more: str) -> Space:
    return Space(values, frozenset((*values, *more)))


class Account:
    opened: ClassVar[int] = 0

    def __init__(self, balance: int) -> None:
        self.balance = balance
        self.history: list[int] = []


@dataclass(slots=True)
class Point:
    x: int
    tags: set[str] = field(default_factory=set)


def counter():
    n = 0

    def up() -> int:
        nonlocal n
        n += 1
        return n

    return up


def remember(item: str, seen: list[str] = []) -> int:  # noqa: B006
    seen.append(item)
    remember.calls = getattr(remember, "calls", 0) + 1  # type: ignore[attr-defined]
    return len(seen)


def everything() -> dict[str, Any]:
    shared: list[int] = [1]
    return {
        "store": {"a": {"n": 1}, "b": [1, 2]},
        "default": defaultdict(list, x=[1]),
        "ordered": OrderedDict(a=1, b=2),
        "tally": Counter(a=2),
        "line": deque([1, 2], maxlen=4),
        "seen": {"x"},
        "pair": ([1], {"k": 1}),
        "account": Account(10),
        "point": Point(1, {"t"}),
        "number": 3,
        "ids": itertools.count(5),
        "chance": random.Random(1),
        "one": shared,
        "other": shared,
        "lock": threading.Lock(),
        "Account": Account,
        "remember": remember,
        "up": counter(),
    }


CHANGES = [
    lambda v: v["store"]["a"].update(n=2, m=3),
    lambda v: v["store"].pop("b"),
    lambda v: v["default"]["new"].append(1),
    lambda v: v["ordered"].move_to_end("a"),
    lambda v: v["tally"].update("ab"),
    lambda v: v["line"].appendleft(9),
    lambda v: v["seen"].add("y"),
    lambda v: v["pair"][0].append(2),
    lambda v: v["account"].history.append(1),
    lambda v: setattr(v["account"], "balance", 11),
    lambda v: setattr(v["account"], "note", "new"),
    lambda v: delattr(v["account"], "balance"),
    lambda v: setattr(v["point"], "x", 2),
    lambda v: v["point"].tags.clear(),
    lambda v: v.update(number=4),
    lambda v: next(v["ids"]),
    lambda v: v["chance"].random(),
    lambda v: v["one"].append(2),
    lambda v: v.update(one=[1]),  # no longer the same list as the other
    lambda v: v.update(added={}),
    lambda v: v["lock"].acquire(),
    lambda v: setattr(Account, "opened", Account.opened + 1),
    lambda v: setattr(Account, "closed", 1),
    lambda v: remember("x"),
    lambda v: v["up"](),
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=8))
def test_everything_is_put_back_in_place(changes):
    values = everything()
    held = {name: value for name, value in values.items() if name != "ids"}  # a count is replaced by its like
    spaces = [space(values, "added")]
    snapshot = Snapshot(GRAPH, spaces)
    before = observe(GRAPH, spaces)
    for change in changes:
        try:
            change(values)
        except (AttributeError, KeyError):  # done once already
            continue
        if values["lock"].locked():
            values["lock"].release()
    snapshot.restore()
    after = observe(GRAPH, spaces)
    assert [told(where) for where in before.changed(after)] == []
    assert before.order == after.order
    assert all(values[name] is value for name, value in held.items())
    assert "added" not in values


def test_every_change_is_seen():
    for number, change in enumerate(CHANGES):
        values = everything()
        spaces = [space(values, "added")]
        snapshot, before = Snapshot(GRAPH, spaces), observe(GRAPH, spaces)
        change(values)
        after = observe(GRAPH, spaces)
        assert before.changed(after) or before.reordered(after), number
        snapshot.restore()


def test_what_cannot_be_put_back_is_named():
    values: dict[str, Any] = {"store": {"connection": threading.local()}, "file": open(__file__)}  # noqa: SIM115
    snapshot = Snapshot(GRAPH, [space(values)])
    values["file"].close()
    assert sorted(snapshot.opaque) == ["file", "store['connection']"]


def test_caches_are_emptied():
    cached = functools.lru_cache(len)
    snapshot = Snapshot(GRAPH, [space({"cached": cached})])
    cached("abc")
    assert cached.cache_info().currsize == 1
    snapshot.restore()
    assert cached.cache_info().currsize == 0
