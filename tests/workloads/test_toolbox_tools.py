"""The true declarations are true: no call touches what its footprint does not permit. The false ones are caught so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import BadFootprint, Declaration, Footprint
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.verify.strategies import ARGUMENTS, worlds
from asyncfc_sim.workloads.key_world import Accessed, KeyWorld
from asyncfc_sim.workloads.toolbox import TOOLBOX
from asyncfc_sim.workloads.toolbox_tools import TOOLS

# What an argument may be once results take its place: any JSON, and names that look like patterns.
odd = st.sampled_from(["", "*", "..", "../a", "a/../b", "d/*", 1, 1.5, None, True, ["a"], {"x": "a"}])


def test_every_tool_is_declared():
    assert TOOLS.keys() == TOOLBOX.keys() == ARGUMENTS.keys()
    assert all(tool.name == name for name, tool in TOOLS.items())


def touched(world: KeyWorld, tool: str, args: dict[str, Any]) -> Iterator[Footprint]:
    """Each access of a call, as a footprint of its own."""
    history: tuple[Any, ...] = ()
    while isinstance(step := world.step(1, tool, args, history), Accessed):
        where = (step.access.pattern,)
        yield Footprint(writes=where) if step.access.mode == "w" else Footprint(reads=where)
        history = (*history, step.answer)


def trespasses(tool: Tool, world: KeyWorld, args: dict[str, Any]) -> list[Footprint]:
    try:
        footprint = tool.footprint(args)
    except BadFootprint:
        return []  # such a call is refused before it runs
    return [access for access in touched(world, tool.name, args) if not access.within(footprint)]


@pytest.mark.parametrize("name", TOOLS)
@given(data=st.data(), world=worlds())
def test_no_call_touches_what_it_does_not_declare(name: str, data: st.DataObject, world: KeyWorld):
    args = {parameter: data.draw(values | odd) for parameter, values in ARGUMENTS[name].items()}
    assert trespasses(TOOLS[name], world, args) == []


def test_a_false_declaration_is_seen():
    read_only = Tool("append", Declaration(reads=["file:{path}"]))
    assert trespasses(read_only, KeyWorld(TOOLBOX, {}), {"path": "a", "text": "x"}) != []
