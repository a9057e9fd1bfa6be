"""The connection to one MCP server, in a task of its own.

The SDK's client opens cancel scopes: it must be left by the task that entered it, whichever tasks call tools in
between. So one task enters the client, waits until it is to leave, and leaves. Calls are made by the tasks that want
them; they overlap.

A connection that is lost is not made again: a new server would not have the state of the old one. Calls under way and
later ones fail, with what the server said last on stderr.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from .endpoint import one_line, shown

if TYPE_CHECKING:
    import httpx2
    from mcp import Client
    from mcp.types import CallToolResult, Tool

CONNECT_S = 30.0
_TAIL_BYTES = 4096


def is_url(target: str | Sequence[str]) -> bool:
    """Whether a server is reached by a URL, rather than started here."""
    return isinstance(target, str) and target.startswith(("http://", "https://"))


class ToolFailed(Exception):
    """The server answered a call with an error of the protocol, or with what is no answer."""


class Connection:
    """One server: a command line that speaks MCP on its stdin and stdout, or a URL. `tools` are those that it lists.

    `timeout_s` bounds opening. `patience_s` is how long a server that was started here may still take over a call that
    was given up; then it is ended. `label` is what messages call it: `target`, until it has said its name. `secrets`
    stand in no message.
    """

    def __init__(
        self,
        target: str | Sequence[str],
        *,
        timeout_s: float,
        patience_s: float,
        env: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.target, self.remote = target, is_url(target)
        words = target if isinstance(target, str) else shlex.join(target)
        self.label = shown(words) if self.remote else words
        self.name: str | None = None  # what it calls itself
        self.tools: list[Tool] = []
        self._timeout_s, self._patience_s = timeout_s, patience_s
        self._env, self._headers, self._secrets = dict(env or {}), dict(headers or {}), tuple(secrets)
        self._client: Client | None = None
        self._lost: str | None = None
        self._stderr: IO[bytes] | None = None
        self._refused = ""
        self._actor: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._calls: set[asyncio.Task[Any]] = set()

    async def open(self, stack: AsyncExitStack) -> None:
        """Connect, and list the tools; `stack` closes.

        Raises ConnectionError, in one line, or ImportError if there is no SDK.
        """
        import_module("mcp")  # if it is not installed, that is no fault of the server's
        # Of its own accord the SDK would tell stderr about every line of a server that it cannot read.
        logger = logging.getLogger("mcp")
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        if not self.remote:
            self._stderr = stack.enter_context(TemporaryFile())  # noqa: SIM115
        entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._actor = asyncio.create_task(self._live(entered), name=f"MCP server {self.label}")
        stack.push_async_callback(self._close, self._actor)
        await asyncio.wait([entered, self._actor], timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not entered.done():
            why = self._lost or f"no answer within {self._timeout_s:g} s"
            raise ConnectionError(f"MCP server {self.label}: {why}{self._last_words()}")

    async def call(self, tool: str, args: Mapping[str, Any], *, stoppable: bool) -> CallToolResult:
        """Call a tool. Raises ToolFailed, or ConnectionError if the server is gone.

        A stoppable call is given up at once if this task is cancelled, and the server is told. Any other is waited
        for: a server that was told would not answer any more, and nobody would ever know when its effects are over.
        A server that was started here and takes too long over that is ended, so that they are. If this task is
        cancelled once more, the call is left alone, until the connection is closed.
        """
        if self._client is None or self._lost is not None:
            raise self._gone()
        call = asyncio.create_task(self._ask(self._client.call_tool(tool, dict(args))))
        self._calls.add(call)
        call.add_done_callback(self._ended)
        if stoppable:
            return await call
        try:
            await asyncio.wait([call])
        except asyncio.CancelledError:
            await asyncio.wait([call], timeout=None if self.remote else self._patience_s)
            if not call.done():
                await self._end(f"it did not answer a call that was given up within {self._patience_s:g} s more")
        return await call

    async def _end(self, why: str) -> None:
        """End the server, and wait until it has ended."""
        assert self._actor is not None
        self._lost = self._lost or why
        self._leave.set()
        await asyncio.wait([self._actor])

    def _ended(self, call: asyncio.Task[Any]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # seen, also if nobody waits for it any more

    async def _ask(self, request: Coroutine[Any, Any, CallToolResult]) -> CallToolResult:
        from anyio import BrokenResourceError, ClosedResourceError
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        try:
            return await request
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                self._lost = self._lost or "it closed the connection"
                raise self._gone() from None
            raise ToolFailed(self._told(error)) from None
        except (OSError, ClosedResourceError, BrokenResourceError) as error:
            self._lost = self._lost or self._told(error)
            raise self._gone() from None
        except Exception as error:  # an answer that does not keep to the protocol, or to the tool's own schema
            raise ToolFailed(self._told(error)) from None

    def _gone(self) -> ConnectionError:
        return ConnectionError(f"the MCP server {self.label} is gone: {self._lost}{self._last_words()}")

    async def _live(self, entered: asyncio.Future[None]) -> None:
        """Enter the client, and leave it when told to: the only task that does either."""
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await self._connecting(stack))
                self.tools = await _listed(client)
                if client.server_info is not None:
                    self.name = one_line(client.server_info.name) or None
                self._client = client
                entered.set_result(None)
                await self._leave.wait()
        except Exception as error:
            self._lost = self._lost or self._told(error)
        except asyncio.CancelledError:
            self._lost = self._lost or "the connection was given up"

    async def _connecting(self, stack: AsyncExitStack) -> Client:
        from mcp import Client

        if self.remote:
            import httpx2
            from mcp.client.streamable_http import streamable_http_client

            assert isinstance(self.target, str)
            # How long a call may take is not the transport's to say.
            timeout = httpx2.Timeout(CONNECT_S, read=None)
            client = httpx2.AsyncClient(headers=self._headers, timeout=timeout, event_hooks={"response": [self._note]})
            http = await stack.enter_async_context(client)
            return Client(streamable_http_client(self.target, http_client=http))
        from mcp import StdioServerParameters, stdio_client

        command, *args = shlex.split(self.target) if isinstance(self.target, str) else self.target
        server = StdioServerParameters(command=command, args=args, env=self._env)
        return Client(stdio_client(server, errlog=cast(TextIO, self._stderr)))  # only its number is used

    async def _close(self, actor: asyncio.Task[None]) -> None:
        self._leave.set()
        for call in self._calls:
            call.cancel()
        if self._calls:
            await asyncio.wait(self._calls)
        if self._client is None:
            actor.cancel()  # it is still entering
        await asyncio.wait([actor])

    async def _note(self, response: httpx2.Response) -> None:
        if response.is_error:
            self._refused = f" (HTTP {response.status_code})"

    def _last_words(self) -> str:
        """What the server said last: on stderr, its last line, read without moving the end it writes at; or by HTTP,
        how it last refused a request."""
        if self.remote:
            return self._refused
        if self._stderr is None or self._stderr.closed:
            return ""
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode(errors="replace")
        lines = [line.strip() for line in tail.splitlines() if line.strip()]
        return f" ({one_line(lines[-1], self._secrets)})" if lines else ""

    def _told(self, error: BaseException) -> str:
        """What went wrong, of all that was raised at once: the first of the leaves."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, FileNotFoundError):
            return f"there is no command {error.filename!r}"
        said = one_line(str(getattr(error, "message", error)), self._secrets)
        return "it closed the connection" if said == "Connection closed" else said or type(error).__name__


async def _listed(client: Client) -> list[Tool]:
    page = await client.list_tools()
    tools = list(page.tools)
    while page.next_cursor:
        page = await client.list_tools(cursor=page.next_cursor)
        tools += page.tools
    return tools
