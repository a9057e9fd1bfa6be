"""Litmus tests are read, or refused with the place and the reason."""

from __future__ import annotations

import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim._resources import data_path
from asyncfc_sim.core.events import Cancel, Deliver, Timeout
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, Program, Touch
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.litmus import Expectation, Overlap, parse_litmus, with_counts

TEXT = """\
# of everything some
litmus ALL-1
"two \\"files\\""

world { "file:a": "$f2", # data
        "obj:o": {"items": [1, null, true, -0.5]} }

tools {
  read: reads "file:{path}"
  copy: reads "file:{src}" writes "file:{dst}", "log" irreversible
  clock = now: nothing; add: writes "n" commutes with add, clock
  odd: everything
}

program {
  f1 = read(path="a")
  await $f1   # comment
  f2 = copy(src=$f1, dst=$f7.x)
  return $f2
}

environment { cancel f1; timeout f2
  deliver f1 }
workers 2
sometimes f2 || f1

expect {
  naive atomic # 12 by "d f1"   naive steps #
  naive/failstop steps = 7
  effect
    atomic = 3
}
"""


def test_all_that_a_file_may_say():
    test = parse_litmus(TEXT, "all.lit")
    assert (test.name, test.description, test.source) == ("ALL-1", 'two "files"', "all.lit")
    assert test.world == {"file:a": "$f2", "obj:o": {"items": [1, None, True, -0.5]}}
    assert test.tools == {
        "read": Tool("read", Declaration(reads=["file:{path}"])),
        "copy": Tool("copy", Declaration(["file:{src}"], ["file:{dst}", "log"]), irreversible=True),
        "clock": Tool("clock", Declaration()),
        "add": Tool("add", Declaration(writes=["n"]), commutes_with=frozenset({"add", "clock"})),
        "odd": Tool("odd"),
    }
    assert test.bodies == {"read": "read", "copy": "copy", "clock": "now", "add": "add", "odd": "odd"}
    calls = Call(1, "read", {"path": "a"}), Call(2, "copy", {"src": Ref(1), "dst": Ref(7, ("x",))})
    assert test.program == Program((calls[0], Touch((1,)), calls[1], Done((Ref(2),))))
    assert test.environment == (Cancel(1), Timeout(2), Deliver((1,)))
    assert test.workers == 2
    assert test.overlaps == (Overlap((1, 2), sometimes=True, line=25),)
    assert test.expectations == (
        Expectation("naive", "atomic", equal=False, states=12, witness="d f1", line=28),
        Expectation("naive", "steps", equal=False, line=28),
        Expectation("naive/failstop", "steps", equal=True, states=7, line=29),
        Expectation("effect", "atomic", equal=True, states=3, line=30),
    )


def test_what_may_be_left_out():
    test = parse_litmus('litmus A "" world {} tools {} program {} expect { effect atomic = }')
    assert test.program == Program(())
    assert (test.world, test.tools, test.environment, test.workers, test.overlaps) == ({}, {}, (), None, ())


def test_the_example_of_the_grammar():
    lines = data_path("grammar", "litmus.lark").read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if "litmus WW" in line)
    last = next(
        number
        for number, line in enumerate(lines)
        if number > first and line == "//     }" and "effect" in lines[number - 1]
    )
    test = parse_litmus("\n".join(line.removeprefix("//") for line in lines[first : last + 1]))
    assert test.name == "WW"
    assert {expectation.column for expectation in test.expectations} == {("naive", "atomic"), ("effect", "atomic")}


BODIES = {"read": ("path",), "write": ("path", "text"), "now": ()}


def file(
    world='{ "file:a": "A" }',
    tools='read: reads "file:{path}"',
    program='f1 = read(path="a"); f2 = read(path="b")',
    rest="",
    expect="effect atomic = 1",
):
    return f'litmus T\n"x"\nworld {world}\ntools {{ {tools} }}\nprogram {{ {program} }}\n{rest}\nexpect {{ {expect} }}'


