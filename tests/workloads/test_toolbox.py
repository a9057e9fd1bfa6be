"""The tools of the litmus tests: what they return, what they leave behind, and when they fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.workloads.key_world import Accessed, KeyWorld
from asyncfc_sim.workloads.toolbox import PARAMETERS, TOOLBOX

WORLD = {"file:a": "A", "file:/d/y": "Y", "file:/d/x": "X", "n:n": 5, "obj:o": {"id": [1]}, "outbox": "<0>", "clock": 7}
ABSENT = "absent"


def failed(message):
    return ErrorValue("tool_error", message)


@pytest.mark.parametrize(
    ("tool", "args", "value", "changes"),
    [
        ("read", {"path": "a"}, "A", {}),
        ("read", {"path": "zz"}, failed("NotFound"), {}),
        ("write", {"path": "a", "text": "1"}, "ok", {"file:a": "1"}),
        ("write", {"path": "a", "text": {"x": 1}}, "ok", {"file:a": {"x": 1}}),
        ("append", {"path": "a", "text": "1"}, "ok", {"file:a": "A1"}),
        ("append", {"path": "new", "text": [1, "x"]}, "ok", {"file:new": '[1,"x"]'}),
        ("create", {"path": "new", "text": "1"}, "ok", {"file:new": "1"}),
        ("create", {"path": "a", "text": "1"}, failed("Exists"), {}),
        ("delete", {"path": "a"}, "ok", {"file:a": ABSENT}),
        ("delete", {"path": "zz"}, failed("NotFound"), {}),
        ("copy", {"src": "a", "dst": "b"}, "ok", {"file:b": "A"}),
        ("copy", {"src": "zz", "dst": "b"}, failed("NotFound"), {}),
        ("rename", {"src": "a", "dst": "b"}, "ok", {"file:a": ABSENT, "file:b": "A"}),
        ("rename", {"src": "zz", "dst": "b"}, failed("NotFound"), {}),
        ("ls", {"dir": "/d"}, ["x", "y"], {}),
        ("ls", {"dir": "/empty"}, [], {}),
        ("write2_fail", {"a": "a", "b": "b", "text": "p"}, failed("Boom"), {"file:a": "p"}),
        ("incr", {"key": "n"}, 6, {"n:n": 6}),
        ("incr", {"key": "m"}, 1, {"n:m": 1}),
        ("add", {"key": "n", "n": -2}, None, {"n:n": 3}),
        ("add", {"key": "m", "n": 0.5}, None, {"n:m": 0.5}),
        ("add", {"key": "n", "n": "2"}, failed("NotANumber"), {}),
        ("add", {"key": "n", "n": True}, failed("NotANumber"), {}),
        ("send", {"body": "1"}, "sent", {"outbox": "<0><1>"}),
        ("fail", {}, failed("Boom"), {}),
        ("get", {"id": "o"}, {"id": [1]}, {}),
        ("get", {"id": "zz"}, None, {}),
        ("now", {}, 8, {"clock": 8}),
        ("fetch_cached", {"url": "u"}, "page:u", {"file:cache": "u"}),
        ("pure", {"x": "a"}, ["a"], {}),
        ("read", {"path": "x*y"}, failed("BadName"), {}),
        ("write", {"path": "/d/*", "text": "1"}, failed("BadName"), {}),
        ("write", {"path": "../../a", "text": "1"}, failed("BadName"), {}),
    ],
)
def test_what_a_tool_returns_and_leaves_behind(tool, args, value, changes):
    world = KeyWorld(TOOLBOX, WORLD)
    assert world.call(1, tool, args) == value
    expected = {key: text for key, text in {**WORLD, **changes}.items() if text != ABSENT}
    assert world.values == expected


def accesses(world, tool, args):
    """The steps of a call, as text; between two of them other calls may act."""
    history: tuple[object, ...] = ()
    found = []
    while isinstance(step := world.step(1, tool, args, history), Accessed):
        found.append(f"{step.access.mode} {step.access.pattern}")
        history = (*history, step.answer)
    return found


@pytest.mark.parametrize(
    ("tool", "args", "steps"),
    [
        ("append", {"path": "a", "text": "1"}, ["r file:a", "w file:a"]),
        ("rename", {"src": "a", "dst": "b"}, ["r file:a", "w file:b", "w file:a"]),
        ("ls", {"dir": "/d"}, ["r file:d/*"]),
        ("send", {"body": "1"}, ["r outbox", "w outbox"]),
        ("fetch_cached", {"url": "u"}, ["w file:cache"]),
        ("pure", {"x": 1}, []),
        ("fail", {}, []),
    ],
)
def test_each_access_is_a_step(tool, args, steps):
    assert accesses(KeyWorld(TOOLBOX, WORLD), tool, args) == steps


def test_an_append_that_another_gets_into_the_middle_of_loses_its_text():
    world = KeyWorld(TOOLBOX, {"file:a": "A"})
    first, second = ({"path": "a", "text": text} for text in "12")
    read = world.step(1, "append", first, ())
    assert read == Accessed(Access(1, "r", parse_pattern("file:a")), "A")
    world.call(2, "append", second)
    assert world.values == {"file:a": "A2"}
    world.step(1, "append", first, ("A",))
    assert world.values == {"file:a": "A1"}


@given(st.sampled_from(sorted(TOOLBOX)), st.data())
def test_no_arguments_make_a_tool_raise(tool, data):
    json = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.sampled_from(["a", "*", "..", ""])
        | st.lists(st.text())
    )
    world = KeyWorld(TOOLBOX, WORLD | {"n:a": "no number"})
    value = world.call(1, tool, {name: data.draw(json) for name in PARAMETERS[tool]})
    assert isinstance(value, ErrorValue | str | int | list | dict | None)


def test_the_parameters_are_those_of_the_bodies():
    assert PARAMETERS["copy"] == ("src", "dst")
    assert PARAMETERS["fail"] == ()
    assert PARAMETERS.keys() == TOOLBOX.keys()
