"""grammar/reference.lark and core/references.py say the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import UnexpectedInput

from asyncfc_sim.core.references import Ref, Text, parse_string
from asyncfc_sim.language.grammars import load
from tests.strategies import references, texts

GRAMMAR = load("reference")

# What a mutation inserts: characters that mean something in a reference, and some that do not.
_CHARACTERS = st.sampled_from(
    [*"$f019.[]{}'\"\\-_aé u/b", "\x00", "\n", "\ud800", "\\ud83d", "\\ude00", "\\u0041", "${"]
)


def by_grammar(text: str) -> str:
    """REFERENCE or INTERPOLATION, or nothing if the text is neither."""
    try:
        (token,) = GRAMMAR.parse(text).scan_values(lambda leaf: True)
        return str(token.type)
    except UnexpectedInput:
        return ""


def by_core(text: str) -> str:
    match parse_string(text):
        case Ref():
            return "REFERENCE"
        case Text((Ref(),)):
            return "INTERPOLATION"
        case _:
            return ""


@st.composite
def mutated(draw: st.DrawFn, strategy: st.SearchStrategy[str]) -> str:
    text = draw(strategy)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 2)))
        text = text[:at] + draw(_CHARACTERS | st.just("")) + text[until:]
    return text


generated = from_lark(GRAMMAR)
printed = references([1, 20]).map(str)


@given(generated)
def test_what_the_grammar_generates_is_a_reference(text: str):
    assert by_core(text) == by_grammar(text) != ""


@given(printed)
def test_what_is_printed_is_in_the_grammar(text: str):
    assert by_core(text) == by_grammar(text) == "REFERENCE"


@settings(max_examples=500)
@given(mutated(generated) | mutated(printed) | texts())
@example("$f1['\\ud800']")
@example("$f1['\\ud83d\\ude00']")
@example("$f1['${f2}']")
@example("$f1['$$']")
@example("$f1\n")
def test_mutants_are_accepted_or_refused_by_both(text: str):
    assert by_core(text) == by_grammar(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$f3", ()),
        ("$f3.items[0].id", ("items", 0, "id")),
        ("$f3['a b'][-1]", ("a b", -1)),
        ('$f3["a\'b"]', ("a'b",)),
        ("$f3['it\\'s']", ("it's",)),
        ("$f3['\\u0041\\n']", ("A\n",)),
        ("$f3.größe", ("größe",)),
        ("$f3['$ref']", ("$ref",)),
    ],
)
def test_a_reference_is_a_path_from_a_future(text: str, path: tuple[str | int, ...]):
    assert parse_string(text) == Ref(3, path)
    assert by_grammar(text) == "REFERENCE"


@pytest.mark.parametrize(
    "text",
    [
        "$5.00", "$f", "$f0", "$f01", "$f1.", "$f1.2", "$f1[", "$f1[]", "$f1[01]", "$f1[-0]", "$f1['a]", "$f1 ", " $f1",
        "$f1.a b", "f1", "$F1", "${f1", "$ f1", "$f1[*]", "$f1..a", "$f1['\\q']", "$f1['a\nb']", "$f1234567890",
        "$f1[1234567890123456]", "$" * 50_000, "$f" + "9" * 5000,
    ],
)  # fmt: skip
def test_anything_else_is_text(text: str):
    assert parse_string(text) == text
    assert by_grammar(text) == ""


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("$$f3", "$f3"),
        ("$$$f3", "$$f3"),
        ("$${f3}", "${f3}"),
        ("$$${f3}", Text(("$", Ref(3)))),
        ("five: ${f3.total}.", Text(("five: ", Ref(3, ("total",)), "."))),
        ("${f1}${f2}", Text((Ref(1), Ref(2)))),
        ("${f1", "${f1"),
        ("costs $5.00 or ${f1}", Text(("costs $5.00 or ", Ref(1)))),
    ],
)
def test_the_escapes_of_strings(text: str, meaning: str | Text):
    assert parse_string(text) == meaning
    assert parse_string(json.loads(json.dumps(text))) == meaning
