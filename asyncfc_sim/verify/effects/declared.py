"""What the declarations say of two calls: may they change places, may they overlap?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from asyncfc_sim.core.footprint import BadFootprint, Footprint, indep
from asyncfc_sim.core.tool import Tool, commuting
from asyncfc_sim.core.values import UNKNOWN

from .trial import Call

# `overlap`: in any order, and at once. `either`: in any order, but not at once. `ordered`: as they were issued.
Relation = Literal["overlap", "either", "ordered"]


class Declared:
    """The declarations of some tools, as the scheduler reads them."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self.tools = tools
        self._commuting = commuting(tools)

    def footprint(self, call: Call) -> Footprint:
        return self.tools[call.tool].footprint(call.args)

    def region(self, tool: str, parameters: Iterable[str]) -> Footprint:
        """What holds every footprint of a tool's calls."""
        try:
            return self.tools[tool].footprint(dict.fromkeys(parameters, UNKNOWN))
        except BadFootprint as fault:
            return fault.bound

    def relation(self, first: Call, second: Call) -> Relation:
        return self.related(first.tool, self.footprint(first), second.tool, self.footprint(second))

    def related(self, first: str, footprint: Footprint, second: str, other: Footprint) -> Relation:
        """The relation of two calls of which the footprints are known already."""
        if self.tools[first].irreversible and self.tools[second].irreversible:
            return "ordered"  # the second waits until the first has succeeded
        if not indep(footprint, other):
            return "either" if second in self._commuting.get(first, ()) else "ordered"
        return "either" if first == second and self.tools[first].concurrency == 1 else "overlap"
