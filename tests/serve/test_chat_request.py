"""Requests: what is asked is understood, and what cannot be had is refused by name and not ignored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.live.http_server import Refused
from asyncfc_sim.serve.chat_request import ChatRequest, read_request
from tests.strategies import json_values

USER = {"role": "user", "content": "go"}


def tool(name: str = "add", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def call(arguments: Any, name: str = "add") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": function}]}


def read(**body: Any) -> ChatRequest:
    return read_request({"messages": [USER], **body})


def test_what_is_not_said_is_greedy_whole_and_without_a_limit():
    request = read()
    assert request.messages == [USER]
    assert (request.tools, request.must_call, request.only, request.one_call) == ([], False, None, False)
    assert (request.stream, request.usage, request.limit, request.stop) == (False, False, None, ())
    assert request.sampling.temperature == 0


def test_each_field_is_read():
    request = read(
        stream=True, stream_options={"include_usage": True}, max_tokens=5, temperature=0.5, top_p=0.9, seed=-1, stop="x"
    )
    assert (request.stream, request.usage, request.limit, request.stop) == (True, True, 5, ("x",))
    assert (request.sampling.temperature, request.sampling.top_p, request.sampling.seed) == (0.5, 0.9, 2**64 - 1)
    assert read(max_tokens=5, max_completion_tokens=7).limit == 7
    assert read(stop=["a", "b"]).stop == ("a", "b")


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, (2, False, None)),
        ("auto", (2, False, None)),
        ("none", (0, False, None)),
        ("required", (2, True, None)),
        ({"type": "function", "function": {"name": "sub"}}, (2, True, "sub")),
    ],
)
def test_which_tools_may_or_must_be_called(choice: Any, expected: tuple[int, bool, str | None]):
    request = read(tools=[tool("add"), tool("sub")], tool_choice=choice)
    assert (len(request.tools), request.must_call, request.only) == expected


def test_messages_are_as_templates_expect_them():
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    request = read_request(
        {
            "messages": [
                {"role": "developer", "content": "be brief"},
                {"role": "user", "content": parts},
                call('{"a": 1}'),
                {"role": "tool", "tool_call_id": "c1", "content": "2"},
                call("not json"),
                call(None),
                {"role": "assistant", "content": "done"},
            ],
            "tools": [tool()],
        }
    )
    system, user, first, result, second, third, last = request.messages
    assert system == {"role": "system", "content": "be brief"}
    assert user["content"] == "one\ntwo"
    assert (first["content"], first["tool_calls"][0]["function"]["arguments"]) == ("", {"a": 1})
    assert result == {"role": "tool", "content": "2", "tool_call_id": "c1"}
    assert second["tool_calls"][0]["function"]["arguments"] == "not json"
    assert third["tool_calls"][0]["function"]["arguments"] == {}
    assert "tool_calls" not in last
    assert request.tools[0]["function"]["parameters"] == {"type": "object", "properties": {}}


def test_halves_of_characters_are_replaced():
    assert read_request({"messages": [{"role": "user", "content": "a\ud800"}]}).messages[0]["content"] == "a\ufffd"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"messages": []}, "`messages`"),
        ({"messages": "go"}, "`messages`"),
        ({"messages": [1]}, "`messages`"),
        ({"messages": [{"content": "x"}]}, r"`messages\[0\].role` is None"),
        ({"messages": [USER, {"role": "wizard", "content": "x"}]}, r"`messages\[1\].role` is 'wizard'"),
        ({"messages": [{"role": "user", "content": 5}]}, r"`messages\[0\].content`"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, r"`messages\[0\].content`"),
        ({"messages": [{"role": "assistant", "tool_calls": {"a": 1}}]}, r"`messages\[0\].tool_calls`"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, r"`messages\[0\].tool_calls\[0\]`"),
        ({"tools": {}}, "`tools` must be a list"),
        ({"tools": [{"type": "function"}]}, r"`tools\[0\]`"),
        ({"tools": [tool("")]}, r"`tools\[0\]`"),
        ({"tools": [tool(parameters=[1])]}, r"`tools\[0\].function.parameters`"),
        ({"tool_choice": "required"}, "`tool_choice`"),
        ({"tool_choice": {"type": "function", "function": {"name": "add"}}}, "`tool_choice`"),
        ({"max_tokens": 0}, "`max_tokens` must be a whole number from 1"),
        ({"max_completion_tokens": 1.5}, "`max_completion_tokens`"),
        ({"max_tokens": True}, "`max_tokens`"),
        ({"temperature": 3}, "`temperature` must be a number from 0 to 2"),
        ({"temperature": float("nan")}, "`temperature`"),
        ({"top_p": "all"}, "`top_p`"),
        ({"seed": 0.5}, "`seed` must be a whole number$"),
        ({"stop": ["a"] * 5}, "`stop`"),
        ({"stop": [""]}, "`stop`"),
        ({"n": 2}, "`n` is not supported here"),
        ({"logprobs": True}, "`logprobs` is not supported here"),
        ({"response_format": {"type": "json_object"}}, "`response_format` is not supported here"),
    ],
)
def test_what_cannot_be_had_is_named(body: dict[str, Any], named: str):
    with pytest.raises(Refused, match=named) as refused:
        read(**body)
    assert refused.value.status == 400


def test_what_asks_for_nothing_is_let_pass():
    assert read(n=1, logprobs=False, logit_bias={}, presence_penalty=0.0, response_format={"type": "text"}, user="me")


FIELDS = ("messages", "tools", "tool_choice", "stop", "stream_options", "max_tokens", "temperature", "seed", "n")
PARTS = st.recursive(
    st.one_of(json_values(), st.sampled_from(["user", "assistant", "tool"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "function", "name", "arguments"]), inner, max_size=4
        ),
    ),
)


@given(st.dictionaries(st.sampled_from(FIELDS), PARTS, max_size=4))
def test_whatever_comes_is_read_or_refused(body: dict[str, Any]):
    try:
        request = read_request(body)
    except Refused:
        return
    assert all(isinstance(message["content"], str) for message in request.messages)
