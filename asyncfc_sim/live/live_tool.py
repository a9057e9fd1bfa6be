"""A tool that can be run: what the scheduler knows of it, what the model is shown of it, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, runtime_checkable

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value


@runtime_checkable
class LiveTool(Protocol):
    """One tool. Its name is that of `core`."""

    @property
    def core(self) -> Tool: ...

    @property
    def description(self) -> str: ...

    @property
    def input_schema(self) -> Mapping[str, Any]:
        """The JSON schema of the arguments, as they must be once they are bound."""
        ...

    async def run(self, args: Mapping[str, JSON]) -> Value:
        """Call the tool. What it raises becomes an ErrorValue, but for CancelledError when its task is cancelled.

        It returns only when none of its effects is still to come, also after it was cancelled.
        """
        ...


@runtime_checkable
class ToolSource(Protocol):
    """Where tools come from that must be connected to first: an MCP server, say."""

    async def open(
        self, stack: AsyncExitStack, taken: Collection[str], override: Callable[[Tool], Tool]
    ) -> Sequence[LiveTool]:
        """Connect, and give the tools; whatever must be closed again is pushed on `stack`.

        None of their names is `taken`. `override` has the last word on what they do.
        Raises ConnectionError, in one line, if that cannot be done.
        """
        ...
