"""Answers in OpenAI's form: our own reader understands them, in pieces and whole."""

from __future__ import annotations

import json
from typing import Any

from asyncfc_sim.live.accumulator import Accumulator
from asyncfc_sim.live.completion import DONE, Completion, call_begun, call_delta, call_whole, usage
from asyncfc_sim.live.model import CallPart, Ended, Part, TextPart, Usage
from asyncfc_sim.live.sse import Events

ANSWER = Completion("chatcmpl-1", "tiny", "ours", 7)


def read(*chunks: dict[str, Any]) -> tuple[str, list[CallPart], Part]:
    accumulator = Accumulator()
    *parts, ended = [part for chunk in chunks for part in accumulator.feed(chunk)] + accumulator.end()
    text = "".join(part.text for part in parts if isinstance(part, TextPart))
    return text, [part for part in parts if isinstance(part, CallPart)], ended


def test_pieces_and_whole_say_the_same():
    sent = [
        ANSWER.chunk({"role": "assistant", "content": ""}),
        ANSWER.chunk({"content": "größer"}),
        ANSWER.chunk(call_begun(0, "c1", "add")),
        ANSWER.chunk(call_delta(0, {"arguments": '{"a": '})),
        ANSWER.chunk(call_delta(0, {"arguments": "1}"})),
        ANSWER.chunk({}, "tool_calls"),
        ANSWER.usage_chunk(usage(10, 5, 4)),
        DONE,
    ]
    *chunks, done = Events().feed(b"".join(sent))
    message = {"content": "größer", "tool_calls": [call_whole("c1", "add", '{"a": 1}')]}
    pieces = read(*map(json.loads, chunks))
    whole = read(ANSWER.whole(message, "tool_calls", usage(10, 5, 4)))
    assert done == "[DONE]"
    assert pieces == whole
    text, (call,), ended = pieces
    assert (text, call.tool_call_id, call.tool, call.arguments) == ("größer", "c1", "add", '{"a": 1}')
    assert ended == Ended("tool_calls", Usage(10, 5, 4))


def test_each_chunk_bears_what_the_answer_is():
    (chunk,) = Events().feed(ANSWER.chunk({"content": "x"}))
    about = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "tiny"}
    assert about.items() <= json.loads(chunk).items()


def test_what_was_not_counted_is_not_made_up():
    assert usage(3, None, None) == {"prompt_tokens": 3, "completion_tokens": None, "total_tokens": None}
    assert usage(3, 4, 0)["prompt_tokens_details"] == {"cached_tokens": 0}
