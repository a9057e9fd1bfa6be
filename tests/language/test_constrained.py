"""Grammars of tools: what they accept are calls that fit, and what fits can be written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lark import Lark

from asyncfc_sim._resources import data_path
from asyncfc_sim.core.arguments import needed
from asyncfc_sim.core.messages import AWAIT, CANCEL, named
from asyncfc_sim.core.references import Ref, Text, parse_reference, template_to_json
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.language.constrained import Held, NumberingError, tool_grammar
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.schema_shapes import SchemaError
from asyncfc_sim.language.widen import widen
from tests.strategies import paths, texts
from tests.tool_grammars import (
    MIXED,
    OFFICE,
    TOOL_SETS,
    TRIP,
    Schemas,
    accepts,
    calls_of,
    generated,
    mutants,
    parameters,
    parser,
    plain,
)

SETS: Mapping[str, Schemas] = {"office": OFFICE, "trip": TRIP, "mixed": MIXED}
ASYNC, SYNC = Held(max_calls=2, first=3), Held(max_calls=2, futures=False)


@cache
def general() -> Lark:
    """grammar/hermes.lark itself: any tools, any arguments, any references."""
    return Lark.open(str(data_path("grammar", "hermes.lark")), parser="lalr", maybe_placeholders=False)


@cache
def reader(name: str, held: Held) -> Lark:
    return parser(tool_grammar(SETS[name], held).text)


def written(*calls: tuple[str, Any]) -> str:
    blocks = [json.dumps({"name": name, "arguments": args}, ensure_ascii=False) for name, args in calls]
    return "\n".join(f"<tool_call>\n{block}\n</tool_call>" for block in blocks)


def look_into(text: str, tools: Schemas, held: Held) -> int:
    """Read a text that a grammar accepts: its calls are of the tools, fit their schemas, and refer backward.

    Returns how many references there are."""
    references = 0
    for call, arguments in calls_of(text, held.first, references=held.futures):
        if call.tool in (AWAIT, CANCEL):
            found = named(call.tool, call.args, lambda number: number if number < call.future else 0)  # noqa: B023
            assert not isinstance(found, ErrorValue)
            references += len(found)
            continue
        assert all(number < call.future for number in needed(call))
        references += len(needed(call))
        schema = tools[call.tool]
        jsonschema.validate(plain(json.loads(arguments)), widen(schema) if held.futures else dict(schema))
    return references


@pytest.mark.parametrize("held", [ASYNC, SYNC], ids=["futures", "none"])
@pytest.mark.parametrize("name", SETS)
def test_whatever_is_accepted_is_calls_that_fit_and_refer_backward(name: str, held: Held):
    lark = reader(name, held)
    produced = generated(lark, 25)
    counts = {"calls": 0, "answers": 0, "references": 0, "refused mutants": 0, "accepted mutants": 0, "twice": 0}
    for text in [*produced, *mutants(produced, 300)]:
        fits = accepts(lark, text)
        mutant = text not in produced
        assert fits or mutant
        counts[f"{'accepted' if fits else 'refused'} mutants"] += mutant
        if not fits:
            continue
        assert accepts(general(), text) or not held.futures  # it says what strings mean where references may stand
        if not text.startswith("<tool_call>"):
            assert "tool_call>" not in text
            counts["answers"] += 1
            continue
        try:
            counts["references"] += look_into(text, SETS[name], held)
        except LanguageError as error:
            if "stands twice" not in str(error):  # the one thing that no such grammar can say
                raise
            counts["twice"] += 1
        counts["calls"] += 1
    assert all(counts[seen] for seen in ("calls", "answers", "refused mutants", "accepted mutants"))
    assert bool(counts["references"]) == held.futures
    assert counts["twice"] == 0 or name == "mixed"


# ------------------------------------------------------------------------------------- what fits can be written


def values(schema: Any, string: st.SearchStrategy[Any], references: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema of `tool_grammars.TOOL_SETS`, members in its order; any may be a reference instead."""
    return references | _values(schema, string, references)


