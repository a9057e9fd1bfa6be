"""A sketch is a program whatever is left out of it: references look back, as far as there is something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Touch
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.verify.sketch import BlockSketch, BranchSketch, CallSketch, Sketch, program_of


def read(alias: Ref | Text | None = None) -> CallSketch:
    return CallSketch("read", ("path",), (("a", alias),))


BRANCH = BranchSketch(Ref(1), "ok", BlockSketch([read(Ref(0)), read()], None), BlockSketch([read()], None))
WHOLE = BlockSketch([Touch((0,)), read(Ref(0)), read(Ref(3, ("x",))), Touch((0, 2)), BRANCH, read(Ref(0))], (Ref(1),))


def test_references_look_back_round_and_round():
    assert str(program_of(WHOLE, max_calls=8)).splitlines() == [
        'f1 = read(path="a")',  # nothing to look at: the touch before it is gone, and the literal stays
        "f2 = read(path=$f1.x)",
        "await $f2",  # both of its numbers are f2
        'if $f1 == "ok" {',
        "  f3 = read(path=$f2)",
        '  f4 = read(path="a")',
        "} else {",
        '  f3 = read(path="a")',
        "}",
        "f5 = read(path=$f3)",  # f4 is not there on every path
        "return $f3",
    ]


def test_calls_beyond_the_most_are_left_out():
    assert str(program_of(WHOLE, max_calls=2)).splitlines() == [
        'f1 = read(path="a")',
        "f2 = read(path=$f1.x)",
        "await $f2",
        'if $f1 == "ok" {',
        "}",
        "return $f1",
    ]


def test_nothing_follows_what_always_returns():
    ends = BlockSketch([], ())
    block = BlockSketch([read(), BranchSketch(Ref(0), 1, ends, ends), read()], (Ref(0),))
    assert str(program_of(block, 8)) == 'f1 = read(path="a")\nif $f1 == 1 {\n  return\n} else {\n  return\n}'
    one = replace(ends, returned=None)
    assert "f2" in str(program_of(replace(block, body=[read(), BranchSketch(Ref(0), 1, ends, one), read()]), 8))


@pytest.mark.parametrize("left_out", range(len(WHOLE.body)))
def test_any_part_may_be_left_out(left_out: int):
    body: list[Sketch] = [statement for place, statement in enumerate(WHOLE.body) if place != left_out]
    program = program_of(replace(WHOLE, body=body), 8)
    assert parse_program(str(program)) == program
