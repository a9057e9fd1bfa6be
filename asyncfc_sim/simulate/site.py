"""Where conversations run: a clock, an LLM server, the tools' workers. One conversation may have it all for itself."""

from __future__ import annotations

from dataclasses import dataclass

from .clock import Clock
from .server import DedicatedServer, Server
from .tool_pools import ToolPools


@dataclass(frozen=True, slots=True)
class Site:
    """What the conversations on it share. `think_s` is how long a user pauses before the next message."""

    clock: Clock
    server: Server
    pools: ToolPools
    think_s: float = 0.0


def alone() -> Site:
    """A site of one conversation: nothing is ever waited for but the schedule."""
    clock = Clock()
    return Site(clock, DedicatedServer(clock), ToolPools(clock))
