"""What our own endpoints have in common: HTTP, the routes of OpenAI's chat completions, and errors in its form.

What stands behind one, recorded turns or a model, is a subclass of `ChatHandler`: it lists models and answers `chat`.
"""

from __future__ import annotations

import errno
import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

LARGEST_REQUEST: Final = 64 * 2**20  # bytes
_DIGITS: Final = 15  # of a length; more are not even read


class Refused(Exception):
    """A request that is answered with an error: HTTP status, code, and why."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason


class ChatServer(ThreadingHTTPServer):
    """Listens at once; each connection gets a thread and a `handler`. `stopping` is set when it is to end.

    Raises OSError, saying what to do, if it cannot listen there.
    """

    daemon_threads = True  # a stream that is under way does not keep the process alive
    request_queue_size = 1024

    def __init__(self, handler: type[ChatHandler], host: str = "127.0.0.1", port: int = 0) -> None:
        self.created = int(time.time())
        self.stopping = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), handler)
        except OSError as error:
            of_port = port != 0 and error.errno in (errno.EADDRINUSE, errno.EACCES)
            hint = "; another port can be given, and 0 is any that is free" if of_port else ""
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
        """A client that goes away, or takes too long, is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


@contextmanager
def serving(server: ChatServer) -> Iterator[str]:
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


class ChatHandler(BaseHTTPRequestHandler):
    """One connection of a client. `fields` are sent with every answer, beside those that HTTP needs."""

    protocol_version = "HTTP/1.1"
    sys_version = ""
    disable_nagle_algorithm = True

    def models(self) -> Sequence[Mapping[str, Any]]:
        """What /v1/models lists."""
        raise NotImplementedError

    def health(self) -> Mapping[str, Any]:
        """What /health says."""
        raise NotImplementedError

    def chat(self, body: Mapping[str, Any], asked_s: float) -> None:
        """Answer a request for a message that came at `asked_s` (of time.monotonic()). Raises Refused."""
        raise NotImplementedError

    def fields(self) -> Mapping[str, str]:
        return {}

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        match self._route():
            case "/health":
                self.send_json(200, self.health())
            case "/models":
                self.send_json(200, {"object": "list", "data": self.models()})
            case _:
                self._refuse(self._unknown())

    def do_POST(self) -> None:
        asked_s = time.monotonic()
        try:
            body = self._body()
            if self._route() != "/chat/completions":
                raise self._unknown()
            self.chat(body, asked_s)
        except Refused as refused:
            self._refuse(refused)

    def send_json(self, status: int, content: Mapping[str, Any]) -> None:
        """A whole answer."""
        data = json.dumps(content, ensure_ascii=False).encode(errors="replace")
        self._head(status, "application/json", {"Content-Length": str(len(data))})
        self.wfile.write(data)

    def begin_stream(self) -> None:
        """Server-sent events follow: `send_chunk` each, and an empty one at the end."""
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})

    def send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _route(self) -> str:
        return self.path.partition("?")[0].removeprefix("/v1")

    def _unknown(self) -> Refused:
        reason = f"there is no {self.path} here; there are /v1/models, /v1/chat/completions and /health"
        return Refused(404, "not_found", reason)

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise Refused(411, "length_required", "a request needs a Content-Length")
        if len(length) > _DIGITS or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            raise Refused(413, "too_large", f"a request may have {LARGEST_REQUEST} bytes")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise Refused(400, "invalid_json", f"the request is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise Refused(400, "invalid_request", "the request must be a JSON object")
        return body

    def _refuse(self, refused: Refused) -> None:
        kind = "invalid_request_error"
        error = {"message": refused.reason, "type": kind, "param": None, "code": refused.code}
        self.send_json(refused.status, {"error": error})

    def _head(self, status: int, kind: str, fields: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in {**self.fields(), **fields}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def transcript_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The messages of a request. Raises Refused."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(item, dict) for item in messages):
        raise Refused(400, "invalid_request", "`messages` must be a list of messages, and not empty")
    return messages


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Whether a stream is to end with the tokens counted."""
    options = body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))
