"""Calls in a model's text: found however the text is cut, streamed piece by piece, and never lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.serve.hermes import CallArguments, CallBegun, Hermes, Part, Text
from tests.strategies import json_values

Calls = list[tuple[str, str]]


def read(pieces: Iterable[str]) -> list[Part]:
    hermes = Hermes()
    parts = [part for piece in pieces for part in hermes.feed(piece)]
    return parts + list(hermes.end())


def joined(parts: Sequence[Part]) -> tuple[str, Calls]:
    """All that was said, and the calls, put together as a client does."""
    text, calls = "", dict[int, tuple[str, str]]()
    for part in parts:
        match part:
            case Text(piece):
                text += piece
            case CallBegun(index, name):
                assert index == len(calls)
                calls[index] = (name, "")
            case CallArguments(index, piece):
                assert piece
                assert index == len(calls) - 1
                calls[index] = (calls[index][0], calls[index][1] + piece)
    return text, list(calls.values())


def written(calls: Calls) -> str:
    return "\n".join(
        f'<tool_call>\n{{"name": {json.dumps(name)}, "arguments": {arguments}}}\n</tool_call>'
        for name, arguments in calls
    )


def cut(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=20)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def cut_messages(draw: st.DrawFn) -> tuple[list[str], str, Calls]:
    """A message of text and calls, cut somewhere; and what it is."""
    arguments = st.dictionaries(st.text(), json_values(), max_size=3).map(json.dumps)
    calls = draw(st.lists(st.tuples(st.text(min_size=1), arguments), max_size=3))
    text = draw(st.sampled_from(["", "I look it up.", "a < b, <tool", "two\n\nlines"]))
    return cut(draw, "\n".join(filter(None, (text, written(calls))))), text, calls


@given(cut_messages())
def test_what_was_written_is_read_however_it_is_cut(message: tuple[list[str], str, Calls]):
    pieces, text, calls = message
    assert joined(read(pieces)) == (text, calls)


@given(
    st.lists(st.sampled_from(["<tool_call>", "</tool_call>", '{"name": "f", "arguments": {', "}", '"', "\n", "a", "<"]))
)
def test_any_text_at_all_is_read_as_the_same_however_it_is_cut(pieces: list[str]):
    whole = joined(read(["".join(pieces)]))
    assert joined(read(pieces)) == whole
    assert joined(read("".join(pieces))) == whole


def test_a_call_is_streamed_as_it_is_written():
    hermes = Hermes()
    pieces = ["<tool_call>", '\n{"name": "add', '", "arg', 'uments": {"a": 1', "9, ", '"b": {}}', "}", "\n</tool_call>"]
    assert [list(hermes.feed(piece)) for piece in pieces] == [
        [],
        [],
        [],
        [CallBegun(0, "add"), CallArguments(0, '{"a": 1')],
        [CallArguments(0, "9, ")],
        [CallArguments(0, '"b": {}}')],
        [],
        [],
    ]
    assert (hermes.calls, hermes.complete) == (1, 1)
    assert list(hermes.end()) == []


def test_text_is_streamed_too_but_for_space_that_may_stand_before_a_call():
    hermes = Hermes()
    assert [list(hermes.feed(piece)) for piece in ("Hello", " \n", "there <", "b> <tool")] == [
        [Text("Hello")],
        [],
        [Text(" \nthere")],
        [Text(" <b>")],
    ]
    assert list(hermes.end()) == [Text(" <tool")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>', ("", [("f", '{"a": 1}')])),
        ('<tool_call>{"name": "f"}</tool_call>', ("", [("f", "{}")])),
        ('<tool_call>{"name": "f", "arguments": "{}"}</tool_call>', ("", [("f", '"{}"')])),
        (
            '<tool_call>{"name":"f","arguments":{"x":"}\\n</tool_call>"}}</tool_call>',
            ("", [("f", '{"x":"}\\n</tool_call>"}')]),
        ),
    ],
    ids=["in another order", "without arguments", "arguments that are a string", "the tag in a string"],
)
def test_other_ways_to_write_a_call(text: str, expected: tuple[str, Calls]):
    assert joined(read([text])) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>f(1)</tool_call>",
        '<tool_call>{"name": 7}</tool_call>',
        '<tool_call>\n{"name": "f", "ar',
        "</tool_call>",
    ],
)
def test_what_is_no_call_stays_text(text: str):
    assert joined(read([text])) == (text, [])


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('<tool_call>\n{"name": "f", "arguments": {"a": [1}\n</tool_call>', ['{"a": [1}']),
        ('<tool_call>\n{"name": "f", "arguments": {"a": {}\n</tool_call>', ['{"a": {}']),
        (
            '<tool_call>\n{"name": "f", "arguments": {"a": "x\n</tool_call>\n' + written([("g", "{}")]),
            ['{"a": "x', "{}"],
        ),
        ('<tool_call>\n{"name": "f", "arguments": {"a": 1}' + written([("g", "{}")]), ['{"a": 1}', "{}"]),
        ('<tool_call>\n{"name": "f", "arguments": {"a": 1', ['{"a": 1']),
    ],
    ids=["a bracket", "a brace", "a quote", "the closing tag", "the end"],
)
def test_a_call_that_lacks_something_is_passed_on_as_it_is_and_the_next_is_found(text: str, arguments: list[str]):
    said, calls = joined(read([text]))
    assert said == ""
    assert [each for _, each in calls] == arguments


def test_a_client_could_read_the_arguments():
    _, calls = joined(read(written([("f", '{"a": "ü\\u00e4"}')])))
    assert json.loads(calls[0][1]) == {"a": "üä"}
