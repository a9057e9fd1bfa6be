"""Labels as a careless developer would write them: declarations of BFCL's tools with faults in some of them.

A fault is made tool by tool, not pattern by pattern: a developer declares a tool at a time, forgets or misjudges it,
and is then wrong about it in every conversation. Whether a tool is hit is one draw of its own against the rate, so
that the tools hit at a rate are among those hit at any higher rate, and are the same for every kind of fault.

missing          no declaration: the tool reads and writes everything (safe)
write_as_read    what the tool writes is declared as read
dropped_key      one of its patterns is forgotten
wrong_key        one of its patterns is that of another tool of its class, or names another argument of its own
as_pure          the tool is declared to touch nothing

A fault that changes nothing is no fault: a tool that writes nothing cannot have its writes declared as reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal, get_args

from asyncfc_sim.core.footprint import Declaration, template_arguments
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.simulate.durations import uniform
from asyncfc_sim.workloads.bfcl_classes import methods
from asyncfc_sim.workloads.bfcl_effects import tools

Fault = Literal["missing", "write_as_read", "dropped_key", "wrong_key", "as_pure"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)

HIT, WHICH, OTHER = range(3)  # the draws of a tool


@dataclass(frozen=True, slots=True)
class Labelling:
    """How all tools are labelled: at `rate` 0 as they should be. `replication` numbers independent draws."""

    fault: Fault
    rate: float
    seed: int = 0
    replication: int = 0

    def label(self, kind: str, tool: Tool) -> Tool:
        """A tool of BFCL as it is labelled; `kind` is its `Class.method`."""
        return _faulty(self.fault, kind, tool, self) if self._draw(kind, HIT) < self.rate else tool

    def _draw(self, kind: str, which: int) -> float:
        return uniform(self.seed, f"labels/{self.replication}/{kind}", which)

    def pick(self, kind: str, which: int, n: int) -> int:
        """One of `n` things, by a draw of the tool's own."""
        return int(self._draw(kind, which) * n)


TRUE: Final = Labelling("missing", 0.0)
NONE: Final = Labelling("missing", 1.0)


def _faulty(fault: Fault, kind: str, tool: Tool, labelling: Labelling) -> Tool:
    declared = tool.effects
    assert declared is not None
    reads, writes = _patterns(declared)
    match fault:
        case "missing":
            return replace(tool, effects=None)
        case "write_as_read":
            return _declared(tool, (*reads, *writes), ())
        case "as_pure":
            return _declared(tool, (), ())
        case "dropped_key" | "wrong_key":
            if not reads + writes:
                return tool
            at = labelling.pick(kind, WHICH, len(reads + writes))
            other: tuple[str, ...] = ()
            if fault == "wrong_key":
                mistakes = _mistakes(kind, (reads + writes)[at])
                if not mistakes:
                    return tool
                other = (mistakes[labelling.pick(kind, OTHER, len(mistakes))],)
            if at < len(reads):
                return _declared(tool, (*reads[:at], *other, *reads[at + 1 :]), writes)
            at -= len(reads)
            return _declared(tool, reads, (*writes[:at], *other, *writes[at + 1 :]))


def _declared(tool: Tool, reads: tuple[str, ...], writes: tuple[str, ...]) -> Tool:
    assert tool.effects is not None
    return replace(tool, effects=replace(tool.effects, reads=reads, writes=writes))


def _patterns(declared: Declaration) -> tuple[tuple[str, ...], tuple[str, ...]]:
    assert isinstance(declared.reads, tuple)
    assert isinstance(declared.writes, tuple)
    return declared.reads, declared.writes


@cache
def _mistakes(kind: str, pattern: str) -> tuple[str, ...]:
    """The patterns that may stand in place of one of a tool's: none that it declares, all of arguments that it has."""
    owner, name = kind.split(".")
    arguments = tuple(methods(owner)[name].signature.parameters)
    declared: Mapping[str, Tool] = tools(owner)
    own = _all_patterns(declared[name])
    renamed = {
        pattern.replace(f"{{{argument}}}", f"{{{other}}}")
        for argument in template_arguments(pattern)
        for other in arguments
    }
    copied = {other for tool in declared.values() for other in _all_patterns(tool)}
    fitting = {other for other in copied if set(template_arguments(other)) <= set(arguments)}
    return tuple(sorted((renamed | fitting) - set(own)))


def _all_patterns(tool: Tool) -> tuple[str, ...]:
    assert tool.effects is not None
    reads, writes = _patterns(tool.effects)
    return reads + writes