def test_the_file_that_the_faults_are_planted_in_has_none():
    parse_litmus(file(), bodies=BODIES)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("litmus lower", "lower", "unexpected `lower`, expected the name of the test, in capitals"),
        (file(world="[1]"), "[1]", "unexpected `[`, expected `{`"),
        (file(world='{ "file:a": $f1 }'), "$f1", "a world holds data, and no reference"),
        (file(world='{ "file:a": 1, "file:a": 2 }'), '"file:a": 2', 'the name "file:a" stands twice'),
        (file(world='{ "x": {"k": 1, "k": 2} }'), '"k": 2', 'the name "k" stands twice'),
        (file(world='{ "file:*": 1 }'), '"file:*"', "is a pattern of keys, not a key"),
        (file(world='{ "a*b": 1 }'), '"a*b"', "'*' may only be the last segment"),
        (file(world='{ "x": 1e999 }'), "1e999", "the number is too large"),
        (file(tools="!"), "!", "unexpected `!`, expected the name of a tool or `}`"),
        (file(tools='read: reads "a"; read: nothing'), "read: nothing", "the tool read is declared already"),
        (file(tools="read: rades"), "rades", "unexpected `rades`, expected `everything`, `nothing`,"),
        (file(tools='read: reads "file:{path"'), '"file:{path"', "expected '}' before end of string"),
        (file(tools='read: reads "file:{}"'), '"file:{}"', "braces hold the name of an argument"),
        (file(tools='read: reads "file:{dir}"'), '"file:{dir}"', "takes no argument dir, expected path"),
        (file(tools="reed: nothing"), "reed", "the toolbox has no reed, expected read"),
        (file(tools="read = raed: nothing"), "raed", "the toolbox has no raed, expected read"),
        (file(tools="read: nothing commutes with now"), "now", "no tool named now is declared"),
        (file(program='f1 = write(path="a")'), "write", "no tool named write is declared"),
        (file(program='f1 = reed(path="a")'), "reed", "no tool named reed is declared, expected read"),
        (file(program='f1 = read(pth="a")'), "pth", "read takes no argument pth, expected path"),
        (file(program="f1 = read()"), "read()", "read needs the argument path"),
        (file(program='f1 = read(path="a"'), "}", "unexpected `}`, expected"),
        (file(program='f2 = read(path="a"); f2 = read(path="a")'), 'f2 = read(path="a") }', "f2 is issued already"),
        (file(rest="environment { stop f1 }"), "stop", "unexpected `stop`, expected a move (`cancel f1`, "),
        (file(rest="environment { cancel f3 }"), "f3", "no call of the program issues f3"),
        (file(rest="environment { cancel f1; cancel f1 }"), "cancel f1 }", "`cancel f1` is said twice"),
        (file(rest="workers 0"), "0", "unexpected `0`, expected a number, 1 or more"),
        (file(rest="sometimes f1 || f3"), "f3", "no call of the program issues f3"),
        (file(rest="never f1 || f1"), "f1\nexpect", "f1 can overlap only with another call"),
        (file(rest="never f1 || f2\nsometimes f2 || f1"), "f2 || f1", "whether f1 and f2 overlap is said at line 6"),
        (file(expect="lock atomic ="), "lock", "unexpected `lock`, expected a scheduler (naive, locks,"),
        (file(expect="naive/barrier atomic ="), "/barrier", "unexpected `/`, expected `atomic` or `steps`"),
        (file(expect="effect fine ="), "fine", "unexpected `fine`, expected `atomic` or `steps`"),
        (file(expect="effect atomic ~"), "~", "unexpected `~`, expected `=` or `#`"),
        (file(expect="effect atomic = effect atomic #"), "effect atomic #", "is expected at line 7 already"),
        (file(expect='effect atomic = by "d"'), '"d"', "there is no schedule that differs where `=` is expected"),
        (file(expect=""), "}", "unexpected `}`, expected a scheduler"),
        (file() + "\nmore", "more", "unexpected `more`, expected the end of the text"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place(text: str, place: str, message: str):
    with pytest.raises(LanguageError) as caught:
        parse_litmus(text, "t.lit", bodies=BODIES)
    error = caught.value
    assert message in str(error)
    offset = len("\n".join(text.split("\n")[: error.line - 1])) + (error.line > 1) + error.column - 1
    assert text[offset:].startswith(place)
    assert str(error).startswith(f"t.lit:{error.line}:{error.column}: ")


def test_without_bodies_any_tool_will_do():
    test = parse_litmus(file(tools='mine = yours: writes "k:{whatever}"', program="f1 = mine(x=1)"))
    assert test.bodies == {"mine": "yours"}


def test_bad_references_are_no_fault_here():
    program = 'f1 = read(path=$f9); f2 = read(path=$f2); if $f1 == 1 { f3 = read(path="a") }; f4 = read(path=$f3)'
    assert len(parse_litmus(file(program=program), bodies=BODIES).program.body) == 4


def test_only_the_counts_are_rewritten():
    before = textwrap.dedent("""\
        naive  atomic  # 12 by "d f1"  # 12 is a count, this is not
        naive  steps   #
        effect atomic  = 9 effect steps = 3""")
    after = textwrap.dedent("""\
        naive  atomic  # 1234 by "d f1"  # 12 is a count, this is not
        naive  steps   # 56
        effect atomic  = 7 effect steps = 3""")
    counts = {("naive", "atomic"): 1234, ("naive", "steps"): 56, ("effect", "atomic"): 7, ("strict", "steps"): 1}
    assert with_counts(file(expect=before), counts) == file(expect=after)  # type: ignore[arg-type]
    with pytest.raises(LanguageError):
        with_counts("litmus", {})


@given(st.dictionaries(st.sampled_from(["naive", "effect", "strict"]), st.integers(1, 10**6)))
def test_counts_that_are_written_are_read(counts):
    text = file(expect="naive atomic # 5 effect atomic = strict atomic = 10")
    pinned = with_counts(text, {(name, "atomic"): count for name, count in counts.items()})
    expected = {"naive": 5, "effect": None, "strict": 10} | counts
    assert {each.scheduler: each.states for each in parse_litmus(pinned).expectations} == expected
    assert re.sub(r" ?\d+", "", pinned) == re.sub(r" ?\d+", "", text)
