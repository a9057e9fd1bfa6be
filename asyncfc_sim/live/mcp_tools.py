"""The tools of an MCP server, for an agent.

Arguments are checked against the tool's own schema before they are sent, as those of a function are. What the
scheduler knows of a tool are the server's hints (mcp_hints.py) and overrides.

A call that takes longer than the time-out has failed for the model, and the scheduler gives it up: one that only reads
is over with that. One that may write stays in doubt, and holds its keys, until the server answers or is gone
(mcp_connection.py says why it is not told). A server that was started here is ended if it then takes as long again:
a server that hangs must not stop all that comes after. One at a URL cannot be ended, and is waited for. A server that
is gone counts as the end of the calls on it.

The tools are those that the server listed when it was connected to: what a model is told of tools never changes
within a run.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Effects, ErrorValue, Value
from asyncfc_sim.tools.effects import FunctionEffects
from asyncfc_sim.tools.overrides import check_templates
from asyncfc_sim.tools.paths import lacks

from .endpoint import secrets_in
from .mcp_arguments import check_of
from .mcp_connection import Connection, ToolFailed, is_url
from .mcp_hints import hinted
from .mcp_names import tool_names
from .mcp_results import value_of

if TYPE_CHECKING:
    from mcp.types import Tool as Listed

TIMEOUT_S: Final = 60.0
_TELLING: Final = re.compile("KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)


class MCPServerError(ValueError):
    """An MCP server that is described in a way that cannot be meant."""


@dataclass(frozen=True, slots=True)
class MCPTool:
    """A tool of a connected server. `listed` is what the server says of it, its own name for it included."""

    connection: Connection
    listed: Listed
    core: Tool

    @property
    def description(self) -> str:
        return self.listed.description or self.listed.title or ""

    @property
    def input_schema(self) -> Mapping[str, Any]:
        return {"type": "object", "properties": {}, **self.listed.input_schema}

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """Of its structured content; None where nothing is known of what it returns."""
        return self.listed.output_schema

    async def run(self, args: Mapping[str, JSON]) -> Value:
        name = self.core.name
        reads_only = not self.core.irreversible and not self.core.footprint(args).writes
        effects: Effects = "none" if reads_only else "unknown"
        try:
            result = await self.connection.call(self.listed.name, args, stoppable=reads_only)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return ErrorValue("cancelled", f"{name}: the run ended before it returned", effects=effects)
        except (ToolFailed, ConnectionError) as error:
            return ErrorValue("tool_error", f"{name}: {error}", effects=effects)
        return value_of(name, result, effects)


class MCPServer:
    """An MCP server as a source of tools: `Agent(model, [MCPServer("npx some-server"), MCPServer("https://...")])`.

    `target` is a command line (a string, or its words), which is started and spoken to over stdin and stdout, or the
    URL of a server that speaks MCP over HTTP. `name` is what it is called where a tool of it needs another name;
    by default, what it calls itself. `timeout_s` bounds each call, `connect_timeout_s` starting and connecting.
    `trust_hints` says whether to believe what it hints of its tools: by default, a server that is started here is
    believed, one at a URL is not.
    `env` is added to the few variables that a command gets of ours (PATH, HOME, ...); `headers` go with each request
    to a URL.

    Raises MCPServerError for what cannot be meant.
    """

    def __init__(
        self,
        target: str | Sequence[str],
        *,
        name: str | None = None,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float = TIMEOUT_S,
        trust_hints: bool | None = None,
        env: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        try:
            words = shlex.split(target) if isinstance(target, str) and not is_url(target) else target
        except ValueError as error:
            raise MCPServerError(f"MCP server {target}: no command line: {error}") from None
        if not words:
            raise MCPServerError("an MCP server is a command line or a URL, and this is empty")
        for key, seconds in (("timeout_s", timeout_s), ("connect_timeout_s", connect_timeout_s)):
            if not seconds > 0:
                raise MCPServerError(f"MCP server {target!r}: {key} is a number of seconds above 0, not {seconds!r}")
        self.target, self.name, self.trust_hints = target, name, trust_hints
        self.timeout_s, self.connect_timeout_s = timeout_s, connect_timeout_s
        self.env, self.headers = env, headers

    @property
    def believed(self) -> bool:
        """Whether its hints are."""
        return not is_url(self.target) if self.trust_hints is None else self.trust_hints

    @property
    def secrets(self) -> list[str]:
        """What must not stand in anything that is shown or kept: of the URL, headers, variables with telling names."""
        variables = [value for name, value in (self.env or {}).items() if _TELLING.search(name)]
        url = self.target if isinstance(self.target, str) and is_url(self.target) else ""
        return sorted([*filter(None, variables), *secrets_in(url, self.headers)], key=len, reverse=True)

    async def open(
        self,
        stack: AsyncExitStack,
        taken: Collection[str] = (),
        override: Callable[[Tool], Tool] = lambda tool: tool,
    ) -> list[MCPTool]:
        """Connect, and give the tools under names that are not `taken`. Raises ConnectionError, ToolError."""
        connection = Connection(
            self.target,
            timeout_s=self.connect_timeout_s,
            patience_s=self.timeout_s,
            env=self.env,
            headers=self.headers,
            secrets=self.secrets,
        )
        await connection.open(stack)
        server = self.name or connection.name or "mcp"
        connection.label = server
        names = tool_names([listed.name for listed in connection.tools], server, taken)
        return [
            MCPTool(connection, listed, self._core(name, listed, override))
            for name, listed in zip(names, connection.tools, strict=True)
        ]

    def _core(self, name: str, listed: Listed, override: Callable[[Tool], Tool]) -> Tool:
        known = replace(
            hinted(name, listed.annotations, trusted=self.believed),
            timeout_s=self.timeout_s,
            validate=check_of(name, listed.input_schema),
            # The SDK holds results to this schema. It is as open as JSON Schema is: see tools/paths.py.
            lacks=None if listed.output_schema is None else partial(lacks, listed.output_schema, closed=False),
        )
        core = override(known)
        if core.effects is not None and core.effects is not known.effects:
            properties = listed.input_schema.get("properties", {})
            check_templates(core, properties)
            core = replace(core, effects=_with_defaults(core.effects, properties))
        return core


def _with_defaults(effects: Declaration, properties: Mapping[str, Any]) -> Declaration:
    """Footprints see the defaults that the schema states for arguments that a call leaves out."""
    defaults = {
        name: part["default"] for name, part in properties.items() if isinstance(part, dict) and "default" in part
    }
    return FunctionEffects(effects.reads, effects.writes, effects.bound_reads, effects.bound_writes, defaults=defaults)
