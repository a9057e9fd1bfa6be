"""An OpenAI-compatible endpoint behind which there is no model: it sends recorded messages, at the recorded times.

Every answer says so: the owner of each model in /v1/models, a header, and the fingerprint of each message.
"""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from .replay import REPLAY_HEADER, Replay, ReplayOver
from .replay_stream import FINGERPRINT, Answer

OWNER: Final = "asyncfc replay"
LARGEST_REQUEST: Final = 64 * 2**20  # bytes
_DIGITS: Final = 15  # of a length; more are not even read


class _Refused(Exception):
    """A request that is answered with an error: HTTP status, code, and why."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason


class ReplayServer(ThreadingHTTPServer):
    """Serves `replays`, each as a model of its name. `speed` 2 takes half the recorded time, infinity none.

    Raises OSError, saying what to do, if it cannot listen there.
    """

    daemon_threads = True  # a stream that is under way does not keep the process alive
    request_queue_size = 1024

    def __init__(
        self, replays: Sequence[Replay], host: str = "127.0.0.1", port: int = 0, *, speed: float = 1.0
    ) -> None:
        self.replays = {replay.name: replay for replay in replays}
        self.speed = speed
        self.created = int(time.time())
        self.stopping = threading.Event()
        # What was encoded once is kept for a while: under load, many ask for the same.
        self.events = lru_cache(maxsize=256)(self._events)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            hint = "" if port == 0 else "; another port can be given, and 0 is any that is free"
            reason = f"cannot listen on {host}:{port}: {error.strerror or error}{hint}"
            raise OSError(error.errno, reason) from None

    @property
    def base_url(self) -> str:
        """What a client is given as its base URL."""
        host, port = self.server_address[:2]
        name = host.decode() if isinstance(host, bytes) else host
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/v1"

    def server_bind(self) -> None:
        """Without the look-up of the host's own name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def left_s(self, asked_s: float, due_s: float) -> float:
        """Seconds until what was recorded at `due_s` is to be sent; `asked_s` is when it was asked for."""
        return asked_s + due_s / self.speed - time.monotonic()

    def waited(self, asked_s: float, due_s: float) -> bool:
        """Wait until then; False if the server is to stop."""
        left_s = self.left_s(asked_s, due_s)
        return not (self.stopping.wait(left_s) if left_s > 0 else self.stopping.is_set())

    def _events(self, name: str, place: str, usage: bool) -> list[tuple[float, bytes]]:
        replay = self.replays[name]
        return Answer(replay, place, replay.at(place), self.created).events(usage=usage)

    def replay_of(self, model: object) -> Replay:
        """The conversation of this name, or of the only name that begins like it; without a name, the first."""
        if model in (None, ""):
            return next(iter(self.replays.values()))
        if isinstance(model, str):
            if model in self.replays:
                return self.replays[model]
            begun = [name for name in self.replays if name.startswith(model)]
            if len(begun) == 1:
                return self.replays[begun[0]]
        some = ", ".join(repr(name) for name in list(self.replays)[:5])
        raise _Refused(404, "model_not_found", f"no one recording is named {model!r}; there are {some}")


@contextmanager
def serving(server: ReplayServer) -> Iterator[str]:
    """The server answers in a thread while the block runs; gives its base URL. Nothing of it is left afterwards."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.base_url
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    server: ReplayServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = FINGERPRINT, ""
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/v1")
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": OWNER, "source": replay.source}
            for name, replay in self.server.replays.items()
        ]
        match path:
            case "/health":
                self._json(200, {"status": "ok", "replay": True, "models": len(models)})
            case "/models":
                self._json(200, {"object": "list", "data": models})
            case _:
                self._refuse(_Refused(404, "not_found", f"there is no {self.path} here: {_SERVED}"))

    def do_POST(self) -> None:
        asked_s = time.monotonic()
        try:
            body = self._body()
            if self.path.partition("?")[0].removeprefix("/v1") != "/chat/completions":
                raise _Refused(404, "not_found", f"there is no {self.path} here: {_SERVED}")
            replay = self.server.replay_of(body.get("model"))
            try:
                place, message = replay.due(_transcript(body))
            except ReplayOver as over:
                raise _Refused(410, "replay_over", str(over)) from None
            if body.get("stream"):
                options = body.get("stream_options")
                usage = isinstance(options, dict) and bool(options.get("include_usage"))
                self._stream(replay, self.server.events(replay.name, place, usage), asked_s)
            elif self.server.waited(asked_s, message.end_s or 0.0):
                self._json(200, Answer(replay, place, message, self.server.created).whole(), replay)
        except _Refused as refused:
            self._refuse(refused)

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise _Refused(411, "length_required", "a request needs a Content-Length")
        if len(length) > _DIGITS or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            raise _Refused(413, "too_large", f"a request may have {LARGEST_REQUEST} bytes")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise _Refused(400, "invalid_json", f"the request is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise _Refused(400, "invalid_request", "the request must be a JSON object")
        return body

    def _stream(self, replay: Replay, events: Sequence[tuple[float, bytes]], asked_s: float) -> None:
        """Server-sent events, each when it is due; those that are due at once go out together."""
        self._head(200, "text/event-stream", replay, {"Transfer-Encoding": "chunked"})
        due: list[bytes] = []
        for due_s, event in events:
            if due and self.server.left_s(asked_s, due_s) > 0:
                self._chunk(b"".join(due))
                due.clear()
            if not self.server.waited(asked_s, due_s):
                self.close_connection = True
                return
            due.append(event)
        self._chunk(b"".join(due))
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _json(self, status: int, content: Mapping[str, Any], replay: Replay | None = None) -> None:
        data = json.dumps(content, ensure_ascii=False).encode(errors="replace")
        self._head(status, "application/json", replay, {"Content-Length": str(len(data))})
        self.wfile.write(data)

    def _refuse(self, refused: _Refused) -> None:
        kind = "invalid_request_error"
        error = {"message": refused.reason, "type": kind, "param": None, "code": refused.code}
        self._json(refused.status, {"error": error})

    def _head(self, status: int, kind: str, replay: Replay | None, fields: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        source = replay.source if replay is not None else "recorded conversations"
        self.send_header(REPLAY_HEADER, source.encode("ascii", "replace").decode().replace("\n", " "))
        for name, value in fields.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


_SERVED: Final = "this replay has /v1/models, /v1/chat/completions and /health"


def _transcript(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(item, dict) for item in messages):
        raise _Refused(400, "invalid_request", "`messages` must be a list of messages, and not empty")
    return messages
