"""What an MCP server hints of a tool, and what the scheduler makes of it."""

from __future__ import annotations

import pytest
from mcp.types import ToolAnnotations

from asyncfc_sim.core.footprint import EVERYTHING, indep
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.live.mcp_hints import hinted

UNDECLARED = Tool("t")
READS = hinted("t", ToolAnnotations(read_only_hint=True), trusted=True)


def test_what_only_reads_overlaps_with_its_like_and_with_no_writer():
    reads = READS.footprint({})
    assert indep(reads, reads)
    assert not indep(reads, EVERYTHING)
    assert READS.idempotent
    assert not READS.irreversible


@pytest.mark.parametrize(
    "hints",
    [None, ToolAnnotations(), ToolAnnotations(read_only_hint=False), ToolAnnotations(open_world_hint=False)],
)
def test_a_silent_tool_reads_and_writes_everything_and_is_not_irreversible(hints):
    assert hinted("t", hints, trusted=True) == UNDECLARED


def test_a_closed_domain_does_not_bound_the_keys():
    assert hinted("t", ToolAnnotations(read_only_hint=True, open_world_hint=False), trusted=True) == READS


def test_idempotent_and_destructive_are_taken_when_said():
    hints = ToolAnnotations(idempotent_hint=True, destructive_hint=True)
    tool = hinted("t", hints, trusted=True)
    assert tool.idempotent
    assert tool.irreversible
    assert tool.effects is None


def test_a_contradiction_permits_nothing():
    tool = hinted("t", ToolAnnotations(read_only_hint=True, destructive_hint=True), trusted=True)
    assert tool.effects is None
    assert tool.irreversible
    assert not tool.idempotent


def test_a_server_that_is_not_trusted_can_only_ask_for_more_care():
    everything = ToolAnnotations(read_only_hint=True, idempotent_hint=True)
    assert hinted("t", everything, trusted=False) == UNDECLARED
    assert hinted("t", ToolAnnotations(destructive_hint=True), trusted=False).irreversible
