"""What the core knows of a tool when its author says nothing."""

from __future__ import annotations

from asyncfc_sim.core.footprint import EVERYTHING, NOTHING
from asyncfc_sim.core.tool import Tool, pure
from asyncfc_sim.core.values import UNKNOWN


def test_an_undeclared_tool_reads_and_writes_everything_and_is_not_taken_for_irreversible() -> None:
    tool = Tool("mystery")
    assert tool.footprint({"x": 1}) == tool.footprint({"x": UNKNOWN}) == EVERYTHING
    assert not tool.irreversible
    assert not tool.idempotent
    assert not tool.approval


def test_a_pure_tool_touches_nothing() -> None:
    assert pure("add").footprint({"a": UNKNOWN}) == NOTHING
