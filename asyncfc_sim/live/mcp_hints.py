"""What an MCP server says of its tools (`annotations`), as what the scheduler knows of them.

    readOnlyHint          reads everything, writes nothing: its calls overlap with all that only read
    idempotentHint        may be repeated; so may what only reads
    destructiveHint       irreversible, if it is said: the protocol takes it for granted of every tool that is silent
    nothing               reads and writes everything, one call at a time

A hint does not say which keys. `openWorldHint: false` ("the domain is closed") does not bound them to the server's
own: file servers say it of folders that other tools reach as well. So what only reads still waits for what anybody
writes. Narrower keys are for somebody who knows both sides to declare: see tools/overrides.py.

The protocol warns of hints of servers that one does not trust. Those of such a server count only where they ask for
more care: `destructiveHint`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.tool import Tool

if TYPE_CHECKING:
    from mcp.types import ToolAnnotations


def hinted(name: str, hints: ToolAnnotations | None, *, trusted: bool) -> Tool:
    """A tool of which we know what its server hints at, and no more."""
    destroys = hints is not None and hints.destructive_hint is True
    believed = hints if trusted else None
    # What reads only and destroys contradicts itself: neither is taken as a permission.
    reads = believed is not None and believed.read_only_hint is True and not destroys
    return Tool(
        name,
        effects=Declaration(reads=["*"]) if reads else None,
        irreversible=destroys,
        idempotent=reads or (believed is not None and believed.idempotent_hint is True),
    )
