"""What a request carries to hold the model to a grammar: another one for each message."""

from __future__ import annotations

from typing import Any

from asyncfc_sim.core.messages import assistant_message
from asyncfc_sim.core.policy import POLICIES
from asyncfc_sim.language.constrained import Held, tool_grammar
from asyncfc_sim.live.constraint import constraint

ADD = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
AWAIT = {"name": "await_future", "parameters": {"type": "object", "properties": {"ids": {"type": "array"}}}}


def tools(*functions: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "function", "function": function} for function in functions]


def grammar(**held: Any) -> dict[str, Any]:
    return {"structured_outputs": {"grammar": tool_grammar({"add": ADD}, Held(tokens=True, **held)).text}}


def test_calls_are_numbered_on_from_those_that_were_made():
    """await_future has no number, and there are futures if it is one of the tools."""
    asked = [{"role": "user", "content": "go"}]
    calls = [("c1", "add", '{"a": 1}'), ("c2", "await_future", '{"ids": ["$f1"]}'), ("c3", "add", '{"a": 2}')]
    offered = tools({"name": "add", "parameters": ADD}, AWAIT)
    assert constraint(asked, offered) == grammar(first=1)
    assert constraint([*asked, assistant_message(None, calls)], offered) == grammar(first=3)
    assert constraint(asked, offered, Held(max_calls=2, tokens=True)) == grammar(max_calls=2)


def test_without_futures_there_are_no_references():
    assert not POLICIES["sync"].futures
    assert constraint([], tools({"name": "add", "parameters": ADD})) == grammar(futures=False)


def test_without_tools_there_is_nothing_to_hold_to():
    assert constraint([], []) == {}
    assert constraint([], tools(AWAIT)) == {}
