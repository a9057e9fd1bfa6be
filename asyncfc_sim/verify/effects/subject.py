"""What is checked: tools, a state that can be set back and looked at, and where their arguments come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Protocol

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value

from .access import Access
from .observation import Observation
from .trial import Call


class CannotCheck(ValueError):
    """The tools do something that cannot be compared, or put back; the message says what, and what to write.

    `tool` is the one that does; None if it is not just one.
    """

    def __init__(self, why: str, tool: str | None = None) -> None:
        super().__init__(why if tool is None else f"{tool}: {why}")
        self.why, self.tool = why, tool


class Subject(Protocol):
    """Tools and their state. There is one state at a time; everything but `pools` and `traced` works on it."""

    tools: Mapping[str, Tool]
    starts: int  # how many states there are to start from

    def reset(self, start: int) -> None:
        """Set the state back to one of the starting states, whatever was done since."""

    def call(self, number: int, call: Call) -> Value:
        """Run a call, as the one with this number: chance and time depend on the number alone."""

    def watched(self, number: int, call: Call) -> tuple[Value, Sequence[Access]]:
        """Run a call, and tell what it touched. Nothing but `reset` may follow."""

    def observe(self) -> Observation:
        """The state as it is."""

    def pools(self, tool: str) -> Mapping[str, Sequence[JSON]]:
        """For each parameter of a tool, values to try, simple ones first."""

    def closed(self, tool: str) -> frozenset[str]:
        """The parameters that take no other values than those of their pools."""

    def required(self, tool: str) -> frozenset[str]:
        """The parameters that a call cannot leave out."""

    def examples(self, tool: str) -> Sequence[Mapping[str, JSON]]:
        """Whole arguments that its author says are worth trying."""

    def traced(self, code: CodeType) -> bool:
        """Whether code is that of the tools, and not of a library."""
