"""The tools of repositories keep to what they declare, and would be found out if they did not.

`asyncfc check tests/data/repository.tools.py` tries all of them, which takes minutes: run_tests runs pytest each time.
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
from asyncfc_sim.verify.effects.declared import Declared
from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.monitor import watch
from asyncfc_sim.verify.effects.swap import ORDERS, difference, swap
from asyncfc_sim.verify.effects.trial import Call, Trial

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


# A trial of run_tests runs pytest several times, so these look at chosen calls with the means of the checker.

RUN = Call("run_tests", {})
EDIT = Call("edit", {"path": "money.py", "old": "part or 0", "new": 'part.ljust(2, "0")'})


def test_a_run_of_the_tests_writes_nothing_and_an_edit_writes() -> None:
    with function_subject(some_tools("edit", "run_tests")) as subject:
        declared = Declared(subject.tools)
        assert not watch(subject, declared, Trial((), RUN, RUN)).wrote
        assert watch(subject, declared, Trial((), EDIT, EDIT)).wrote


def test_runs_of_the_tests_may_change_places_but_not_with_an_edit() -> None:
    """So it must declare that it reads, and it does."""
    with function_subject(some_tools("edit", "run_tests")) as subject:
        for other, apart in ((RUN, True), (EDIT, False)):
            trial = Trial((), RUN, other)
            assert (difference(trial, *swap(subject, trial), ORDERS) is None) is apart
            assert (Declared(subject.tools).relation(RUN, other) == "overlap") is apart
