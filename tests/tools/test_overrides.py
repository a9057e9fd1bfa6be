"""What TOML tables say of tools has the last word, and no more than it says."""

from __future__ import annotations

import pickle
import tomllib
from dataclasses import fields
from typing import Any

import pytest

from asyncfc_sim.core.footprint import EVERYTHING, Declaration
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.errors import ToolError
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.tools.overrides import TOOL_KEYS, Overrides, parse_overrides
from asyncfc_sim.tools.toml_table import Table, ToolsFileError

DECLARED = Tool(
    "t",
    Declaration(reads=lambda args: ["a"], writes=lambda args: ["b"], bound_reads=("a",), bound_writes=("b",)),
    irreversible=True,
    idempotent=True,
    commutes_with=frozenset({"u"}),
    concurrency=2,
    timeout_s=5.0,
    approval=True,
)


def overrides(text: str) -> Overrides:
    return parse_overrides(Table("f.toml", "", tomllib.loads(text)).table("tools"))


def test_what_no_table_names_stays_as_it_is():
    assert overrides("[tools.u]\nreads = []")(DECLARED) is DECLARED
    assert overrides("[tools.t]")(DECLARED) == DECLARED


SAID: dict[str, tuple[str, Any]] = {
    "irreversible": ("false", False),
    "idempotent": ("false", False),
    "approval": ("false", False),
    "commutes_with": ('["v"]', frozenset({"v"})),
    "concurrency": ("7", 7),
    "timeout_s": ("1.5", 1.5),
}


@pytest.mark.parametrize("key", SAID)
def test_each_key_changes_one_field(key):
    text, value = SAID[key]
    changed = overrides(f"[tools.t]\n{key} = {text}")(DECLARED)
    assert {each.name for each in fields(Tool) if getattr(changed, each.name) != getattr(DECLARED, each.name)} == {key}
    assert getattr(changed, key) == value


def test_each_key_of_a_tool_can_be_said():
    assert {*SAID, "reads", "writes"} == set(TOOL_KEYS)


def test_reads_alone_leave_writes_as_declared():
    changed = overrides('[tools.t]\nreads = ["x:{n}"]')(DECLARED)
    assert str(changed.footprint({"n": 1})) == "reads x:1; writes b"


def test_reads_alone_of_an_undeclared_tool_say_that_it_writes_nothing():
    undeclared = Tool("t")
    assert undeclared.footprint({}) == EVERYTHING
    assert str(overrides('[tools.t]\nreads = ["x"]')(undeclared).footprint({})) == "reads x; writes nothing"


def test_a_tool_can_be_taken_to_do_anything():
    assert overrides('[tools.t]\nreads = ["*"]\nwrites = ["*"]')(DECLARED).footprint({}) == EVERYTHING


def test_functions_are_seen_as_they_are_called():
    @tool(reads=["by:{n}"])
    def count(n: int, kind: str = "all") -> int:
        return n

    overridden = function_tool(count).overridden(overrides('[tools.count]\nwrites = ["made:{n}/{kind}"]'))
    assert str(overridden.core.footprint({"n": 5.0})) == "reads by:5; writes made:5/all"
    assert overridden.call({"n": 5}) == 5


def test_a_parameter_that_a_function_does_not_have():
    def count(n: int) -> int:
        return n

    with pytest.raises(ToolError, match=r"tool 'count': reads: 'x:\{m\}' names 'm'; its parameters are: n"):
        function_tool(count).overridden(overrides('[tools.count]\nreads = ["x:{m}"]'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tools.t]\nread = []", r"f.toml: tools.t.read: unknown key; did you mean reads\?"),
        ("[tools]\nt = 3", "f.toml: tools.t: expected a table, not the number 3"),
        ('[tools.t]\nreads = "x"', "f.toml: tools.t.reads: expected an array of strings, not the string 'x'"),
        ('[tools.t]\nreads = ["a/*/b"]', "f.toml: tools.t.reads: "),
        ('[tools.t]\nwrites = ["{}"]', "f.toml: tools.t.writes: "),
        ("[tools.t]\nconcurrency = 0", "f.toml: tools.t.concurrency: expected a whole number, 1 or more"),
        ("[tools.t]\ntimeout_s = -1", "f.toml: tools.t.timeout_s: expected a number of seconds above zero"),
        ('[tools.t]\napproval = "yes"', "f.toml: tools.t.approval: expected true or false, not the string 'yes'"),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(ToolsFileError, match=message):
        overrides(text)


def test_tables_without_a_tool_are_known_and_overrides_travel_to_other_processes():
    given = overrides('[tools.t]\nreads = ["x"]\n[tools.serach]')
    assert given.unknown(["t", "search"]) == ["serach"]
    assert pickle.loads(pickle.dumps(given)) == given
