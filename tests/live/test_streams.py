"""Streams as servers of each kind send them, byte for byte through a real server and the real SDK.

The first line of each file in tests/data/streams says whether it was recorded, and where, or written by hand after the
shapes that were seen of a server.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.live.model import Began, CallPart, Ended, ModelError, Part, TextPart, Usage
from asyncfc_sim.live.openai_chat import OpenAIChat
from tests.chat_server import ChatServer, Piece, Reply, events, sse

STREAMS = Path(__file__).parents[1] / "data" / "streams"
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
USAGE = Usage(212, 41, 192)
WEATHER = ("get_weather", {"city": "Berlin"}), ("get_weather", {"city": "New York"})
FRIDAY = [("get_weather", {"city": city, "day": "Friday"}) for city in ("Paris", "Bimear")]
IDS = ["chatcmpl-tool-b9bca631679b92ee", "chatcmpl-tool-90a90ebb60ac7fd4", "chatcmpl-tool-96e26219a0e739a2"]

# What is to come of each: text, calls, ids, usage, finish_reason, and a word of each note.
EXPECTED: dict[str, tuple[str, Sequence[tuple[str, Any]], Sequence[str], Usage, str, Sequence[str]]] = {
    "openai": ("", WEATHER, ["call_A1b2", "call_C3d4"], USAGE, "tool_calls", []),
    "vllm": ("Let me look.", WEATHER, ["chatcmpl-tool-8f0e", "chatcmpl-tool-17aa"], USAGE, "tool_calls", []),
    "vllm_no_arguments": (
        "",
        [("now", {}), ("get_weather", {"city": "Berlin"}), ("now", {})],
        ["chatcmpl-tool-1", "chatcmpl-tool-2", "chatcmpl-tool-3"],
        Usage(),
        "tool_calls",
        ["without arguments"],
    ),
    "vllm_required": ("", WEATHER[:1], ["chatcmpl-tool-1"], Usage(), "tool_calls", ["string that holds an object"]),
    "vllm_cut_off": (
        "",
        [WEATHER[0], ("get_weather", '{"city": "New ')],
        ["chatcmpl-tool-1", "chatcmpl-tool-2"],
        USAGE,
        "tool_calls",
        ["not complete when its message ended"],
    ),
    "vllm_reasoning": ("", WEATHER[:1], ["chatcmpl-tool-1"], USAGE, "tool_calls", []),
    "vllm_recorded": (
        "On it. ",
        [
            ("population", {"city": "anaFriin"}),
            ("add", {"a": "$f1", "b": 7}),
            ("note", {"text": "${f2} people {in it", "of": [{"city": "inaBeatW"}]}),
        ],
        IDS,
        Usage(38, 166),
        "tool_calls",
        [],
    ),
    "vllm_recorded_cut_off": (
        "",
        [("add", '{"aimeer0MessageroltemainNaBiMitDroNaikTrak~')],
        ["chatcmpl-tool-bf4a15d2be5ad163"],
        Usage(24, 40),
        "length",
        ["not complete when its message ended", "cut off by the server"],
    ),
    "llama_server": (
        "",
        FRIDAY,
        ["3VVzwftTEfkG2YyXb9avzLc6WtniYgWD", "wZZ3FmYQlR8Burynm58Rme0zAUh1Qo4e"],
        Usage(93, 56, 92),
        "tool_calls",
        [],
    ),
    "transformers_serve": (
        "",
        FRIDAY,
        [f"298c4ac6-f816-4dc4-b313-a513b69a2323_tool_call_{n}" for n in range(2)],
        Usage(78, 56),
        "tool_calls",
        [],
    ),
    "ollama": ("", WEATHER, ["call_x1", "call_x2"], Usage(212, 41), "tool_calls", ["same index"]),
    "ollama_no_ids": ("", WEATHER, ["", ""], Usage(), "stop", ["same index"]),
    "objects": ("", [WEATHER[0], ("now", {})], ["a1", "a2"], Usage(), "tool_calls", ["as objects", "same index"]),
    "nulls": ("", WEATHER[:1], ["n1"], Usage(), "tool_calls", []),
    "plain_text": (
        '<tool_call>{"name": "now", "arguments": {}}</tool_call>',
        [],
        [],
        Usage(),
        "stop",
        ["needs a tool-call parser"],
    ),
}


def written(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments


async def heard(reply: Reply) -> list[Part]:
    with ChatServer([reply]) as server:
        async with OpenAIChat("m", base_url=server.base_url, timeout_s=5.0) as model:
            return [part async for part in model.stream([{"role": "user", "content": "go"}], TOOLS)]


def test_each_file_is_expected_to_say_something():
    assert {path.stem for path in STREAMS.glob("*.sse")} == EXPECTED.keys()


@pytest.mark.parametrize("size", [None, 7], ids=["whole", "in pieces"])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_stream_is_understood(name: str, size: int | None):
    text, calls, ids, usage, finish_reason, notes = EXPECTED[name]
    stream = (STREAMS / f"{name}.sse").read_bytes()
    pieces: list[Piece] = [stream] if size is None else [stream[at : at + size] for at in range(0, len(stream), size)]
    parts = asyncio.run(heard(Reply(pieces)))
    found = [part for part in parts if isinstance(part, CallPart)]
    assert [(part.tool, written(part.arguments)) for part in found] == list(calls)
    assert [part.tool_call_id for part in found] == list(ids)
    assert "".join(part.text for part in parts if isinstance(part, TextPart)) == text
    assert parts[0] == Began()
    assert [type(part) for part in parts].count(Began) == 1
    ended = parts[-1]
    assert isinstance(ended, Ended)
    assert (ended.usage, ended.finish_reason) == (usage, finish_reason)
    assert len(ended.notes) == len(notes)
    assert all(word in note for word, note in zip(notes, ended.notes, strict=True))


def test_a_server_may_say_in_its_stream_that_it_could_not_read_the_call_of_its_model():
    """As transformers serve 5.23 does (recorded): the message cannot be had, and its words say why."""
    said = "json parser could not parse region as JSON.\nContent: '\\n{\"name\": \"get_weather\"'\nError: Expecting ','"
    begun = {"id": "3", "choices": [{"delta": {"role": "assistant"}, "index": 0}]}
    with pytest.raises(ModelError, match=r"could not parse region as JSON\. Content: .* Expecting ','") as caught:
        asyncio.run(heard(events(sse(begun), sse({"error": said}), done=False)))
    assert caught.value.retryable  # drawn anew, it may well be JSON
