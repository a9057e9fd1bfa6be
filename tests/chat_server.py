"""A real HTTP server on 127.0.0.1 that speaks OpenAI's chat completions by a script, faults included.

    with ChatServer([Say(calls=[("search", '{"q": "x"}')]), Say("done")]) as server:
        run = Agent("scripted", [search], base_url=server.base_url).run_sync("go")
    assert server.bodies[1]["messages"][-1]["role"] == "tool"

The n-th request for a message gets the n-th reply of the script. A `Say` is a message, streamed or whole as the request
wants it. A `Reply` is bytes: whatever a server might do wrong can be written down. A function of the request's body
returns either, which is how a script reacts. After the last reply comes status 400, so that a run cannot go on unseen.
"""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

# What a body is made of: bytes to send, seconds to wait, or a fault.
RESET = "reset"  # the connection is reset
TRUNCATE = "truncate"  # the connection is closed before the body is complete
HANG = "hang"  # nothing more comes, until the client gives up
Piece = bytes | float | str

EVENT_STREAM = "text/event-stream; charset=utf-8"
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


@dataclass(frozen=True)
class Reply:
    """A response as it is sent. `pieces` may be endless; the stream stops when the client closes."""

    pieces: Iterable[Piece] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = EVENT_STREAM
    chunked: bool = True  # else the body ends where the connection does


@dataclass(frozen=True)
class Say:
    """A message of the model: `calls` are (tool, arguments as text). `delay_s` passes before the first chunk, `gap_s`
    before each further one; arguments come in fragments of `size` characters."""

    text: str | None = None
    calls: Sequence[tuple[str, str]] = ()
    delay_s: float = 0.0
    gap_s: float = 0.0
    size: int = 8
    usage: Mapping[str, Any] = field(default_factory=lambda: USAGE)
    ids: Sequence[str] | None = None  # of the calls; by default unique over all requests


@dataclass
class Asked:
    """A request as it came. `closed_s` is when the client gave it up, if it did; times are of time.monotonic()."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at_s: float
    closed_s: float | None = None


Script = Reply | Say | Callable[[dict[str, Any]], Reply | Say]


def sse(data: Mapping[str, Any] | str) -> bytes:
    """One event of a stream."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def chunk(
    delta: Mapping[str, Any] | None = None, finish: str | None = None, usage: Mapping[str, Any] | None = None
) -> bytes:
    """One chunk of a message; without a delta one that has no choices, as that which brings the usage."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    return sse({**head, "choices": choices, **({"usage": usage} if usage else {})})


def call_delta(
    index: int, *, id: str | None = None, name: str | None = None, arguments: Any = None
) -> Mapping[str, Any]:
    """The delta of a call's fragment."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    call = {"index": index, **({"id": id, "type": "function"} if id is not None else {}), "function": function}
    return {"tool_calls": [call]}


DONE = sse("[DONE]")


def events(*chunks: Piece, done: bool = True) -> Reply:
    """A stream of these chunks."""
    return Reply((*chunks, DONE) if done else chunks)


def error(status: int, message: str = "scripted", **headers: str) -> Reply:
    """An error in OpenAI's form; `retry_after="1"` is a header."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": status}}).encode()
    return Reply((body,), status, {k.replace("_", "-"): v for k, v in headers.items()}, "application/json")


def plain(body: str, status: int = 200, content_type: str = "application/json") -> Reply:
    """Any body at all."""
    return Reply((body.encode(),), status, content_type=content_type)


class ChatServer:
    """Serves the script in a thread of its own while the `with` block runs. `models=None`: it does not list any.

    Requests for messages are in `requests`, those for the list of models only counted, in `listings`.
    """

    def __init__(self, script: Iterable[Script], *, models: Sequence[str] | None = ("scripted",)) -> None:
        self.requests: list[Asked] = []
        self.listings = 0
        self._script, self._models = iter(script), models
        self._calls = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._port = 0
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked, request by request."""
        return [request.body for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *fault: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request per connection: that it is over is seen by its end."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            asked = Asked(head[0].split()[1], headers, json.loads(body or b"{}"), time.monotonic())
            sending = asyncio.create_task(self._send(writer, self._reply(asked)))
            gone = asyncio.create_task(reader.read())
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                asked.closed_s = time.monotonic()
            sending.cancel()
            gone.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _reply(self, asked: Asked) -> Reply:
        if asked.path.endswith("/models"):
            self.listings += 1
            if self._models is None:
                return error(404, "no such route")
            listed = [{"id": name, "object": "model", "created": 1, "owned_by": "test"} for name in self._models]
            return plain(json.dumps({"object": "list", "data": listed}))
        if not asked.path.endswith("/chat/completions"):
            return error(404, f"no such route: {asked.path}")
        self.requests.append(asked)
        reply = next(self._script, error(400, "the script is over"))
        if not isinstance(reply, Reply | Say):
            reply = reply(asked.body)
        return self._said(reply, asked.body) if isinstance(reply, Say) else reply

    def _said(self, say: Say, body: Mapping[str, Any]) -> Reply:
        ids = say.ids or [f"call_{self._calls + n}" for n in range(1, len(say.calls) + 1)]
        self._calls += len(say.calls)
        calls = list(zip(ids, say.calls, strict=True))
        finish = "tool_calls" if calls else "stop"
        if not body.get("stream"):
            message: dict[str, Any] = {"role": "assistant", "content": say.text}
            if calls:
                message["tool_calls"] = [
                    {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
                    for id, (name, arguments) in calls
                ]
            choice = {"index": 0, "message": message, "finish_reason": finish}
            head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "scripted"}
            whole = json.dumps({**head, "choices": [choice], "usage": say.usage}).encode()
            return Reply((say.delay_s, whole), content_type="application/json")
        deltas: list[Mapping[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": part} for part in _cut(say.text or "", say.size)]
        for index, (id, (name, arguments)) in enumerate(calls):
            deltas.append(call_delta(index, id=id, name=name))
            deltas += [call_delta(index, arguments=part) for part in _cut(arguments, say.size)]
        pieces: list[Piece] = [say.delay_s]
        for delta in deltas:
            pieces += [chunk(delta), say.gap_s]
        pieces += [chunk({}, finish)]
        if body.get("stream_options", {}).get("include_usage"):
            pieces.append(chunk(usage=say.usage))
        return Reply((*pieces, DONE))

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        framing = {"Transfer-Encoding": "chunked"} if reply.chunked else {}
        headers = {"Content-Type": reply.content_type, "Connection": "close", **framing, **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {reply.status} Scripted\r\n{lines}\r\n".encode())
        await writer.drain()
        for piece in reply.pieces:
            if isinstance(piece, bytes):
                if piece:  # an empty chunk would end the body
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece)
                    await writer.drain()
            elif not isinstance(piece, str):
                await asyncio.sleep(piece)
            elif piece == HANG:
                await asyncio.Event().wait()
            elif piece == TRUNCATE:
                return
            elif piece == RESET:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
                return
            else:
                raise ValueError(f"not a piece of a reply: {piece!r}")
        if reply.chunked:
            writer.write(b"0\r\n\r\n")
            await writer.drain()


def _cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
