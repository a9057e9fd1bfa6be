"""Grammars taken apart as text: what a definition needs goes along, and what only looks like a name stays."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from lark import Lark

from asyncfc_sim.language.lark_text import bounded, definitions, literal, names_in, needed, renamed
from tests.tool_grammars import accepts

BODY = r'"\"" (FUTURE | "FUTURE" /[FUTURE"]+\/(?:FUTURE)/ | inner~2 ..3) FUTURE*'


def test_a_file_comes_with_what_it_imports():
    found = definitions("hermes")
    assert found["FUTURE"] == definitions("reference")["FUTURE"]
    assert found["BACKWARD"] == "FUTURE"
    assert not any("//" in body for body in found.values())


def test_what_is_needed_stands_before_what_needs_it():
    found = list(needed(definitions("hermes"), ["REFERENCE"]))
    assert found == ["FUTURE", "BACKWARD", "NAME", "INDEX", "QUOTED", "SEGMENT", "REFERENCE"]
    assert set(needed(definitions("hermes"), ["value"])) >= {"value", "array", "object", "STRING"}


def test_names_in_literals_and_expressions_are_none():
    assert names_in(BODY) == ["FUTURE", "inner"]
    assert renamed(BODY, {"FUTURE": "F1"}) == BODY.replace("(FUTURE |", "(F1 |").replace(" FUTURE*", " F1*")


def test_nothing_is_repeated_more_often():
    assert bounded(r'X* "a*" (/[*+]b+\*c*/)+', 3) == r'X~0 ..3 "a*" (/[*+]b{1,3}\*c{0,3}/)~1 ..3'
    expression = re.compile(bounded(definitions("hermes")["SEEMING"], 2)[1:-1])
    assert expression.fullmatch("<<")
    assert not expression.fullmatch("<<<")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from('\n\t\r"\\/')))
def test_a_literal_is_read_as_its_text(text: str):
    lark = Lark(f'start: "<" {literal(text)} ">"' if text else 'start: "<" ">"', parser="lalr")
    assert accepts(lark, f"<{text}>")
    assert not accepts(lark, f"<{text}x>")
