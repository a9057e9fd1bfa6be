"""What declarations let two calls do: overlap, change places, or neither."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import Declaration, indep
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.verify.effects.declared import Declared
from asyncfc_sim.verify.effects.trial import Call

TOOLS = {
    tool.name: tool
    for tool in (
        Tool("read", Declaration(reads=("file:{path}",))),
        Tool("write", Declaration(writes=("file:{path}",))),
        Tool("add", Declaration(writes=("sum",)), commutes_with=frozenset({"add", "take"})),
        Tool("take", Declaration(writes=("sum",))),
        Tool("hit", Declaration(), concurrency=1),
        Tool("send", Declaration(), irreversible=True),
        Tool("unknown"),
    )
}
DECLARED = Declared(TOOLS)
calls = st.builds(lambda tool, path: Call(tool, {"path": path}), st.sampled_from(sorted(TOOLS)), st.sampled_from("ab"))


def relation(first: str, second: str, *paths: str) -> str:
    one, other = paths or ("a", "a")
    return DECLARED.relation(Call(first, {"path": one}), Call(second, {"path": other}))


@given(calls, calls)
def test_it_is_the_same_from_both_sides(first: Call, second: Call):
    assert DECLARED.relation(first, second) == DECLARED.relation(second, first)


@given(calls, calls)
def test_only_independent_calls_overlap(first: Call, second: Call):
    if DECLARED.relation(first, second) == "overlap":
        assert indep(DECLARED.footprint(first), DECLARED.footprint(second))


def test_each_relation():
    assert relation("read", "read") == "overlap"
    assert relation("read", "write") == "ordered"
    assert relation("read", "write", "a", "b") == "overlap"
    assert relation("add", "take") == "either"  # said by one side, it holds for both
    assert relation("take", "take") == "ordered"
    assert relation("hit", "hit") == "either"  # one at a time, but in any order
    assert relation("send", "send") == "ordered"  # the second waits for the first to succeed
    assert relation("send", "read") == "overlap"
    assert relation("unknown", "read") == "ordered"


def test_a_region_holds_for_all_arguments():
    assert str(DECLARED.region("write", ["path"])) == "reads nothing; writes file:*"
    assert str(DECLARED.region("unknown", ["path"])) == "reads nothing; writes *"
