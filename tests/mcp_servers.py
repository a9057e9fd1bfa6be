"""Real MCP servers for tests: one of ours, over stdio or HTTP, and one that others wrote."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.live.mcp_tools import MCPServer

ROOT = Path(__file__).resolve().parents[1]
NOTES = [sys.executable, str(ROOT / "tests" / "data" / "mcp_notes_server.py")]


@dataclass(frozen=True)
class Notes:
    """The notes server: how to reach it, and what it saw."""

    target: list[str] | str
    log: Path

    def source(self, **options: Any) -> MCPServer:
        env = None if isinstance(self.target, str) else {"NOTES_LOG": str(self.log)}
        return MCPServer(self.target, env=env, **options)

    def forget(self) -> None:
        """From here on, what it sees is of this test."""
        self.log.write_text("")

    def seen(self) -> list[tuple[str, str]]:
        """What the server did, in order: `("begin", "read")`."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(each["event"], each["tool"]) for each in map(json.loads, lines)]

    def overlapped(self) -> int:
        """How many calls the server was working on at once, at most."""
        most = under_way = 0
        for event, _ in self.seen():
            under_way += 1 if event == "begin" else -1
            most = max(most, under_way)
        return most


def over_stdio(folder: Path) -> Notes:
    return Notes(NOTES, folder / "notes.log")


@contextmanager
def over_http(folder: Path) -> Iterator[Notes]:
    """The server on a free port of 127.0.0.1, until the block is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "notes.log"
    process = subprocess.Popen(
        [*NOTES, "--http", str(port)], env={**os.environ, "NOTES_LOG": str(log)}, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(400):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Notes(f"http://127.0.0.1:{port}/mcp", log)
    finally:
        process.kill()
        process.wait()


@cache
def peer() -> str:
    """The program of a server that others wrote, installed if need be; the test is skipped where it cannot be had."""
    made = subprocess.run(
        ["bash", str(ROOT / "scripts" / "mcp_peer.sh")], capture_output=True, text=True, check=False, timeout=300
    )
    if made.returncode != 0:
        pytest.skip(f"mcp-server-git cannot be installed: {made.stderr.strip().splitlines()[-1:]}")
    return str(ROOT / ".venv-mcp" / "bin" / "mcp-server-git")
