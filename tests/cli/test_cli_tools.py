"""`asyncfc tools`: what models are told of the tools of a file, and what the scheduler knows of them."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.cli.check_request import split_target
from asyncfc_sim.cli.tools_view import type_text

FILE = '''
    from datetime import date
    from typing import Annotated, Literal

    from pydantic import BaseModel, Field

    from asyncfc_sim.tools.decorator import tool

    class Point(BaseModel):
        x: int

    def rows(args):
        return [f"row:{args['first']}"]

    @tool(reads=["file:{path}", "index"], idempotent=True, timeout_s=2.5, concurrency=4, commutes_with=["write"])
    def read(path: str, mode: Literal["text", "bytes"] = "text") -> str:
        """Read a file.

        All of it.

        Args:
            path: Where it is.
        """

    @tool(reads=[], writes=rows, irreversible=True)
    async def write(first: date, at: list[Point | None], n: Annotated[int, Field(ge=1)] = 1): ...

    @tool
    def anything(x, y: dict[str, int] | None = None) -> None: ...

    def fresh(): ...
'''

TEXT = """
read(path, mode?) -> string
  Read a file.
    path  string                     Where it is.
    mode  "text" | "bytes" = "text"
  reads   file:{path}, index
  writes  nothing
  idempotent, timeout 2.5 s, at most 4 at once, commutes with write

async write(first, at, n?)
    first  string (date)
    at     list of (Point | null)
    n      integer = 1
  reads   nothing
  writes  as rows() says of the arguments
  irreversible

anything(x, y?) -> null
    x  anything
    y  object of integer | null = null
  reads and writes everything (undeclared)

for asyncfc check: fresh()
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mytools.py"
    path.write_text(dedent(FILE), encoding="utf-8")
    return path


def asyncfc(*args: object):
    return CliRunner().invoke(app, ["tools", *map(str, args)])


def test_as_text(file):
    done = asyncfc(file)
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.rstrip() for line in done.stdout.splitlines()] == [line.rstrip() for line in TEXT.strip().splitlines()]


def test_one_tool(file):
    done = asyncfc(f"{file}:anything")
    assert done.stdout.splitlines()[0] == "anything(x, y?) -> null"
    assert "read" not in done.stdout.split()[0]


def test_as_json(file):
    done = asyncfc(file, "--json")
    found = json.loads(done.stdout)
    assert found["schema"] == "asyncfc.tools/1"
    assert found["config"] == {"file": str(file), "name": None}
    assert found["hooks"] == ["fresh"]
    read, write, anything = found["tools"]
    widened = read.pop("widened_schema")
    assert read == {
        "name": "read",
        "description": "Read a file.\n\nAll of it.",
        "schema": {
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Where it is."},
                "mode": {"enum": ["text", "bytes"], "type": "string", "default": "text"},
            },
            "additionalProperties": False,
            "required": ["path"],
        },
        "output_schema": {"type": "string"},
        "effects": {"reads": ["file:{path}", "index"], "writes": []},
        "irreversible": False,
        "idempotent": True,
        "commutes_with": ["write"],
        "concurrency": 4,
        "timeout_s": 2.5,
        "approval": False,
        "async": False,
    }
    assert widened["properties"]["mode"]["anyOf"][1] == {"$ref": "#/$defs/FutureRef"}
    assert write["effects"] == {"reads": [], "writes": {"function": "rows"}}
    assert (write["async"], write["irreversible"], write["output_schema"]) == (True, True, None)
    assert anything["effects"] is None


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("def f(*a): ...", 2, "mytools.py:1: tool 'f': *a cannot be offered to a model"),
        ("x = ", 2, "mytools.py:1:5: invalid syntax"),
        ("import no_such_package", 3, "mytools.py:1: the Python package 'no_such_package' is not installed"),
        ("raise KeyError('x')", 2, "mytools.py:1: it cannot be imported: KeyError: 'x'"),
        ("", 2, "mytools.py: no tools: it defines no public function"),
    ],
)
def test_what_is_wrong_is_told_in_words(tmp_path, text, code, message):
    path = tmp_path / "mytools.py"
    path.write_text(text)
    done = asyncfc(path, "--json")
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith(f"Error: {tmp_path}/{message}")


def test_no_such_file(tmp_path):
    done = asyncfc(tmp_path / "none.py")
    assert (done.exit_code, done.stderr) == (3, f"Error: {tmp_path / 'none.py'}: No such file or directory\n")


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("a.py", ("a.py", None)),
        ("a.py:f", ("a.py", "f")),
        ("a:b/c.py:f", ("a:b/c.py", "f")),
        ("a:b/c.py", ("a:b/c.py", None)),
        ("a.py:", ("a.py", "")),
    ],
)
def test_a_name_stands_behind_the_file(target, parts):
    assert split_target(target) == parts


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}, "integer | number | null"),
        ({"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}, "A | B"),
        ({"const": "a"}, '"a"'),
        ({"type": "array", "items": {"enum": [1, 2]}}, "list of (1 | 2)"),
        ({"type": "array", "prefixItems": [{}]}, "array"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({}, "anything"),
        (True, "anything"),
    ],
)
def test_a_schema_in_a_few_words(schema, text):
    assert type_text(schema) == text
