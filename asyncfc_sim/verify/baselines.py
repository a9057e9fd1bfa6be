"""Schedulers to compare with: what goes wrong without the rule `quiet`, and what is lost by running in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from asyncfc_sim.core.events import Pending
from asyncfc_sim.core.footprint import EVERYTHING, Footprint
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.tool import Tool


class Naive(Scheduler):
    """A call starts as soon as its arguments are known: dataflow only, as in LLMCompiler."""

    def _needs_barrier(self, tool: Tool, footprint: Footprint) -> bool:
        return False

    def _quiet(self, future: int, tool: Tool, footprint: Footprint) -> bool:
        return True


class Locks(Scheduler):
    """Conflicting calls do not run at the same time, but in the order in which they become ready: a lock table."""

    def __init__(self, tools: Mapping[str, Tool], **options: Any) -> None:
        super().__init__(tools, **options)
        self._commutes = dict.fromkeys(tools, frozenset(tools))

    def _needs_barrier(self, tool: Tool, footprint: Footprint) -> bool:
        return False


class Sequential(Scheduler):
    """Every call conflicts with every other: they run one by one, in issue order."""

    def _hold(self, future: int, state: Pending) -> None:
        super()._hold(future, Pending(state.call, EVERYTHING, state.args))


SCHEDULERS: Final[Mapping[str, type[Scheduler]]] = {
    "effect": Scheduler,
    "naive": Naive,
    "locks": Locks,
    "sequential": Sequential,
}
