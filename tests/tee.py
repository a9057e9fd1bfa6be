"""A proxy that listens: what a client asks of a real server, and what that sends back, byte for byte as it comes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}


@dataclass
class Talk:
    """A request for a message, and its answer."""

    body: dict[str, Any]
    status: int = 0
    sent: bytearray = field(default_factory=bytearray)


@dataclass
class Tee:
    """`talks` are those at /chat/completions, in the order in which they began."""

    base_url: str = ""
    talks: list[Talk] = field(default_factory=list)


@contextmanager
def listening(base_url: str) -> Iterator[Tee]:
    """A tee before the server at `base_url`, until the block is left."""
    tee, parts = Tee(), urlsplit(base_url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on(None, Talk({}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            talk = Talk(json.loads(body))
            tee.talks.append(talk)
            self._pass_on(body, talk)

        def _pass_on(self, body: bytes | None, talk: Talk) -> None:
            with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=600)) as upstream:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                talk.status = answer.status
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.end_headers()
                while block := answer.read1(1 << 16):
                    talk.sent += block
                    self.wfile.write(block)
                    self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        tee.base_url = f"http://127.0.0.1:{server.server_port}{parts.path}"
        yield tee
        server.shutdown()