def _values(schema: Any, string: st.SearchStrategy[Any], references: Any) -> st.SearchStrategy[Any]:
    match schema:
        case {"enum": options}:
            return st.sampled_from(list(options))
        case {"const": option}:
            return st.just(option)
        case {"anyOf": list(sides)}:
            return st.one_of([_values(side, string, references) for side in sides])
        case {"type": list(types)}:
            return st.one_of([_values({"type": each}, string, references) for each in types])
        case {"type": "array"}:
            low, high = schema.get("minItems", 0), schema.get("maxItems", 4)
            return st.lists(values(schema["items"], string, references), min_size=low, max_size=high)
        case {"type": "object"}:
            return _members(schema, string, references)
        case {"type": "integer"}:
            return st.integers(schema.get("minimum", -(10**18)), schema.get("exclusiveMaximum", 10**18 + 1) - 1)
        case {"type": "number"}:
            return st.floats(-1e9, 1e9, allow_nan=False) | st.integers(-(10**18), 10**18)
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "null"}:
            return st.none()
        case _:
            return string


@st.composite
def _members(draw: st.DrawFn, schema: Any, string: Any, references: Any) -> dict[str, Any]:
    needed = schema.get("required", ())
    return {
        name: draw(values(inner, string, references))
        for name, inner in schema["properties"].items()
        if name in needed or draw(st.booleans())
    }


def backward(below: int) -> st.SearchStrategy[Any]:
    futures = st.integers(1, below - 1)
    return st.builds(Ref, futures, paths())


@settings(suppress_health_check=list(HealthCheck), max_examples=25)
@given(TOOL_SETS, st.data())
def test_whatever_fits_can_be_written(tools: Schemas, data: st.DataObject):
    """Also in strings: any text, and references in the midst of it."""
    held = Held(first=4, max_calls=2)
    lark = parser(tool_grammar(tools, held).text)
    number, calls = held.first, []
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(list(tools)))
        references = backward(number)
        mixed = st.builds(lambda before, ref, after: Text((before, ref, after)), texts(), references, texts())
        args = data.draw(_members(tools[name], texts() | mixed, references))
        calls.append((name, template_to_json(args)))
        number += 1
    assume(not any(map(is_broken, strings([args for _, args in calls]))))
    text = written(*calls)
    assume("tool_" not in text.replace("<tool_call>\n", "").replace("\n</tool_call>", ""))
    try:
        calls_of(text, held.first)
    except LanguageError:
        assume(False)  # halves of surrogate pairs
    assert accepts(lark, text)


def strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            yield from (text for item in value for text in strings(item))
        case dict():
            yield from (text for item in value.values() for text in strings(item))


def is_broken(text: str) -> bool:
    """Whether something in it looks like a reference, and is neither one nor an escaped one."""
    whole = re.fullmatch(r"\$+(f.*)", text, re.DOTALL)
    if whole and parse_reference(whole.group(1)):
        return False
    rest = re.sub(r"\$+\{([^}]*)\}", lambda found: "|" if parse_reference(found.group(1)) else found.group(), text)
    return re.search(r"\$\{?f[1-9]", rest) is not None


# ---------------------------------------------------------------------------------------------- what is refused

ADD = {"add": parameters(["a"], a={"type": "integer"}, b={"type": "string"})}


@cache
def of_add(held: Held) -> Lark:
    return parser(tool_grammar(ADD, held).text)


def fits(*calls: tuple[str, Any], **held: Any) -> bool:
    return accepts(of_add(Held(**{"max_calls": 3, **held})), written(*calls))


def test_a_call_names_only_the_calls_before_it():
    assert fits(("add", {"a": 1}), ("add", {"a": "$f1"}), ("add", {"a": "$f2.x[0]['y z']"}))
    assert not fits(("add", {"a": "$f1"}))
    assert not fits(("add", {"a": 1}), ("add", {"a": "$f2"}))
    assert not fits(("add", {"a": 1}), ("add", {"a": "$f10"}))
    assert fits(("add", {"a": "$f11"}), ("add", {"a": "$f12"}), first=12)
    assert not fits(("add", {"a": "$f12"}), first=12)


