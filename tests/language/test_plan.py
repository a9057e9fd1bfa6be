"""LLMCompiler plans become programs."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark

from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Call, Done, Program
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.grammars import load
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.language.plan import parse_plan
from asyncfc_sim.language.printer import format_program

PARAMETERS = {"search": ["query"], "math": ["problem", "context"], "review": ["title", "year"]}

# Plans in the shapes that LLMCompiler's benchmarks ask for, and the programs that they stand for.
PLANS = {
    "two searches and a comparison in the head": (
        """\
        1. search("height of the Eiffel Tower")
        2. search("height of the Shard")
        Thought: I can compare the numbers without calling math.
        3. join()<END_OF_PLAN>
        """,
        """\
        f1 = search(query="height of the Eiffel Tower")
        f2 = search(query="height of the Shard")
        return $f1, $f2
        """,
    ),
    "two chains that meet": (
        """\
        1. search('Lake Baikal')
        2. math('depth of Lake Baikal in feet?', ['$1'])
        3. search("Lake Tanganyika")
        4. math("depth of Lake Tanganyika in feet?", ["$3"])
        5. math("abs($2 - ${4})")
        6. join()
        <END_OF_PLAN>
        """,
        """\
        f1 = search(query="Lake Baikal")
        f2 = math(problem="depth of Lake Baikal in feet?", context=[$f1])
        f3 = search(query="Lake Tanganyika")
        f4 = math(problem="depth of Lake Tanganyika in feet?", context=[$f3])
        f5 = math(problem="abs(${f2} - ${f4})")
        return $f1, $f2, $f3, $f4, $f5
        """,
    ),
    "a wide fan-out": (
        "".join(f'{n}. search("film {n}")\n' for n in range(1, 9)) + "9. join()",
        "".join(f'f{n} = search(query="film {n}")\n' for n in range(1, 9))
        + "return $f1, $f2, $f3, $f4, $f5, $f6, $f7, $f8\n",
    ),
    "step 10 is not step 1": (
        "".join(f'{n}. search("x")\n' for n in range(1, 11)) + '11. math("$10 + $1", [$10, ${1}])',
        "".join(f'f{n} = search(query="x")\n' for n in range(1, 11))
        + 'f11 = math(problem="${f10} + ${f1}", context=[$f10, $f1])\n',
    ),
    "a chain, with what models write around it": (
        """\
        # three hops
        1. search("author of Kallocain")
        2. search($1)   # by value
        3. search("who taught $2?")

        4. join()
        ###
        """,
        """\
        f1 = search(query="author of Kallocain")
        f2 = search(query=$f1)
        f3 = search(query="who taught ${f2}?")
        return $f1, $f2, $f3
        """,
    ),
    "every kind of value, names, an unknown tool": (
        """\
        1. review('M', year=1931)
        2. other(-1.5, [True, False, None,
                        {'k': '$1'}], mode={})
        """,
        """\
        f1 = review(title="M", year=1931)
        f2 = other(arg0=-1.5, arg1=[true, false, null, {"k": $f1}], mode={})
        """,
    ),
    "numbers may skip": ('2. search("a")\n5. search($2)\n', 'f2 = search(query="a")\nf5 = search(query=$f2)\n'),
    "nothing": ("Thought: there is nothing to do (yet).\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_a_program(name: str):
    plan, program = PLANS[name]
    assert format_program(parse_plan(plan, PARAMETERS)) == textwrap.dedent(program)
    assert parse_plan(plan, PARAMETERS) == parse_program(program)


def test_without_names_arguments_are_numbered():
    assert parse_plan('1. search("x", 5)') == Program((Call(1, "search", {"arg0": "x", "arg1": 5}),))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("$1", Ref(1)),
        ("${1}", Ref(1)),
        ("of $1.", Text(("of ", Ref(1), "."))),
        ("$1$2", Text((Ref(1), Ref(2)))),
        ("$1,${2}", Text((Ref(1), ",", Ref(2)))),
        ("pay $1.50", "pay $1.50"),
        ("$5.00", "$5.00"),
        ("$7 and $12", "$7 and $12"),
        ("$01", "$01"),
        ("$", "$"),
        ("$$1", Text(("$", Ref(1)))),
        ("${1", "${1"),
        ("$f1", "$f1"),
        ("${f1}", "${f1}"),
        ("$5", "$5"),  # the plan has four steps
        ("$4", "$4"),  # step 4 is the join, which has no result
    ],
)
def test_what_a_dollar_means(text: str, meaning: object):
    program = parse_plan(f'1. a()\n2. b()\n3. c("{text}")\n4. join()')
    assert program.body[2] == Call(3, "c", {"arg0": meaning})
    assert program.body[3] == Done((Ref(1), Ref(2), Ref(3)))
    assert parse_program(format_program(program)) == program


@pytest.mark.parametrize(
    ("plan", "reason", "caret"),
    [
        ("1. a($9)", "1:6: $9 is unknown: the plan has no such step", "     ^"),
        ("1. a()\n2. b([1, ${2}])", "2:10: $2 is the result of this very step", " " * 9 + "^"),
        (
            '1. a("x ${2} y")\n2. b()',
            "1:9: $2 is the result of a later step: references point backwards",
            " " * 8 + "^",
        ),
        ("1. a()\n2. join()\n3. b($2)", "3:1: `join()` is the last step of a plan", "^"),
        ("2. a()\n1. b()", "2:1: step 1 comes after step 2: steps are numbered upwards", "^"),
        ("1. a()\n1. b()", "2:1: step 1 comes after step 1: steps are numbered upwards", "^"),
        ("0. a()", "1:1: unexpected `0`, expected a numbered step (`1. tool(...)`) or `<END_OF_PLAN>`", "^"),
        ("a()", "1:1: unexpected `a`, expected a numbered step (`1. tool(...)`) or `<END_OF_PLAN>`", "^"),
        ("1. a(", "1:6: the text ends too early, expected an argument or `)`", "     ^"),
        ('1. a("x", ["$1"]\n2. b()', "2:1: unexpected `2`, expected `,` or `)`", "^"),
        ("1. a(x)", "1:7: unexpected `)`, expected `=`", "      ^"),
        ("1. a() 2. b()", "1:8: unexpected `2`, expected `<END_OF_PLAN>` or a new line", "       ^"),
        ("1. join()<END_OF_PLAN> 2. a()", "1:24: unexpected `2`, expected a new line", " " * 23 + "^"),
        ("1. search('a', 'b')", "1:16: search takes 1 argument: query", " " * 15 + "^"),
        ("1. search('a', [])", "1:4: search takes 1 argument: query", "   ^"),
        ("1. search('a', query='b')", "1:16: argument `query` is given twice", " " * 15 + "^"),
        ("1. math(context=1, 2)", "1:20: an argument without a name stands before those with one", " " * 19 + "^"),
        ("1. a()\n2. join(1)", "2:9: `join()` takes no arguments", "        ^"),
        ("1. a({'k': 1, 'k': 2})", "1:15: the name `'k'` stands twice in one dict", " " * 14 + "^"),
        ("1. a('\\N{no such}')", "1:6: not a string: ", "     ^"),
        ("1. a('b)", "1:6: the string is not closed on its line", "     ^"),
        ("1. a(1e999)", "1:6: the number is too large", "     ^"),
    ],
)
def test_a_fault_in_a_plan_is_shown_where_it_is(plan: str, reason: str, caret: str):
    with pytest.raises(LanguageError) as caught:
        parse_plan(plan, PARAMETERS, "p")
    shown, line, below = str(caught.value).split("\n")
    assert shown.startswith(f"p:{reason}")
    assert line == f"  {caught.value.line} | {plan.splitlines()[caught.value.line - 1]}"
    assert below == f"    | {caret}"


def test_deep_nesting_is_refused():
    with pytest.raises(LanguageError, match="nested more than"):
        parse_plan("1. a(" + "[" * 100_000)


TERMINALS = {
    "INDEX": st.sampled_from(["1", "2", "3"]),
    "STEP": st.sampled_from(["$1", "${2}"]),
    "NAME": st.sampled_from(["search", "math", "join"]),
}


@given(from_lark(load("plan")) | from_lark(load("plan"), explicit=TERMINALS))
def test_what_the_grammar_generates_is_read_or_refused(text: str):
    try:
        program = parse_plan(text, PARAMETERS)
    except LanguageError:
        return
    assert parse_program(format_program(program)) == program
