"""Watching a call: what it reads and writes is noted, and it does what it does when nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.verify.effects.access import Access, conflict, told
from asyncfc_sim.verify.effects.function_subject import FunctionSubject, function_subject
from asyncfc_sim.verify.effects.trial import Call
from tests.verify.effects import planted_tools
from tests.verify.effects.sources import tools_from

SOURCE = """
    import itertools

    STORE = {"a": {"n": 1}}
    COUNT = 0
    _ids = itertools.count(1)

    class Shop:
        total = 0
        def __init__(self):
            self.stock = {"lamp": 2}
            self.sold = 0
        def sell(self, item):
            self.stock[item] -= 1
            self.sold += 1
            Shop.total += 1

    shop = Shop()

    def make():
        hidden = 0
        def bump():
            nonlocal hidden
            hidden += 1
            return hidden
        return bump

    bump = make()

    @tool
    def read_nested(): return STORE["a"]["n"]
    @tool
    def write_nested(): STORE["a"]["n"] += 1
    @tool
    def read_global(): return COUNT
    @tool
    def write_global():
        global COUNT
        COUNT += 1
    @tool
    def sell(): shop.sell("lamp")
    @tool
    def sold(): return shop.sold
    @tool
    def stock(): return dict(shop.stock)
    @tool
    def total(): return Shop.total
    @tool
    def hidden(): return bump()
    @tool
    def new_id(): return next(_ids)
    @tool
    def whole(): return STORE
    @tool
    async def later(): return STORE["a"]
"""


def touched(subject: FunctionSubject, tool: str) -> list[Access]:
    for _ in range(2):  # Python 3.13 shows the instructions of a function only from its second call on
        subject.reset(0)
        accesses = list(subject.watched(1, Call(tool, {}))[1])
    return accesses


def names(accesses: list[Access], kind: str) -> set[str]:
    return {told(access.where) for access in accesses if access.kind == kind}


def test_variables_items_attributes_and_closures_are_noted(tmp_path: Path):
    with function_subject(tools_from(tmp_path, SOURCE)) as subject:
        seen = {tool: touched(subject, tool) for tool in subject.tools}
    assert "STORE['a']['n']" in names(seen["read_nested"], "r")
    assert names(seen["read_nested"], "w") == set()
    assert names(seen["write_nested"], "w") == {"STORE['a']['n']"}
    assert "COUNT" in names(seen["read_global"], "r")
    assert names(seen["write_global"], "w") == {"COUNT"}
    assert names(seen["sell"], "w") == {"shop.stock['lamp']", "shop.sold", "Shop.total"}
    assert "shop.sold" in names(seen["sold"], "r")
    assert "shop.stock['lamp']" in names(seen["stock"], "r")
    assert "Shop.total" in names(seen["total"], "r")
    assert names(seen["hidden"], "w") == {"bump.<hidden>"}
    assert names(seen["new_id"], "w") == {"_ids"}
    assert "STORE['a']['n']" in names(seen["whole"], "r")  # who returns it lets all of it be read
    assert "STORE['a']['n']" in names(seen["later"], "r")


def test_calls_meet_where_they_share_a_place(tmp_path: Path):
    with function_subject(tools_from(tmp_path, SOURCE)) as subject:
        seen = {tool: touched(subject, tool) for tool in subject.tools}

    def meet(one: str, other: str) -> bool:
        return any(conflict(here, there) for here in seen[one] for there in seen[other])

    assert meet("read_nested", "write_nested")
    assert meet("sell", "total")
    assert meet("hidden", "hidden")
    assert not meet("sold", "stock")
    assert not meet("write_global", "write_nested")


GOOD_AND_BAD = [*planted_tools.GOOD, *planted_tools.BAD]


@pytest.fixture(scope="module")
def planted() -> Iterator[FunctionSubject]:
    with function_subject(GOOD_AND_BAD) as subject:
        for tool in subject.tools:
            subject.pools(tool)
        yield subject


@st.composite
def calls(draw: st.DrawFn, subject: FunctionSubject) -> Call:
    tool = draw(st.sampled_from(sorted(subject.tools)))
    return Call(tool, {name: draw(st.sampled_from(pool)) for name, pool in subject.pools(tool).items()})


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_watched_call_does_what_it_does_unwatched(planted: FunctionSubject, data: st.DataObject):
    *before, last = data.draw(st.lists(calls(planted), min_size=1, max_size=5))

    def begin() -> None:
        planted.reset(0)
        for number, call in enumerate(before):
            planted.call(number, call)

    begin()
    value, accesses = planted.watched(len(before), last)
    watched = planted.observe()
    begin()
    start = planted.observe()
    assert planted.call(len(before), last) == value
    plain = planted.observe()
    assert (plain.content, plain.order) == (watched.content, watched.order)
    written = [access for access in accesses if access.writes]
    for where in start.changed(plain):
        assert any(conflict(Access("r", where, below=True), access) for access in written)


def test_the_modules_are_left_as_they_were():
    before = {name: value for name, value in vars(planted_tools).items() if isinstance(value, dict | list)}
    contents = {name: repr(value) for name, value in before.items()}
    with function_subject(GOOD_AND_BAD) as subject:
        for number, tool in enumerate(sorted(subject.tools)):
            subject.watched(number, Call(tool, {name: pool[0] for name, pool in subject.pools(tool).items()}))
    after = {name: vars(planted_tools)[name] for name in before}
    assert all(after[name] is value for name, value in before.items())
    assert {name: repr(value) for name, value in after.items()} == contents
