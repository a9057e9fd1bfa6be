"""An MCP server for tests: notes that can be read, written, lost, and tools that are slow, fail, or kill the server.

Over stdio, or with `--http PORT` over HTTP on 127.0.0.1. Each call is logged to the file `NOTES_LOG`, if that is set,
as one JSON line when it begins and one when it ends: who overlapped with whom is seen by the server, not guessed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent, TextContent, ToolAnnotations
from pydantic import BaseModel

server = MCPServer("notes", log_level="CRITICAL")
notes: dict[str, str] = {"a": "alpha", "b": "beta"}

READS = ToolAnnotations(read_only_hint=True)
REPEATABLE = ToolAnnotations(idempotent_hint=True, destructive_hint=False)
DESTROYS = ToolAnnotations(destructive_hint=True)


class Note(BaseModel):
    name: str
    text: str
    tags: list[str] = []


def log(event: str, tool: str) -> None:
    path = os.environ.get("NOTES_LOG")
    if path:
        with open(path, "a", encoding="utf-8") as out:
            out.write(json.dumps({"event": event, "tool": tool, "t": time.monotonic()}) + "\n")


@asynccontextmanager
async def logged(tool: str, seconds: float = 0.0) -> AsyncIterator[None]:
    log("begin", tool)
    try:
        await anyio.sleep(seconds)
        yield
    except anyio.get_cancelled_exc_class():
        log("cancelled", tool)
        raise
    log("end", tool)


@server.tool(annotations=READS)
async def read(name: str, seconds: float = 0.0) -> Note:
    """The note with this name."""
    async with logged("read", seconds):
        return Note(name=name, text=notes[name])


@server.tool(annotations=READS, structured_output=False)
async def look(name: str) -> str:
    """The text of a note, as JSON that nobody has declared."""
    async with logged("look"):
        return json.dumps({"text": notes[name]})


@server.tool(annotations=REPEATABLE)
async def put(name: str, text: str, seconds: float = 0.0) -> dict[str, Any]:
    """Write a note."""
    async with logged("put", seconds):
        notes[name] = text
        return {"notes": len(notes)}


@server.tool()
async def append(name: str, text: str, seconds: float = 0.0) -> dict[str, Any]:
    """Add to a note. Says nothing of what it does."""
    async with logged("append", seconds):
        notes[name] = notes.get(name, "") + text
        return {"text": notes[name]}


@server.tool(annotations=DESTROYS)
async def forget(name: str) -> dict[str, Any]:
    """Lose a note for good."""
    async with logged("forget"):
        return {"lost": notes.pop(name)}


@server.tool(annotations=READS)
async def fail(reason: str) -> str:
    """Never returns."""
    raise ToolError(reason)


@server.tool(annotations=READS)
async def show() -> list[TextContent | ImageContent]:
    """Text and a picture."""
    return [TextContent(type="text", text="a dot"), ImageContent(type="image", data="AAAA", mime_type="image/png")]


@server.tool()
async def die(seconds: float = 0.0) -> str:
    """Ends the server."""
    await anyio.sleep(seconds)
    print("the notes are on fire", file=sys.stderr, flush=True)
    os._exit(3)


@server.tool(name="a name.with/odd-characters", annotations=READS)
async def odd() -> str:
    """Has a name that no model may use."""
    return "odd"


if __name__ == "__main__":
    print("notes: ready", file=sys.stderr, flush=True)
    if sys.argv[1:2] == ["--http"]:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run()
