"""What our endpoints have in common: routes, errors in one form, and an end that leaves nothing behind.

tests/serve/test_server.py and tests/live/test_replay.py try it with clients that behave badly.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from asyncfc_sim.live.http_server import ChatHandler, ChatServer, Refused, serving, transcript_of, wants_usage
from tests.patience import within


class Echo(ChatHandler):
    """Answers with what it was asked."""

    def models(self) -> list[Mapping[str, Any]]:
        return [{"id": "echo"}]

    def health(self) -> Mapping[str, Any]:
        return {"status": "ok"}

    def fields(self) -> Mapping[str, str]:
        return {"x-echo": "yes"}

    def chat(self, body: Mapping[str, Any], asked_s: float) -> None:
        if body.get("stream"):
            self.begin_stream()
            for piece in (b"data: 1\n\n", b"data: 2\n\n", b""):
                self.send_chunk(piece)
        else:
            self.send_json(200, {"asked": transcript_of(body)})


@pytest.fixture
def base_url() -> Iterator[str]:
    with serving(ChatServer(Echo)) as url:
        yield url


def got(url: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data), timeout=60) as response:
            assert response.headers["x-echo"] == "yes"
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)["error"]


def test_each_route_is_there_with_v1_and_without(base_url: str):
    for root in (base_url, base_url.removesuffix("/v1")):
        assert got(f"{root}/models") == (200, {"object": "list", "data": [{"id": "echo"}]})
        assert got(f"{root}/health?x=1") == (200, {"status": "ok"})
        assert got(f"{root}/chat/completions", {"messages": [{"a": "ü"}]}) == (200, {"asked": [{"a": "ü"}]})


def test_a_stream_comes_in_its_pieces(base_url: str):
    with urlopen(Request(f"{base_url}/chat/completions", b'{"stream": true}'), timeout=60) as response:
        assert response.read() == b"data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/nothing", None, 404, "not_found"),
        ("/embeddings", {}, 404, "not_found"),
        ("/chat/completions", [], 400, "invalid_request"),
        ("/chat/completions", {"messages": [1]}, 400, "invalid_request"),
    ],
)
def test_errors_are_in_the_form_of_openai(base_url: str, path: str, body: Any, status: int, code: str):
    found, error = got(base_url + path, body)
    assert (found, error["code"]) == (status, code)
    assert error.keys() == {"message", "type", "param", "code"}


def test_nothing_is_left_afterwards():
    threads = threading.active_count()
    with serving(ChatServer(Echo)) as url:
        assert got(f"{url}/health")[0] == 200
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{url}/health", timeout=60)
    assert within(60, lambda: threading.active_count() == threads)


def test_where_it_cannot_listen_it_says_so():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="another port can be given"):
        ChatServer(Echo, port=taken.getsockname()[1])
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:0: [^;]*$"):
        ChatServer(Echo, "192.0.2.1")


def test_an_address_of_the_newer_kind_stands_in_brackets():
    try:
        server = ChatServer(Echo, "::1")
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    with server:
        assert server.base_url == f"http://[::1]:{server.server_port}/v1"


def test_what_a_request_asks():
    assert [wants_usage({"stream_options": each}) for each in (None, {}, [1], {"include_usage": True})] == [
        False,
        False,
        False,
        True,
    ]
    with pytest.raises(Refused, match="`messages`"):
        transcript_of({})
