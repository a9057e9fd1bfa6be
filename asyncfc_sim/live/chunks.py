"""The chunks of a chat server's answer, as they come and within limits: whatever a server does, reading it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

import httpx2

from .endpoint import Endpoint
from .model import ModelError
from .model_errors import broke_off, reported
from .sse import Events

# What may follow a finish_reason (the usage) and the last event (the end of the body) is not waited for longer.
LAST_CHUNKS_S: Final = 2.0
END_S: Final = 0.5

LONGEST_ERROR: Final = 1 << 20  # bytes


class _Short(httpx2.AsyncByteStream):
    """The beginning of a body."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        size = 0
        async for block in self._body:
            yield block
            size += len(block)
            if size >= LONGEST_ERROR:
                return

    async def aclose(self) -> None:
        await self._body.aclose()


async def short_if_error(response: httpx2.Response) -> None:
    """A hook: the SDK reads the body of an error to its end, and it may have none."""
    if response.is_error and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Short(response.stream)


class Chunks:
    """Reads `response`. `timeout_s` may pass without a chunk, whatever else is sent; at `ends_s`, by the loop's clock,
    all must be there, in no more than `max_bytes`. Whoever sees the finish_reason says so with `finishing`."""

    def __init__(
        self, response: httpx2.Response, endpoint: Endpoint, *, timeout_s: float, ends_s: float, max_bytes: int
    ) -> None:
        self.done = False  # the server said that it was
        self.whole = False  # it is one JSON object, and no stream
        self._response, self._endpoint = response, endpoint
        self._blocks = response.aiter_bytes()
        self._timeout_s, self._ends_s, self._max_bytes = timeout_s, ends_s, max_bytes
        self._loop = asyncio.get_running_loop()
        self._due_s = self._loop.time() + timeout_s
        self._finishing = False
        self._size = 0
        self._type = response.headers.get("content-type", "")

    def finishing(self, within_s: float = LAST_CHUNKS_S) -> None:
        """The message is complete; what else comes is a bonus."""
        due_s = self._loop.time() + min(within_s, self._timeout_s)
        self._finishing, self._due_s = True, min(due_s, self._due_s) if self._finishing else due_s

    async def read(self) -> AsyncGenerator[Mapping[str, Any], None]:
        """The chunks, each as an object. Raises ModelError."""
        first = b""
        while not first.strip() and (block := await self._next()) is not None:
            first = block  # what came before was blank
        self.whole = first.lstrip().startswith(b"{")
        if self.whole:
            yield self._object((first + await self._all()).decode("utf-8", errors="replace"))
            self.done = True
            return
        async with aclosing(self._events(first)) as events:
            async for data in events:
                yield self._object(data)
                if not self._finishing:
                    self._due_s = self._loop.time() + self._timeout_s

    async def _events(self, first: bytes) -> AsyncGenerator[str, None]:
        """The data of each event, up to the last one or the end."""
        events, seen = Events(), False
        block: bytes | None = first
        while block is not None:
            for data in events.feed(block):
                if data == "[DONE]":
                    self.done = True
                    return
                seen = True
                yield data
            block = await self._next()
        for data in events.end():
            self.done = self.done or data == "[DONE]"
            if not self.done:
                seen = True
                yield data
        if not seen:
            raise self._no_stream(first)

    async def rest(self) -> None:
        """Read to the end of the body, so that the connection can be used again, and close it."""
        self.finishing(END_S)
        try:
            while await self._next() is not None:
                pass
        finally:
            await self._response.aclose()

    async def _all(self) -> bytes:
        blocks = []
        while (block := await self._next()) is not None:
            self._due_s = self._loop.time() + self._timeout_s
            blocks.append(block)
        return b"".join(blocks)

    async def _next(self) -> bytes | None:
        """More bytes; None at the end."""
        why: ModelError
        try:
            async with asyncio.timeout_at(min(self._due_s, self._ends_s)):
                block = await anext(self._blocks, None)
            self._size += len(block or b"")
            if self._size <= self._max_bytes:
                return block
            why = broke_off(self._endpoint, f"it is longer than {self._max_bytes} bytes", retryable=False)
        except TimeoutError:
            if self._loop.time() >= self._ends_s:
                why = broke_off(
                    self._endpoint, "it was not complete in the time that a message may take", retryable=False
                )
            else:
                why = broke_off(self._endpoint, f"nothing new came for {self._timeout_s:g} s")
        except httpx2.HTTPError as error:
            why = broke_off(self._endpoint, self._endpoint.quote(str(error)) or "the connection was lost")
        if self._finishing:
            return None
        raise why

    def _object(self, data: str) -> Mapping[str, Any]:
        found: object = None
        with suppress(ValueError, RecursionError):
            found = json.loads(data)
        if not isinstance(found, Mapping):
            raise broke_off(
                self._endpoint, f"it sent what is no JSON object: {self._endpoint.quote(data[:200]) or 'nothing'}"
            )
        if found.get("error") or found.get("object") == "error":
            raise reported(self._endpoint, found)
        return found

    def _no_stream(self, first: bytes) -> ModelError:
        """Not one event: what came is something else."""
        if not first.strip():
            return broke_off(self._endpoint, "it is empty")
        sent = f"{self._endpoint.quote(self._type) or 'of no type'}: {self._endpoint.words(first[:1000])}"
        reason = f"{self._endpoint.shown} sent no stream of a chat ({sent}); is the base URL right?"
        return ModelError(reason, unreachable=True)