def test_awaiting_counts_for_no_call():
    first, second = ("add", {"a": 1}), ("add", {"a": "$f1"})
    assert fits(first, ("await_future", {"ids": ["$f1"], "mode": "any", "timeout_s": 0.5}), second)
    assert fits(("cancel_future", {"ids": ["$f2", "$f1"]}), ("await_future", {"ids": ["$f1"]}), first=3)
    for ids in ([], ["$f2"], ["$f1.x"], "$f1"):
        assert not fits(first, ("await_future", {"ids": ids}), second)
    assert not fits(("await_future", {"ids": ["$f1"]}))
    assert not fits(first, ("await_future", {"ids": ["$f1"]}), futures=False)


@pytest.mark.parametrize(
    "text", ["", "$", "$5.00", "$HOME", "${name}", "$f", "$file", "${f", "$$f1", "$$f9.x", "$${f9}", "a${f1.x}b${f1}",
             "a <b> $<tool", "${${f1}", 'say "hi"\n', "\\", "Zürich 😀"]
)  # fmt: skip
def test_text_that_may_stand_in_a_string(text: str):
    assert fits(("add", {"a": 1, "b": text}), first=2)


@pytest.mark.parametrize(
    "text", ["$f1 and more", "$f01x $f1", "${f1", "${f1.}", "${f2}", "$f2", "x $f1", "<tool_call>"]
)
def test_what_would_be_a_broken_reference_or_a_tag_may_not(text: str):
    assert not fits(("add", {"a": 1, "b": text}), first=2)


def test_without_futures_strings_are_text():
    for text in ("$f1 and more", "${f1", "$f7", "$$", "a < b"):
        assert fits(("add", {"a": 1, "b": text}), futures=False)
    assert not fits(("add", {"a": "$f1"}), ("add", {"a": "$f1"}), futures=False)


def test_so_many_calls_and_an_answer_or_none():
    three = [("add", {"a": 1})] * 3
    assert fits(*three, max_calls=3)
    assert not fits(*three, max_calls=2)
    for answer in (True, False):
        lark = of_add(Held(answer=answer))
        assert accepts(lark, "It is 5 < 6, and so on.") == answer
        assert not accepts(lark, "")
        assert not accepts(lark, "Well: <tool_call>")


def test_bounded_strings_are_some_of_the_strings():
    bounded, free = (tool_grammar(ADD, Held(max_string=longest, max_calls=1)) for longest in (3, None))
    short, whole = parser(bounded.text), parser(free.text)
    assert accepts(short, written(("add", {"a": 1, "b": "abc"})))
    assert not accepts(short, written(("add", {"a": 1, "b": "abcd"})))
    assert "NARROWER" in bounded.text
    for text in generated(short, 10):
        assert accepts(whole, text)


def test_a_decoder_is_given_the_tags_as_tokens():
    text, tokens = (tool_grammar(ADD, Held(tokens=each)).text for each in (False, True))
    assert (
        text.replace('tool_open: "<tool_call>"', "tool_open: <tool_call>").replace(
            'tool_close: "</tool_call>"', "tool_close: </tool_call>"
        )
        == tokens
    )


@pytest.mark.parametrize("tools", [OFFICE, TRIP, MIXED])
def test_widened_schemas_give_the_same_grammar(tools: Schemas):
    assert tool_grammar({name: widen(schema) for name, schema in tools.items()}).text == tool_grammar(tools).text


# ------------------------------------------------------------------------------------- schemas that say more, or none

