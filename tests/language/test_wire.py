"""Calls on the wire: OpenAI's JSON, and BFCL's Python."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.literals import MAX_DEPTH
from asyncfc_sim.language.wire import call_from_wire, call_to_wire, parse_pythonic
from tests.strategies import calls, json_values


@given(calls(4, [1, 2, 3]))
def test_a_call_survives_the_wire(call: Call):
    wire = json.loads(json.dumps(call_to_wire(call, "call_7")))
    assert wire["id"] == "call_7"
    assert wire["type"] == "function"
    again = call_from_wire(4, wire["function"]["name"], wire["function"]["arguments"])
    assert repr(again) == repr(call)


@given(st.dictionaries(st.text(), json_values()))
def test_any_json_object_is_a_call_and_its_text_means_the_same(arguments: dict[str, Any]):
    call = call_from_wire(1, "t", arguments)
    assert call_from_wire(1, "t", json.dumps(arguments)) == call
    assert call_from_wire(1, "t", json.dumps(json.dumps(arguments))) == call
    assert json.loads(call_to_wire(call, "x")["function"]["arguments"]).keys() == arguments.keys()


def test_strings_are_references_where_they_look_it_and_names_are_not():
    call = call_from_wire(3, "add", '{"a": "$f1.items[0]", "$f1": ["${f2}!", "$$f1", "$5.00"], "n": 1.0}')
    assert call == Call(3, "add", {"a": Ref(1, ("items", 0)), "$f1": [Text((Ref(2), "!")), "$f1", "$5.00"], "n": 1.0})
    assert call_to_wire(call, "c1") == {
        "id": "c1",
        "type": "function",
        "function": {
            "name": "add",
            "arguments": '{"a": "$f1.items[0]", "$f1": ["${f2}!", "$$f1", "$5.00"], "n": 1.0}',
        },
    }


@pytest.mark.parametrize("nothing", ["", " \n", "{}", '"{}"', {}, None])
def test_a_call_without_arguments(nothing: Any):
    assert call_from_wire(1, "now", nothing) == Call(1, "now", {})


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("[1]", "1:1: arguments are a JSON object, not an array"),
        ("null", "1:1: arguments are a JSON object, not null"),
        ("true", "1:1: arguments are a JSON object, not a boolean"),
        ("5", "1:1: arguments are a JSON object, not a number"),
        ('"Paris"', "1:1: arguments are a JSON object, not a string"),
        ('"{\\"a\\": 1"', "1:8: not JSON: expecting ',' delimiter"),
        ('{"a": 1', "1:8: not JSON: expecting ',' delimiter"),
        ('{"a":\n "b', "2:2: not JSON: unterminated string starting at"),
        ('{"a": 1} {"a": 2}', "1:10: not JSON: extra data"),
        ('{"a": NaN}', "1:1: not JSON: NaN"),
        ('{"a": -Infinity}', "1:1: not JSON: -Infinity"),
        ('{"a": 1e999}', "1:1: the number is too large"),
        ('{"a": ' + "9" * 5000 + "}", "1:1: the number has too many digits"),
        ('{"a": 1, "a": 2}', '1:1: the name "a" stands twice in one object'),
        ('{"a": "\\ud800"}', "1:1: the string holds half of a surrogate pair"),
        ('{"a": ' + "[" * 100_000, f"1:{6 + MAX_DEPTH}: nested more than {MAX_DEPTH} deep"),
        ({"a": float("nan")}, "1:1: the number is too large"),
        ({"a": 10**5000}, "1:1: the number has too many digits"),
        ({"a": {1: 2}}, "1:1: not JSON: dict"),
        ({"a": (1, 2)}, "1:1: not JSON: tuple"),
        ({"a": "\ud800"}, "1:1: the string holds half of a surrogate pair"),
    ],
)
def test_anything_else_is_refused(arguments: Any, reason: str):
    with pytest.raises(LanguageError) as caught:
        call_from_wire(1, "t", arguments)
    assert str(caught.value).split("\n")[0] == f"arguments of t:{reason}"


def test_a_deep_object_is_refused():
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(LanguageError, match=f"nested more than {MAX_DEPTH} deep"):
        call_from_wire(1, "t", {"a": deep})
    while isinstance(deep, list):  # or its destruction would recurse
        (deep,) = deep


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("cd(folder='document')", ("cd", {"folder": "document"})),
        ("sort('final_report.pdf')", ("sort", {"file_name": "final_report.pdf"})),
        (" ls() ", ("ls", {})),
        ("GorillaFileSystem.cd(folder = 'a')", ("GorillaFileSystem.cd", {"folder": "a"})),
        ("post('Hi!', tags=['#a', \"b\"], n=-1.5)", ("post", {"content": "Hi!", "tags": ["#a", "b"], "n": -1.5})),
        ("f(a=None, b=True, c=(1, (2,)), d={'k': {}}, e=1e3)",
         ("f", {"a": None, "b": True, "c": [1, [2]], "d": {"k": {}}, "e": 1000.0})),
        ("echo(content='$f1 costs $5.00')", ("echo", {"content": "$f1 costs $5.00"})),
        ("echo(content='a' 'b\\d')", ("echo", {"content": "ab\\d"})),
        ("echo(\n  content='''a\r\nb''',\n)", ("echo", {"content": "a\nb"})),
    ],
)  # fmt: skip
def test_python_calls(text: str, call: tuple[str, dict[str, Any]]):
    parameters = {"sort": ["file_name"], "post": ["content", "tags", "n"]}
    assert repr(parse_pythonic(text, parameters)) == repr(call)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "1:1: not a Python call: "),
        ("cd(", "1:3: not a Python call: "),
        ("cd", "1:1: this is not a call"),
        ("cd('a'), ls()", "1:1: this is not a call"),
        ("a = cd('a')", "1:3: not a Python call: "),
        ("cd('a')", "1:4: the parameters of cd are not known: write this argument with its name"),
        ("sort('a', 'b')", "1:11: sort takes 1 argument: file_name"),
        ("now('a')", "1:5: now takes no arguments"),
        ("sort('a', file_name='b')", "1:11: argument `file_name` is given twice"),
        ("sort(*['a'])", "1:6: arguments are written out, without `*`"),
        ("sort(**{'a': 1})", "1:8: arguments are written out, without `**`"),
        ("f()()", "1:1: this is not the name of a tool"),
        ("f(\n  a='日本', b=x)", "2:13: an argument is a literal: a string, "),
        ("f(a=__import__('os').system('true'))", "1:5: an argument is a literal"),
        ("f(a=1+1)", "1:5: an argument is a literal"),
        ("f(a=-True)", "1:5: an argument is a literal"),
        ("f(a={1, 2})", "1:5: an argument is a literal"),
        ("f(a=b'x')", "1:5: an argument is a literal"),
        ("f(a=f'{1}')", "1:5: an argument is a literal"),
        ("f(a={1: 2})", "1:6: the names in a dict are strings"),
        ("f(a={**{}})", "1:5: the names in a dict are strings"),
        ("f(a={'k': 1, 'k': 2})", "1:14: the name stands twice in one dict"),
        ("f(a=1e999)", "1:5: the number is too large"),
        ("f(a='\\ud800')", "1:5: the string holds half of a surrogate pair"),
        ("f(a=" + "[" * 100_000, "1:204: not a Python call: too many nested parentheses"),
        ("f(a=" + "[" * 100 + "]" * 100 + ")", f"1:{4 + MAX_DEPTH}: nested more than {MAX_DEPTH} deep"),
        ("f(a=" + "-" * 100_000 + "1)", "1:1: not a Python call: "),
        ("a" + ".a" * 100_000 + "()", "1:1: not a Python call: "),
        ("f(a='\x00')", "1:1: not a Python call: "),
    ],
)  # fmt: skip
def test_other_python_is_refused_and_not_evaluated(text: str, reason: str):
    with pytest.raises(LanguageError) as caught:
        parse_pythonic(text, {"sort": ["file_name"], "now": []}, "<step>")
    assert str(caught.value).startswith(f"<step>:{reason}")


def test_a_long_dotted_name_is_a_name():
    name = ".".join(["a"] * 500)
    assert parse_pythonic(f"{name}()") == (name, {})


@given(st.text() | st.lists(st.sampled_from([*"f(a='x', b=[1])$\\\n-", "é", "**"])).map("".join))
def test_any_text_is_a_call_or_refused(text: str):
    try:
        tool, args = parse_pythonic(text)
    except LanguageError:
        return
    assert call_from_wire(1, tool, args).tool == tool


def test_every_golden_call_of_bfcl_is_read():
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or spec.origin is None:
        pytest.skip("bfcl-eval is not installed")
    data = Path(spec.origin).parent / "data"
    parameters: dict[str, list[str]] = {}
    for path in data.glob("multi_turn_func_doc/*.json"):
        tools = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        parameters |= {tool["name"]: list(tool["parameters"]["properties"]) for tool in tools}
    count = 0
    for path in data.glob("possible_answer/BFCL_v4_multi_turn_*.json"):
        for line in path.read_text("utf-8").splitlines():
            for turn in json.loads(line)["ground_truth"]:
                for text in turn:
                    tool, args = parse_pythonic(text, parameters)
                    assert tool in parameters
                    assert args.keys() <= set(parameters[tool])
                    count += 1
    assert count > 4000
