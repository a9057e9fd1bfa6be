"""A world whose tools take steps: a call in steps is the call at once, a peek says what comes, copies are apart."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.workloads.key_world import Accessed, KeyWorld, Returned
from asyncfc_sim.workloads.random_programs import VALUES
from asyncfc_sim.workloads.toolbox import TOOLBOX

keys = st.sampled_from(["a", "b", "ptr", "zz"])
calls: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.sampled_from(["read", "delete"]), st.fixed_dictionaries({"path": keys})),
    st.tuples(st.sampled_from(["write", "append", "create"]), st.fixed_dictionaries({"path": keys, "text": keys})),
    st.tuples(st.just("copy"), st.fixed_dictionaries({"src": keys, "dst": keys})),
    st.tuples(st.just("ls"), st.just({"dir": "/"})),
    st.tuples(st.just("fail"), st.just({})),
)


@given(st.lists(calls, max_size=6))
def test_a_call_in_steps_is_the_call_at_once(made) -> None:
    at_once, stepped = KeyWorld(TOOLBOX, VALUES), KeyWorld(TOOLBOX, VALUES)
    for future, (tool, args) in enumerate(made, 1):
        history: tuple[object, ...] = ()
        while True:
            expected = stepped.peek(future, tool, args, history)
            before = stepped.state()
            step = stepped.step(future, tool, args, history)
            if isinstance(step, Returned):
                assert expected is None
                break
            assert step.access == expected
            assert step.access.mode == "w" or stepped.state() == before  # only writes change anything
            history = (*history, step.answer)
        assert step.value == at_once.call(future, tool, args)
        assert stepped.state() == at_once.state()


def test_a_copy_is_apart_and_absent_keys_are_null() -> None:
    world = KeyWorld(TOOLBOX, {"file:a": "A", "file:gone": None})
    twin = world.copy()
    assert twin.state() == world.state() == '{"file:a":"A"}'
    twin.call(1, "write", {"path": "a", "text": "B"})
    assert (world.state(), twin.state()) == ('{"file:a":"A"}', '{"file:a":"B"}')
    twin.call(2, "delete", {"path": "a"})
    assert twin.state() == "{}"


def test_a_tool_that_fails_keeps_what_it_wrote_before() -> None:
    world = KeyWorld(TOOLBOX, {})
    failed = world.call(1, "write2_fail", {"a": "x", "b": "y", "text": "half"})
    assert failed == ErrorValue("tool_error", "Boom")
    assert world.state() == '{"file:x":"half"}'


def test_a_region_is_read_as_a_whole() -> None:
    world = KeyWorld(TOOLBOX, {"file:/d/y": "Y", "file:/d/x": "X", "file:e": "E"})
    step = world.step(1, "ls", {"dir": "/d"}, ())
    assert isinstance(step, Accessed)
    assert (str(step.access.pattern), step.answer) == ("file:d/*", ["x", "y"])