LEFT_OPEN: list[tuple[dict[str, Any], str, Any, Any]] = [
    # a schema, what is said of it, a value that fits the grammar all the same, one that does not
    ({"type": "string", "pattern": "^a"}, "p: `pattern` is not held to", "b", 1),
    ({"type": "number", "minimum": 0}, "p: `minimum` is not held to", -1.5, True),
    ({"oneOf": [{"type": "integer", "minimum": 5}, {"const": 1.5}]}, "p: more than one or the other", 2.5, "a"),
    ({"type": "array", "maxItems": 99}, "p: more than 16 items are not counted", [0] * 20, {}),
    ({"enum": [[1], "a"]}, "p: any array or object, not only those of `enum` or `const`", [2], "b"),
    ({"oneOf": [{"type": "integer", "minimum": 5}, {"const": 1}]}, "p: more than one or the other", 3, 2.5),
    ({"allOf": [parameters(["x"], x={}), parameters(["y"], y={})]}, "p: not all of several", {"x": 1}, {"y": 1}),
    ({"anyOf": [parameters(x={}), parameters(y={})]}, "p: more than one or the other", {"x": 1, "y": 2}, {"z": 1}),
    ({"$ref": "#/$defs/Tree"}, "p.left: any value, because #/$defs/Tree holds itself", {"left": 1}, 1),
    ({"$ref": "https://example.org/x"}, "p: any value, because `$ref` leads out of the schema", [1], ...),
    ({**parameters(x={}), "additionalProperties": True}, "p: NARROWER: members that are not named", {}, {"y": 1}),
    ({"type": "array", "prefixItems": [{"type": "null"}]}, "p: any items, not only those of `prefixItems`", [5], 5),
]


@pytest.mark.parametrize(("schema", "note", "accepted", "refused"), LEFT_OPEN)
def test_what_a_schema_says_beyond_the_grammar_is_told(schema: Any, note: str, accepted: Any, refused: Any):
    made = tool_grammar(
        {"t": {**parameters(["p"], p=schema), "$defs": {"Tree": parameters(left={"$ref": "#/$defs/Tree"})}}},
        Held(max_calls=1),
    )
    assert any(note in each for each in made.notes)
    assert all(f"//   {each}" in made.text for each in made.notes)
    lark = parser(made.text)
    assert accepts(lark, written(("t", {"p": accepted})))
    assert refused is ... or not accepts(lark, written(("t", {"p": refused})))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": ["text", {}]}, "t.p: `type` is one or some of null, boolean"),
        ({"required": [["a"]]}, "t.p: `required` is an array of names"),
        ({"enum": [1, float("nan")]}, "t.p: nan is no value of JSON"),
        ({"type": "text"}, "t.p: `type` is one or some of null, boolean"),
        ({"anyOf": 5}, "t.p: `anyOf` is an array, not 5"),
        ({"$ref": "#/$defs/Gone"}, "t.p: `$ref` points at nothing"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "t.p: no value fits its schema"),
        ({"type": "integer", "minimum": 10**400}, "t.p: no value fits its schema"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "t.p: at least 3 items, and at most 2"),
        ("integer", "t.p: an object or a boolean is expected as a schema"),
    ],
)
def test_a_schema_that_is_none_or_that_nothing_fits(schema: Any, message: str):
    with pytest.raises(SchemaError, match=re.escape(message)):
        tool_grammar({"t": {"type": "object", "properties": {"p": schema}, "required": ["p"]}})


def test_schemas_of_which_only_python_says_that_they_are_the_same():
    values: list[Any] = [1, True, 1.0]
    one_of_each = {
        f"t{n}": parameters(["p"], p=parameters(["q"], q={"const": value})) for n, value in enumerate(values)
    }
    lark = parser(tool_grammar(one_of_each, Held(max_calls=1)).text)
    for n in range(3):
        accepted = [accepts(lark, written((f"t{n}", {"p": {"q": value}}))) for value in values]
        assert accepted == [n == other for other in range(3)]


def test_no_tools_and_no_numbers():
    with pytest.raises(SchemaError, match="at least one tool"):
        tool_grammar({})
    with pytest.raises(SchemaError, match="allows no object"):
        tool_grammar({"t": {"type": "array"}})
    for wrong in (Held(first=0), Held(max_calls=0), Held(first=999_999_999)):
        with pytest.raises(NumberingError, match="numbered from 1"):
            tool_grammar(ADD, wrong)
