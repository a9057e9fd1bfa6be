"""Chunks in, parts out, each as soon as it is complete. Whole streams of known servers are in test_streams.py."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.live.accumulator import Accumulator, MixedUp
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart, Usage
from tests.chat_server import call_delta
from tests.live.test_braces import cut, objects


def chunk(delta: Any, finish: Any = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def heard(deltas: Iterable[Any], finish: str | None = "tool_calls") -> list[Part]:
    message = Accumulator()
    parts = [part for delta in deltas for part in message.feed(chunk(delta))]
    message.feed(chunk({}, finish))
    return parts + message.end()


def calls(parts: Iterable[Part]) -> list[tuple[str, str, Any]]:
    return [(part.tool_call_id, part.tool, part.arguments) for part in parts if isinstance(part, CallPart)]


def notes(parts: list[Part]) -> str:
    assert isinstance(parts[-1], Ended)
    return "; ".join(parts[-1].notes)


@given(st.data(), st.lists(st.tuples(st.text(min_size=1), objects), min_size=1, max_size=4), st.booleans())
def test_any_chunking_of_the_same_arguments_gives_the_same_calls(data, written, one_index):
    deltas, expected = [], []
    for number, (name, value) in enumerate(written):
        text = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))
        expected.append((f"id{number}", name, text))
        pieces = data.draw(cut(text))
        index = 0 if one_index else number
        with_name = data.draw(st.booleans())
        deltas.append(call_delta(index, id=f"id{number}", name=name, arguments=pieces.pop(0) if with_name else None))
        deltas += [call_delta(index, arguments=piece) for piece in pieces]
    assert calls(heard(deltas)) == expected


@given(st.data(), objects)
def test_a_call_is_complete_with_the_brace_that_closes_it(data, value):
    pieces = [piece for piece in data.draw(cut(json.dumps(value))) if piece]
    message = Accumulator()
    assert calls(message.feed(chunk(call_delta(0, id="a", name="f")))) == []
    for piece in pieces[:-1]:
        assert calls(message.feed(chunk(call_delta(0, arguments=piece)))) == []
    assert calls(message.feed(chunk(call_delta(0, arguments=pieces[-1])))) == [("a", "f", json.dumps(value))]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "delta",
                        "index",
                        "tool_calls",
                        "function",
                        "name",
                        "arguments",
                        "id",
                        "content",
                        "message",
                        "usage",
                        "finish_reason",
                        "prompt_tokens",
                        "prompt_tokens_details",
                    ]
                ),
                v,
            )
        ),
        max_leaves=30,
    )
)
def test_no_chunk_is_too_odd(found):
    message = Accumulator()
    for odd in (
        {"choices": [found, {"delta": found}, chunk({"tool_calls": [found, {"function": found}]})]},
        {"choices": found},
    ):
        with suppress(MixedUp):
            message.feed(odd)
    assert isinstance(message.end()[-1], Ended)


@pytest.mark.parametrize(
    ("delta", "begins"),
    [
        ({"role": "assistant", "content": ""}, False),
        ({"role": "assistant", "content": None, "tool_calls": []}, False),
        ({"content": "x"}, True),
        ({"content": [{"type": "text", "text": "x"}]}, True),
        ({"reasoning_content": "hm"}, True),
        ({"reasoning": "hm"}, True),
        ({"refusal": "no"}, True),
        (call_delta(0, id="a", name="f"), True),
    ],
)
def test_a_message_begins_with_its_first_token(delta: Mapping[str, Any], begins: bool):
    message = Accumulator()
    assert (Began() in message.feed(chunk(delta))) is begins
    assert Began() not in message.feed(chunk({"content": "x"})) or not begins


def test_thoughts_are_no_text():
    parts = heard([{"reasoning_content": "hm"}, {"content": "yes"}])
    assert [part for part in parts if isinstance(part, TextPart)] == [TextPart("yes")]


def test_no_arguments_at_all_are_an_empty_object_once_the_message_ends():
    message = Accumulator()
    assert calls(message.feed(chunk(call_delta(0, id="a", name="now")))) == []
    assert calls(message.end()) == [("a", "now", "{}")]


def test_no_arguments_are_an_empty_object_once_the_next_call_has_some():
    message = Accumulator()
    message.feed(chunk(call_delta(0, id="a", name="now", arguments="")))
    message.feed(chunk(call_delta(1, id="b", name="f", arguments="")))
    assert calls(message.feed(chunk(call_delta(1, arguments='{"x": ')))) == [("a", "now", "{}")]
    assert calls(message.feed(chunk(call_delta(1, arguments="1}")))) == [("b", "f", '{"x": 1}')]


def test_fragments_of_calls_that_began_together_are_kept_apart():
    deltas = [call_delta(0, id="a", name="f"), call_delta(1, id="b", name="g")]
    deltas += [call_delta(0, arguments='{"x": 1}'), call_delta(1, arguments='{"y": 2}')]
    assert calls(heard(deltas)) == [("a", "f", '{"x": 1}'), ("b", "g", '{"y": 2}')]


def test_mixed_fragments_are_refused_before_more_is_done():
    message = Accumulator()
    message.feed(chunk(call_delta(0, id="a", name="f", arguments='{"x": ')))
    (cut_off,) = calls(message.feed(chunk(call_delta(1, id="b", name="g", arguments='{"y": '))))
    assert cut_off == ("a", "f", '{"x": ')  # no JSON: it is answered with an error
    with pytest.raises(MixedUp):
        message.feed(chunk(call_delta(0, arguments="1}")))


@pytest.mark.parametrize("finish", ["length", "tool_calls", "stop", None])
def test_a_truncated_call_is_passed_on_as_it_is(finish: str | None):
    parts = heard([call_delta(0, id="a", name="f", arguments='{"x": "')], finish)
    assert calls(parts) == [("a", "f", '{"x": "')]
    assert "not complete" in notes(parts)


@pytest.mark.parametrize(
    ("rest", "note", "merged"),
    [
        (" \n", False, False),
        ("}", True, False),
        ('{"x": 1}', True, False),
        ("<|im_end|>", True, False),
        ('{"y": 2}', True, True),
    ],
)
def test_what_follows_the_arguments_is_no_part_of_them(rest: str, note: bool, merged: bool):
    for deltas in ([call_delta(0, id="a", name="f", arguments='{"x": 1}' + rest)],
                   [call_delta(0, id="a", name="f", arguments='{"x": 1}'), call_delta(0, arguments=rest)]):  # fmt: skip
        message = Accumulator()
        parts = [part for delta in deltas for part in message.feed(chunk(delta))]
        assert calls(parts) == [("a", "f", '{"x": 1}')]
        assert message.merged is merged
        assert ("what followed" in notes(message.end())) is note


def test_a_call_that_is_sent_twice_is_one_call():
    whole = call_delta(0, id="a", name="pay", arguments='{"x": 1}')
    parts = heard([whole, whole])
    assert calls(parts) == [("a", "pay", '{"x": 1}')]
    assert "came twice" in notes(parts)


def test_names_in_fragments_and_names_repeated_are_both_one_name():
    deltas = [call_delta(0, id="a", name="get_"), call_delta(0, name="weather"), call_delta(0, arguments="{}")]
    assert calls(heard(deltas)) == [("a", "get_weather", "{}")]
    repeated = [call_delta(0, id="a", name="f", arguments=piece) for piece in ("{", '"x"', ": 1}")]
    assert calls(heard(repeated)) == [("a", "f", '{"x": 1}')]


def test_half_a_character_is_passed_on_as_none():
    """JSON can hold what no request can be made with."""
    parts = heard([{"content": "\ud83d \U0001f600"}, call_delta(0, id="a\udc00", name="f\ud800", arguments="{}")])
    assert TextPart("\ufffd \U0001f600") in parts
    assert calls(parts) == [("a\ufffd", "f\ufffd", "{}")]


def test_a_whole_message_is_one_chunk():
    function = {"name": "f", "arguments": "{}"}
    message = {"role": "assistant", "content": "so", "tool_calls": [{"function": function}, {"function": function}]}
    found = Accumulator()
    parts = found.feed({"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"completion_tokens": 3}})
    assert parts == [Began(), TextPart("so"), CallPart("", "f", "{}"), CallPart("", "f", "{}")]
    assert found.end() == [Ended("stop", Usage(None, 3, None))]


def test_only_the_first_choice_counts():
    message = Accumulator()
    assert message.feed({"choices": [{"index": 1, "delta": {"content": "other"}}]}) == []
