"""The tools of repositories keep to what they declare, and would be found out if they did not.

`asyncfc check tests/data/repository.tools.py` does the same at the shell; every trial of run_tests runs pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.tools.tool_file import ToolFile, load_tools
from asyncfc_sim.verify.effects.check import check_tools
from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.search import Search

FILE = Path(__file__).parents[2] / "data" / "repository.tools.py"


def some_tools(*names: str) -> ToolFile:
    """The tools of the file that have these names."""
    whole = load_tools(FILE)
    known = whole.examples
    assert known is not None

    def examples() -> Mapping[str, Any]:
        return {name: calls for name, calls in known().items() if name in names}

    return replace(whole, tools={name: whole.tools[name] for name in names}, examples=examples)


def declaring(name: str, effects: Declaration) -> Callable[[Tool], Tool]:
    """The tool `name` declares something else than it does."""
    return lambda tool: replace(tool, effects=effects) if tool.name == name else tool


def test_reads_searches_and_edits_keep_to_their_paths() -> None:
    report = check_tools(some_tools("read_file", "grep", "edit"), examples=10)
    assert not report.findings
    assert not report.refused
    assert report.swaps > 0
    assert report.overlaps > 0
    assert not report.overdeclared


@pytest.mark.parametrize(
    ("name", "effects"),
    [
        ("edit", Declaration(writes=["file:{old}"])),
        ("grep", Declaration(reads=["file:grep"])),
        ("read_file", Declaration(reads=["text:{path}"])),
    ],
)
def test_a_false_footprint_is_found(name: str, effects: Declaration) -> None:
    tools = some_tools("read_file", "grep", "edit").overridden(declaring(name, effects))
    assert any(fix.tool == name for finding in check_tools(tools, examples=10).findings for fix in finding.fixes)


def searched(tools: ToolFile) -> Search:
    """One trial of each pair of tools, in both orders: each runs pytest some times, so nothing is tried at once."""
    with function_subject(tools) as subject:
        search = Search(subject, checks=frozenset({"access", "order"}))
        search.run(examples=1)
        return search


@pytest.mark.slow
def test_a_run_of_the_tests_reads_all_files_and_writes_none() -> None:
    search = searched(some_tools("edit", "run_tests"))
    assert not search.found
    assert not search.refused
    assert search.tools["run_tests"].succeeded == search.tools["run_tests"].calls > 0


@pytest.mark.slow
def test_if_it_said_that_it_reads_nothing_that_would_be_found() -> None:
    tools = some_tools("edit", "run_tests").overridden(declaring("run_tests", Declaration()))
    assert set(searched(tools).found) == {("edit", "run_tests")}
