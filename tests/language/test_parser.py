"""Programs are read, or refused with the place and the reason."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark

from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Touch
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.grammars import load
from asyncfc_sim.language.literals import MAX_DEPTH
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.language.printer import format_program
from tests.strategies import programs

EXAMPLE = """\
# two lookups overlap; the sum waits for both; nothing is decoded twice
f1 = search(query="population of Berlin")
f2 = search(query="population of Paris")
f3 = add(a=$f1.items[0].population, b=$f2.items[0].population)
await $f3
if $f3.total == 5 { f4 = send(text="five: ${f3.total}") } else { f5 = send(text="no") }
return $f3.total
"""


def test_the_example_of_the_grammar():
    population = ("items", 0, "population")
    total = Ref(3, ("total",))
    assert parse_program(EXAMPLE) == Program(
        (
            Call(1, "search", {"query": "population of Berlin"}),
            Call(2, "search", {"query": "population of Paris"}),
            Call(3, "add", {"a": Ref(1, population), "b": Ref(2, population)}),
            Touch((3,)),
            Branch(total, 5, (Call(4, "send", {"text": Text(("five: ", total))}),), (Call(5, "send", {"text": "no"}),)),
            Done((total,)),
        )
    )


def test_the_example_is_the_one_in_the_grammar_file():
    from asyncfc_sim._resources import data_path

    comments = [
        line[2:].strip() for line in data_path("grammar", "program.lark").read_text().splitlines() if "//" in line
    ]
    assert all(line.strip() in comments for line in EXAMPLE.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "f1=a(x=1,y=[2,3]);f2=b(z=$f1)",
        "f1 = a( # first\n  x=1, # then\n  y=[\n 2,\n\n 3 ]\n)\n\n\n;f2 =\n b(z=\n$f1)",
        "\r\n f1 = a ( x = 1 , y = [ 2 , 3 ] ) ;;\r\n\tf2 = b ( z = $f1 ) ; # end",
        'f1 = a(x=1, y=[2, 3])\nf2 = b(z="$f1")',
        'f1 = "a"("x"=1, "\\u0079"=[2, 3])\nf2 = b(z=$f1)',
    ],
)
def test_ways_to_write_the_same_program(text: str):
    assert parse_program(text) == Program((Call(1, "a", {"x": 1, "y": [2, 3]}), Call(2, "b", {"z": Ref(1)})))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("true", True),
        ("-0", 0),
        ("-1.5e+3", -1500.0),
        ("1E2", 100.0),
        ('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"', '"\\/\b\f\n\r\té\N{GRINNING FACE}'),
        ("[]", []),
        ("{}", {}),
        ('{"$f1": {"": [[], {}]}}', {"$f1": {"": [[], {}]}}),
        ('"$5.00"', "$5.00"),
        ('"$f"', "$f"),
        ('"$f01"', "$f01"),
        ('"$$f1"', "$f1"),
        ('"# no comment { ; (', None),
    ],
)
def test_values_are_json(text: str, value: object):
    if value is None and text != "null":
        with pytest.raises(LanguageError):
            parse_program(f"f1 = a(x={text})")
        return
    (call,) = parse_program(f"f1 = a(x={text})").body
    assert isinstance(call, Call)
    assert repr(call.args["x"]) == repr(value)


@pytest.mark.parametrize("name", ["null", "await", "if", "f1", "return", "größe", "_"])
def test_keywords_are_names_where_a_name_is_meant(name: str):
    tool = name if name.isascii() else f'"{name}"'
    assert parse_program(f"f1 = {tool}({name}=1)") == Program((Call(1, name, {name: 1}),))


def test_the_tool_names_of_servers():
    text = "f1 = brave-search.web/v2(q=1)\nf2 = 3d_render()\n"
    assert format_program(parse_program(text)) == text


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("if $f1 == 1 { f2 = a() } else { f2 = b() }", 2),
        ("if $f1 == 1 { f2 = a() } else { return }", 2),
        ("if $f1 == 1 { return } else { f3 = a(); f4 = a() }", 4),
        ("if $f1 == 1 { if $f1 == 2 { f2 = a() } else { f2 = a() } } else { f2 = a() }", 2),
        ("if $f1 == 1 { f2 = a(); return } ", 1),
        ("if $f1 == 1 { }", 1),
    ],
)
def test_what_every_path_has_issued_is_known_after_the_branch(text: str, known: int):
    parse_program(f"f1 = a(); {text}; await $f{known}; f5 = a(x=$f{known})")


def test_a_side_that_returns_leaves_its_numbers_to_the_others():
    parse_program("f1 = a(); if $f1 == 1 { f2 = a(); f9 = a(); return }; f2 = a(x=$f1)")


# Each fault, with all that a person is shown: place, reason, line, caret, what was expected.
FAULTS = [
    ("f1 = a(x=)", "1:10: unexpected `)`, expected a value", "         ^"),
    ("f1 = a(x=1", "1:11: the text ends too early, expected `,` or `)`", "          ^"),
    (
        "f1 = a(\n\n  # so far\n",
        "3:11: the text ends too early, expected the name of an argument or `)`",
        "          ^",
    ),
    ("f1 = a(x=[1 2])", "1:13: unexpected `2`, expected `,` or `]`", "            ^"),
    ('f1 = a(x={"k" 2})', "1:15: unexpected `2`, expected `:`", "              ^"),
    ("f1 = a(x={1: 2})", "1:11: unexpected `1`, expected `}` or a string", "          ^"),
    ("f1 = a(x=1,)", "1:12: unexpected `)`, expected the name of an argument", "           ^"),
    ("f1 = (x=1)", "1:6: unexpected `(`, expected the name of a tool", "     ^"),
    ("f1 = a() f2 = b()", "1:10: unexpected `f2`, expected a new line", "         ^"),
    (
        "f1 = a(); if $f1 == 1 { f2 = b() f3 = c() }",
        "1:34: unexpected `f3`, expected `}` or a new line",
        " " * 33 + "^",
    ),
    ("f1 = a(); if $f1 == 1 { f2 = b()", "1:33: the text ends too early, expected `}`", " " * 32 + "^"),
    ("f1 = a(); if $f1 == 1 {}\nelse {}", "2:1: `else` must stand on the line of the closing brace", "^"),
    ("f1 = a(); if $f1 = 1 {}", "1:18: an `if` compares with `==`", " " * 17 + "^"),
    ("f1 = a(); if $f1 != 1 {}", "1:18: an `if` compares with `==`", " " * 17 + "^"),
    ("f1 = a(); if $f1 == $f1 {}", "1:21: an `if` compares with a literal, which holds no reference", " " * 20 + "^"),
    (
        'f1 = a(); if $f1 == ["${f9}"] {}',
        "1:22: an `if` compares with a literal, which holds no reference",
        " " * 21 + "^",
    ),
    ("x = a()", "1:1: unexpected `x`, expected a statement (`f1 = tool(...)`, `await`, `if` or `return`)", "^"),
    ("f01 = a()", "1:1: unexpected `f01`, expected a statement (`f1 = tool(...)`, `await`, `if` or `return`)", "^"),
    ("f1 = a(); await $f1.x", "1:20: `await` takes whole futures, without a path", " " * 19 + "^"),
    ("f1 = a(); await f1", "1:17: a reference is written `$f1`", " " * 16 + "^"),
    ("await", "1:6: the text ends too early, expected a future such as `$f1`", "     ^"),
    ("return 5", "1:8: unexpected `5`, expected a reference such as `$f1.id` or a new line", "       ^"),
    ("f1 = a(x=$f01)", "1:10: not a reference: futures are named `$f1`, `$f2` and so on", "         ^"),
    (
        "f1 = a(); f2 = a(x=$f1.items[)",
        "1:29: not the path of a reference: it is made of `.name`, `[0]` and `['any name']`",
        " " * 28 + "^",
    ),
    ("f1 = a(x='b')", "1:10: strings stand in double quotes", "         ^"),
    ("f1 = a(x=True)", "1:10: `True` is written `true`", "         ^"),
    ("f1 = a(x=None)", "1:10: `None` is written `null`", "         ^"),
    ('f1 = a(x="b)\nf2 = b()', "1:10: the string is not closed on its line", "         ^"),
    ('f1 = a(x="b\\q")', "1:12: `\\q` is no escape of JSON", "           ^"),
    ('f1 = a(x="b\tc")', "1:12: a string holds U+0009 only as an escape", "           ^"),
    ('f1 = a(x="\\ud800")', "1:10: the string holds half of a surrogate pair", "         ^"),
    ("f1 = a(x=1e999)", "1:10: the number is too large", "         ^"),
    ("f1 = a(x=01)", "1:11: unexpected `1`, expected `,` or `)`", "          ^"),
    ("f1 = a(x=1)\x00", "1:12: unexpected U+0000, expected a new line", "           ^"),
    ("f1 = a(x=1, x=2)", "1:13: argument `x` is given twice", "            ^"),
    ('f1 = a(x={"k": 1, "\\u006b": 2})', '1:19: the name `"\\u006b"` stands twice in one object', " " * 18 + "^"),
    ("f1 = a(x=$f9)", "1:10: $f9 is unknown: no call issues it", "         ^"),
    ("await $f2", "1:7: $f2 is unknown: no call issues it", "      ^"),
    ("f1 = a(); f2 = b(x=$f2.y)", "1:20: $f2 is the result of this very call", " " * 19 + "^"),
    ('f1 = a(x=[{"k": "say ${f1}"}])', "1:22: $f1 is the result of this very call", " " * 21 + "^"),
    ("f1 = a(x=$f2)\nf2 = b()", "1:10: $f2 is issued later, at line 2: references point backwards", "         ^"),
    ("f3 = a()\nf2 = b()", "2:1: f2 comes after f3: the numbers of futures rise along every path", "^"),
    ("f1 = a()\nf1 = b()", "2:1: f1 is issued already, at line 1", "^"),
    ("f1 = a()\nreturn\nawait $f1", "3:1: this is never reached: it stands after `return`", "^"),
    (
        "f1 = a()\nif $f1 == 1 { return } else { return }\nf2 = b()",
        "3:1: this is never reached: both sides of the if at line 2 return",
        "^",
    ),
    (
        "f1 = a()\nif $f1 == 1 { f2 = b() }\nreturn $f2",
        "3:8: $f2 is issued on only one side of the if at line 2",
        "       ^",
    ),
    (
        "f1 = a()\nif $f1 == 1 { f2 = b() } else { f3 = b(x=$f2) }",
        "2:42: $f2 is issued on only one side of the if at line 2",
        " " * 41 + "^",
    ),
    (
        "f1 = a()\nif $f1 == 1 { f2 = b(); return }\nawait $f2",
        "3:7: $f2 is issued on only one side of the if at line 2",
        "      ^",
    ),
    (
        "f1 = a()\nif $f1 == 1 { f3 = b() }\nf2 = b()",
        "3:1: f2 comes after f3: the numbers of futures rise along every path",
        "^",
    ),
]


@pytest.mark.parametrize(("text", "reason", "caret"), FAULTS, ids=[text[:40] for text, _, _ in FAULTS])
def test_a_fault_is_shown_where_it_is(text: str, reason: str, caret: str):
    with pytest.raises(LanguageError) as caught:
        parse_program(text, "demo.fc")
    error = caught.value
    shown, line, below = str(error).split("\n")
    # What a terminal would act on is replaced; a tab keeps its width.
    written = text.split("\n")[error.line - 1].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    assert shown == f"demo.fc:{reason}"
    assert line == f"  {error.line} | {written}"
    assert below == f"    | {caret}"
    assert (error.source, error.column) == ("demo.fc", len(caret))


def test_an_error_has_fields():
    with pytest.raises(LanguageError) as caught:
        parse_program("f1 = a()\nf2 = a(x=)\n", "demo.fc")
    error = caught.value
    assert (error.message, error.source, error.line, error.column) == ("unexpected `)`", "demo.fc", 2, 10)
    assert error.expected == ("a value",)
    assert str(error) == textwrap.dedent("""\
        demo.fc:2:10: unexpected `)`, expected a value
          2 | f2 = a(x=)
            |          ^""")
    assert isinstance(error, ValueError)
    # A fresh one: where dask is imported, exceptions are pickled with their tracebacks and contexts (tblib).
    copy = pickle.loads(pickle.dumps(LanguageError(*error.args)))
    assert (str(copy), copy.expected) == (str(error), error.expected)


def test_the_caret_stands_under_the_fault_beside_tabs_and_wide_characters():
    with pytest.raises(LanguageError) as caught:
        parse_program('\tf1 = a(x="日本", y=)')
    assert caught.value.column == 19
    assert str(caught.value).split("\n")[2] == "    | \t" + " " * 19 + "^"
    with pytest.raises(LanguageError) as caught:
        parse_program('f1 = a(x="e\N{COMBINING ACUTE ACCENT}", y=)')
    assert str(caught.value).split("\n")[2] == "    | " + " " * 16 + "^"


def test_a_long_line_is_cut_around_the_fault():
    with pytest.raises(LanguageError) as caught:
        parse_program("f1 = a(x=[" + "1, " * 5000 + "?, " + "1, " * 5000)
    _, line, below = str(caught.value).split("\n")
    assert len(line) < 140
    assert line[below.index("^")] == "?"


def test_references_may_be_left_unchecked():
    text = 'f1 = a(x=$f1)\nif $f7 == 1 {\n  f2 = b(x=$f3)\n}\nf3 = c(x=$f2, y="${f9}")\nawait $f8\n'
    assert format_program(parse_program(text, strict_references=False)) == text
    with pytest.raises(LanguageError):
        parse_program(text)
    with pytest.raises(LanguageError, match="issued already"):
        parse_program("f1 = a(); f1 = b()", strict_references=False)


@pytest.mark.parametrize(
    "text",
    [
        "f1 = a(x=" + "[" * 100_000,
        "f1 = a(x=" + '{"k":' * 100_000,
        "f1 = a(); " + "if $f1 == 1 {" * 100_000,
        "f1 = a(x=" + "[" * MAX_DEPTH + "]" * MAX_DEPTH + ")",
    ],
)
def test_deep_nesting_is_refused_and_does_not_overflow(text: str):
    with pytest.raises(LanguageError, match=f"nested more than {MAX_DEPTH} deep"):
        parse_program(text)


def test_the_deepest_nesting_that_is_allowed():
    depth = MAX_DEPTH - 1
    text = f"f1 = a(x={'[' * depth}{']' * depth})\n"
    assert format_program(parse_program(text)) == text
    text = 'f1 = a(x="[[{(") # ' + "[({" * 100 + "\nf2 = a(x=$f1['[[[(('])\n" + "f3 = a(x=1)\n"
    parse_program(text)


def test_long_programs_take_time_in_proportion():
    def seconds(n: int) -> float:
        lines = [f'f{i} = search(q="after ${{f{i - 1}.id}}", xs=[{i}, $f{i - 1}])' for i in range(2, n + 1)]
        start = time.perf_counter()
        program = parse_program("\n".join(["f1 = search()", *lines]))
        assert len(program.body) == n
        return time.perf_counter() - start

    seconds(10)
    assert seconds(10_000) < 20 * seconds(1_000) + 1


def test_a_program_of_many_branches():
    sides = (f"if $f1 == {i} {{ f{i} = a(x=$f{i - 1}) }} else {{ f{i} = b() }}" for i in range(2, 2_000))
    assert len(parse_program("\n".join(["f1 = a()", *sides])).body) == 1999


TERMINALS = {
    "FUTURE": st.sampled_from(["f1", "f2", "f3", "f4"]),
    "AWAITED": st.sampled_from(["$f1", "$f2"]),
    "REFERENCE": st.sampled_from(["$f1", "$f2.a", "$f3['b c'][0]"]),
}
generated = from_lark(load("program")) | from_lark(load("program"), explicit=TERMINALS)


def read(text: str, strict: bool = True) -> Program | LanguageError:
    try:
        return parse_program(text, strict_references=strict)
    except LanguageError as error:
        return error


@settings(max_examples=200)
@given(generated, st.booleans())
def test_what_the_grammar_generates_is_read_or_refused_and_what_is_read_round_trips(text: str, strict: bool):
    program = read(text, strict)
    event(type(program).__name__)
    if isinstance(program, LanguageError):
        assert 1 <= program.line <= text.count("\n") + 1
        return
    printed = format_program(program)
    again = parse_program(printed, strict_references=strict)
    assert repr(again) == repr(program)
    assert format_program(again) == printed


def test_the_grammar_generates_both():
    """The sometimes beside the always."""
    seen: set[str] = set()

    @settings(derandomize=True, database=None)
    @given(generated)
    def look(text: str):
        program = read(text, strict=False)
        seen.add(type(program).__name__ if isinstance(program, LanguageError) or program.body else "empty")

    look()
    assert seen == {"LanguageError", "Program", "empty"}


@settings(max_examples=200)
@given(programs(max_calls=4), st.data())
def test_a_mutant_is_read_or_refused(program: Program, data: st.DataObject):
    text = format_program(program)
    at = data.draw(st.integers(0, len(text)))
    inserted = data.draw(st.sampled_from([*"()[]{},;=\"'$#\n\\.", "f1", "$f1", "if", "\x00", "\ud800", "é"]))
    assert str(read(text[:at] + inserted + text[at + data.draw(st.integers(0, 3)) :])) is not None


def test_the_package_loads_without_lark():
    modules = "asyncfc_sim.language, asyncfc_sim.language.wire, asyncfc_sim.language.widen"
    code = f"import sys, {modules}; print('lark' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
