"""Which identical calls may share a future: when sharing cannot be told from running again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.duplicates import Duplicates, Twin, key_of, rename
from asyncfc_sim.core.events import Fail, Finish, Issue
from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import ErrorValue
from tests.toys import TOOLS, ToyWorld

READ = ("read", {"path": "a"})
WRITE = ("write", {"path": "a", "text": "new"})


class Issuing:
    """Issues calls one after the other, and says which twin each had."""

    def __init__(self, **changes):
        self.scheduler = Scheduler({**TOOLS, **changes})
        self.duplicates = Duplicates()
        self.number = 0

    def call(self, tool, args):
        self.number += 1
        call = Call(self.number, tool, args)
        twin = self.duplicates.twin_of(key_of(call), call, self.scheduler)
        self.duplicates.note(key_of(call), call.future)
        self.scheduler.feed(Issue(call))
        return twin


def test_a_call_that_differs_has_no_twin():
    issuing = Issuing()
    assert issuing.call(*READ) is None
    assert issuing.call("read", {"path": "b"}) is None
    assert issuing.call("ls", {}) is None
    assert issuing.call("pure", {"x": 1}) is None
    assert issuing.call("pure", {"x": True}) is None
    assert issuing.call("pure", {"x": "1"}) is None
    assert issuing.call("pure", {"x": [Ref(1)]}) is None
    assert issuing.call("pure", {"x": ["$f1"]}) is None


def test_a_read_has_a_harmless_twin_while_it_is_pending():
    issuing = Issuing()
    issuing.call(*READ)
    assert issuing.call(*READ) == Twin(1, harmless=True)
    assert issuing.call(*READ) == Twin(2, harmless=True), "the latest: nothing lies between it and this"
    issuing.scheduler.feed(Finish(3, "a"))
    issuing.scheduler.feed(Finish(2, "a"))
    assert issuing.call(*READ) is None, "the latest has returned"


def test_a_failed_read_is_tried_again():
    issuing = Issuing()
    issuing.call(*READ)
    issuing.scheduler.feed(Fail(1, ErrorValue("tool_error", "boom")))
    assert issuing.call(*READ) is None


def test_a_write_in_between_makes_a_difference_and_one_elsewhere_does_not():
    issuing = Issuing()
    issuing.call(*READ)
    issuing.call("write", {"path": "b", "text": "new"})
    assert issuing.call(*READ) == Twin(1, harmless=True)
    issuing.call(*WRITE)
    assert issuing.call(*READ) == Twin(3, harmless=False)
    assert issuing.call(*READ) == Twin(5, harmless=True)


def test_a_write_that_may_be_anywhere_makes_a_difference():
    issuing = Issuing()
    issuing.call("pure", {"x": 1})
    issuing.call(*READ)
    issuing.call("write", {"path": Ref(1), "text": "new"})
    assert issuing.call(*READ) == Twin(2, harmless=False)


def test_effects_are_repeated_unless_the_tool_is_idempotent():
    issuing = Issuing()
    issuing.call(*WRITE)
    assert issuing.call(*WRITE) == Twin(1, harmless=False)
    idempotent = Issuing(write=replace(TOOLS["write"], idempotent=True))
    idempotent.call(*WRITE)
    assert idempotent.call(*WRITE) == Twin(1, harmless=True)
    idempotent.call(*READ)
    assert idempotent.call(*WRITE) == Twin(2, harmless=False), "the read in between must not see it"


def test_an_undeclared_tool_is_taken_to_have_effects():
    issuing = Issuing()
    issuing.call("undeclared", {"path": "a", "text": "x"})
    assert issuing.call("undeclared", {"path": "a", "text": "x"}) == Twin(1, harmless=False)


def test_a_tool_that_does_not_exist_has_no_harmless_twin():
    issuing = Issuing()
    issuing.call("pure", {"x": 1})
    issuing.call("nosuch", {"x": Ref(1)})
    assert issuing.call("nosuch", {"x": Ref(1)}) == Twin(2, harmless=False)


def test_a_shared_number_stands_for_the_future_that_it_shares():
    duplicates = Duplicates()
    assert duplicates.future_of(2) == 2
    template = {"x": [Ref(2, ("y",)), Text(("v", Ref(2)))], "y": Ref(3), "z": "$f2"}
    assert duplicates.renamed(template) == template
    duplicates.share(2, 1)
    assert duplicates.future_of(2) == 1
    assert duplicates.renamed(template) == {"x": [Ref(1, ("y",)), Text(("v", Ref(1)))], "y": Ref(3), "z": "$f2"}
    assert duplicates.by_number({1: "a", 3: "c"}) == {1: "a", 2: "a", 3: "c"}
    assert duplicates.by_number({3: "c"}) == {3: "c"}


def test_renaming_leaves_the_template_as_it_is():
    template = {"x": [Ref(2)]}
    assert rename(template, {2: 1}) == {"x": [Ref(1)]}
    assert template == {"x": [Ref(2)]}


_any_call: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just("read"), st.fixed_dictionaries({"path": st.sampled_from(["a", "b"])})),
    st.tuples(st.just("write"), st.fixed_dictionaries({"path": st.sampled_from(["a", "b"]), "text": st.just("x")})),
    st.tuples(st.just("append"), st.just({"path": "a", "text": "y"})),
    st.tuples(st.just("ls"), st.just({})),
)


@given(written=st.lists(_any_call, max_size=8), returned=st.sets(st.integers(1, 8)))
def test_a_harmless_twin_returns_what_running_again_would(written, returned):
    """Calls run in issue order, as the scheduler guarantees; `returned` are those that no longer are pending."""
    issuing, world = Issuing(), ToyWorld()
    values = {}
    for number, (tool, args) in enumerate(written, 1):
        twin = issuing.call(tool, args)
        values[number] = world.execute(number, tool, args)
        if twin is not None and twin.harmless:
            assert values[number] == values[twin.future]
        running = [future for future in issuing.scheduler.futures if future in issuing.scheduler._slots.running]
        for future in running:
            if future in returned:
                issuing.scheduler.feed(Finish(future, values[future]))
