"""`asyncfc parse`: normal forms, JSON terms, plans, and faults with a caret."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.cli.parse import statement_to_json
from asyncfc_sim.language.parser import parse_program

PROGRAM = """\
# two lookups
f1 = search( query = "Berlin" ); f2 = "my tool"("user id"=[1, {"a": $f1.items[0]}], b="$$f1")
await $f1
if $f1.total == 5 { f3 = send(text="five: ${f1.total}") } else { f3 = send(text="no") }
return $f3, $f1.x
"""
NORMAL = """\
f1 = search(query="Berlin")
f2 = "my tool"("user id"=[1, {"a": $f1.items[0]}], b="$$f1")
await $f1
if $f1.total == 5 {
  f3 = send(text="five: ${f1.total}")
} else {
  f3 = send(text="no")
}
return $f3, $f1.x
"""


def parse(*args, **options):
    return CliRunner().invoke(app, ["parse", *map(str, args)], **options)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "program.fc"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_the_normal_form_is_printed(file):
    done = parse(file)
    assert (done.exit_code, done.stdout, done.stderr) == (0, NORMAL, "")
    file.write_text(done.stdout)
    assert parse(file).stdout == NORMAL


def test_a_dash_is_standard_input():
    assert parse("-", input=PROGRAM).stdout == NORMAL
    assert parse("-", input="").stdout == ""


def test_json_is_one_document_with_the_terms(file):
    done = parse(file, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["schema"] == "asyncfc.parse/1"
    assert found["config"] == {"file": str(file), "language": "program"}
    assert found["futures"] == [1, 2, 3]
    assert found["tools"] == ["my tool", "search", "send"]
    assert found["text"] == NORMAL
    assert found["statements"] == [
        {"kind": "call", "future": 1, "tool": "search", "args": {"query": "Berlin"}, "needs": []},
        {
            "kind": "call",
            "future": 2,
            "tool": "my tool",
            "args": {"user id": [1, {"a": "$f1.items[0]"}], "b": "$$f1"},
            "needs": [1],
        },
        {"kind": "touch", "futures": [1]},
        {
            "kind": "branch",
            "ref": "$f1.total",
            "equals": 5,
            "then": [
                {"kind": "call", "future": 3, "tool": "send", "args": {"text": "five: ${f1.total}"}, "needs": [1]}
            ],
            "else": [{"kind": "call", "future": 3, "tool": "send", "args": {"text": "no"}, "needs": []}],
        },
        {"kind": "done", "refs": ["$f3", "$f1.x"]},
    ]


def test_what_an_if_compares_with_is_plain_data():
    (_, branch) = parse_program('f1 = s()\nif $f1 == "$$f1" { return }\n').body
    assert statement_to_json(branch)["equals"] == "$f1"


def test_a_plan_becomes_a_program(tmp_path):
    plan = tmp_path / "plan.txt"
    plan.write_text('1. search("x")\n2. math("$1 + 2")\nThought: done.\n3. join()<END_OF_PLAN>\n')
    done = parse(plan, "--plan")
    assert done.stdout == 'f1 = search(arg0="x")\nf2 = math(arg0="${f1} + 2")\nreturn $f1, $f2\n'
    assert json.loads(parse(plan, "--plan", "--json").stdout)["config"]["language"] == "plan"
    assert parse(plan).exit_code == 2


def test_a_fault_has_its_place_a_caret_and_code_2(tmp_path):
    bad = tmp_path / "bad.fc"
    bad.write_text("f1 = search()\nf2 = add(a=$f3)\n")
    for options in ([], ["--json"]):
        done = parse(bad, *options)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == (
            f"{bad}:2:12: $f3 is unknown: no call issues it\n  2 | f2 = add(a=$f3)\n    |            ^\n"
        )
    assert parse("-", input="f1 = ").stderr.startswith("<stdin>:1:")


def test_a_missing_file_is_3_and_a_binary_one_2(tmp_path):
    done = parse(tmp_path / "none.fc")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == f"Error: {tmp_path / 'none.fc'}: No such file or directory\n"
    assert parse(tmp_path).exit_code == 2  # a folder is there, but it is no program
    (tmp_path / "binary.fc").write_bytes(b"\xff")
    done = parse(tmp_path / "binary.fc")
    assert done.exit_code == 2
    assert done.stderr.endswith("binary.fc: not text in UTF-8 (byte 1)\n")
