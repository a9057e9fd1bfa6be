"""Tools that take longer than their work: a latency is added to each call, the same to the same call of a conversation.

What is added is no measurement, and whoever shows a run with it says so: it stands in the header of the run's trace as
`injected`, and in its notes. The function itself is run as ever, after its latency: a call that is stopped while it
waits has done nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value, canonical

from .live_tool import LiveTool

INPUT: Final = "injected"  # the key in a header's inputs


@dataclass(frozen=True, slots=True)
class Injection:
    """`says` is where latencies come from, in words. `seconds` gives that of a call: by the conversation it is of (its
    prompts), its tool, its arguments as canonical JSON, and how many calls like it there were before."""

    says: str
    seconds: Callable[[str, str, str, int], float]

    @property
    def note(self) -> str:
        """What is to be said of each run."""
        return f"latencies of tools were injected: {self.says}"


@dataclass(frozen=True, slots=True)
class InjectedTool:
    """`tool` with latencies, in the conversation `case`. `seen` counts its calls by their arguments."""

    tool: LiveTool
    injection: Injection
    case: str
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def core(self) -> Tool:
        return self.tool.core

    @property
    def description(self) -> str:
        return self.tool.description

    @property
    def input_schema(self) -> Mapping[str, Any]:
        return self.tool.input_schema

    async def run(self, args: Mapping[str, JSON]) -> Value:
        text = canonical(dict(args))
        nth = self.seen[text]
        self.seen[text] += 1
        await asyncio.sleep(self.injection.seconds(self.case, self.core.name, text, nth))
        return await self.tool.run(args)


def injected(tools: Mapping[str, LiveTool], injection: Injection, case: str) -> dict[str, LiveTool]:
    """All of these tools with latencies, for one conversation."""
    return {name: InjectedTool(tool, injection, case) for name, tool in tools.items()}
