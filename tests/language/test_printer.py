"""Printing and parsing are inverse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from asyncfc_sim.core.references import Ref, Text, format_string, parse_string
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Touch, calls_in
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.language.printer import format_program
from tests.strategies import programs, references, string_templates, texts


@given(programs())
def test_what_is_printed_is_parsed_as_the_same_program(program: Program):
    text = format_program(program)
    again = parse_program(text)
    assert again == program
    # `==` cannot tell 1 from 1.0 or True, repr can; and what is printed is a normal form.
    assert repr(again) == repr(program)
    assert format_program(again) == text


@given(texts() | references([1, 2, 30]) | string_templates([1, 2, 30]))
def test_what_is_written_into_a_string_is_read_from_it(template: str | Ref | Text):
    assert parse_string(format_string(template)) == template


@given(texts())
def test_every_string_means_something_and_keeps_its_meaning(text: str):
    template = parse_string(text)
    assert parse_string(format_string(template)) == template


def test_the_whole_language_in_one_program():
    program = Program(
        (
            Call(1, "search", {"query": "Berlin", "n": 3, "x": [1.5, None, True, {"k": "$f1"}]}),
            Call(3, "fs/read-file", {"path": Text(("/d/", Ref(1, ("items", 0, "a b")))), "user id": Ref(1)}),
            Call(4, "two words"),
            Touch((1, 3)),
            Branch(Ref(3, ("ok",)), "$$", (Call(5, "send"), Done((Ref(5),))), (Touch((4,)),)),
            Branch(Ref(1), 5, ()),
            Done(),
        )
    )
    assert format_program(program) == (
        'f1 = search(query="Berlin", n=3, x=[1.5, null, true, {"k": "$$f1"}])\n'
        'f3 = fs/read-file(path="/d/${f1.items[0][\'a b\']}", "user id"=$f1)\n'
        'f4 = "two words"()\n'
        "await $f1, $f3\n"
        'if $f3.ok == "$$" {\n'
        "  f5 = send()\n"
        "  return $f5\n"
        "} else {\n"
        "  await $f4\n"
        "}\n"
        "if $f1 == 5 {\n"
        "}\n"
        "return\n"
    )
    assert parse_program(format_program(program)) == program


def test_the_empty_program_is_the_empty_file():
    assert format_program(Program(())) == ""
    assert parse_program("") == parse_program("\n ;; # nothing\n") == Program(())


@pytest.mark.parametrize(
    "path",
    [("${f1}",), ("$ref",), ("a$", 0, -1), ('"',), ("'",), ("\\",), ("\n",), ("",), ("$${",), ("\N{GRINNING FACE}",)],
)
def test_any_name_can_stand_in_a_path(path: tuple[str | int, ...]):
    text = Text((Ref(1, path), "['", Ref(2, path)))
    assert parse_string(format_string(text)) == text
    assert parse_string(str(Ref(1, path))) == Ref(1, path)


def test_a_name_in_a_path_cannot_swallow_the_next_reference():
    """`${f1['${f2}']}` was once printed for this text, and is read as one reference if `${` may stand in a name."""
    text = Text(("${f1['", Ref(2), "']}"))
    assert parse_string(format_string(text)) == text
    assert parse_string("${f1['\\u0024{f2}']}") == Text((Ref(1, ("${f2}",)),))


def test_the_strategy_reaches_all_of_the_language():
    """The sometimes beside the always: without these, the first property above would say little."""
    seen: set[str] = set()

    @settings(derandomize=True, database=None)
    @given(programs())
    def look(program: Program):
        seen.update(type(statement).__name__ for statement in program.body)
        seen.update(["interpolation"] if "${" in str(program) else [])
        for branch in (statement for statement in program.body if isinstance(statement, Branch)):
            then, orelse = ({call.future for call in calls_in(side)} for side in (branch.then, branch.orelse))
            seen.update(["the same number on both sides"] if then & orelse else [])
            seen.update(["early return"] if branch.then and isinstance(branch.then[-1], Done) else [])

    look()
    assert seen >= {"Call", "Touch", "Branch", "Done", "interpolation", "the same number on both sides", "early return"}
