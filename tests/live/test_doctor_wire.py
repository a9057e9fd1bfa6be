"""How the doctor listens: it hears what a run hears, and whatever a server sends, listening ends."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from asyncfc_sim.live import doctor_wire
from asyncfc_sim.live.accumulator import Accumulator
from asyncfc_sim.live.doctor import Doctor
from asyncfc_sim.live.doctor_exam import SMALL
from asyncfc_sim.live.doctor_wire import Heard, Wire
from asyncfc_sim.live.endpoint import Endpoint
from asyncfc_sim.live.model import CallPart, Ended, ModelError, Part, TextPart
from asyncfc_sim.live.openai_chat import OpenAIChat
from tests.chat_server import ChatServer, Reply
from tests.doctor_patients import well
from tests.strategies import json_values

STREAMS = Path(__file__).parents[1] / "data" / "streams"
USER = {"role": "user", "content": "go"}


@pytest.mark.parametrize("stream", sorted(STREAMS.glob("*.sse")), ids=lambda path: path.stem)
def test_it_hears_what_a_run_hears(stream: Path):
    """The doctor looks at the wire itself; what it makes of a stream is what the client of a run makes of it."""
    data = stream.read_bytes()
    reply = Reply([data[at : at + 50] for at in range(0, len(data), 50)])

    async def parts(base_url: str) -> list[Part]:
        async with OpenAIChat("scripted", base_url=base_url) as model:
            return [part async for part in model.stream([USER], SMALL.schemas)]

    with ChatServer(repeat(reply)) as server:
        heard = Wire(server.base_url).chat([USER], model="scripted", tools=SMALL.schemas)
        run = asyncio.run(parts(server.base_url))
    assert heard.streamed
    assert heard.calls == [part for part in run if isinstance(part, CallPart)]
    assert heard.text == "".join(part.text for part in run if isinstance(part, TextPart))
    assert isinstance(run[-1], Ended)
    assert (heard.usage, heard.finish_reason, tuple(heard.notes)) == (
        run[-1].usage,
        run[-1].finish_reason,
        run[-1].notes,
    )
    assert heard.first_s is not None
    assert heard.first_s <= heard.end_s


@given(json_values())
def test_no_chunk_upsets_it(value: Any):
    """A chunk may be any JSON at all: it is heard, or refused in words."""
    chunks = [
        value,
        {"choices": value},
        {"choices": [{"delta": value}]},
        {"choices": [{"delta": {"tool_calls": value}}]},
    ]
    wire = Wire("http://127.0.0.1:9")
    for each in chunks:
        with suppress(ModelError):
            wire.take(Heard(), Accumulator(), json.dumps(each), 0.0)


class Endless(BaseHTTPRequestHandler):
    """Sends a body without an end, in which no line ends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(ConnectionError):
            while True:
                self.wfile.write(b" " * 2**20)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Dripping(Endless):
    """The same, but slowly."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(ConnectionError):
            while True:
                self.wfile.write(b" ")
                time.sleep(0.05)


@pytest.mark.parametrize("handler", [Endless, Dripping])
def test_a_body_without_end_ends(monkeypatch, handler):
    monkeypatch.setattr(doctor_wire, "LONGEST_MESSAGE_S", 0.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        (finding,) = Doctor(Wire(f"http://127.0.0.1:{server.server_port}", timeout_s=5)).examine()
        server.shutdown()
    assert (finding.verdict, "there was no end of it" in finding.came) == ("unreachable", True)


def test_it_asks_as_a_run_does_with_a_password_in_the_address():
    with ChatServer(repeat(well)) as server:
        url = server.base_url.replace("://", "://me:p%40ss@")
        wire = Wire(url, extra_body={"seed": 7})
        wire.get("/models")
        wire.chat([USER], model="scripted")
        asyncio.run(_heard(url))
    assert wire.endpoint.shown == server.base_url
    asked, run = server.requests
    assert {each.headers["authorization"] for each in (asked, run)} == {"Basic bWU6cEBzcw=="}
    assert asked.path == run.path == "/v1/chat/completions"
    assert Endpoint.at(f"{url}?version=2026").url("/models") == f"{server.base_url}/models?version=2026"
    assert server.bodies[0]["seed"] == 7


async def _heard(url: str) -> None:
    async with OpenAIChat("scripted", base_url=url) as model:
        async for _ in model.stream([USER], []):
            pass
