"""The client: what it sends, what it stops sending, what it says when something is wrong, and what it never says."""

import asyncio
import gc
import json
import socket
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from itertools import count
from typing import Any

import pytest

from asyncfc_sim.live.model import Began, CallPart, Ended, ModelError, Part, TextPart
from asyncfc_sim.live.openai_chat import OpenAIChat
from tests.chat_server import (
    DONE,
    HANG,
    RESET,
    TRUNCATE,
    Asked,
    ChatServer,
    Piece,
    Reply,
    Say,
    Script,
    call_delta,
    chunk,
    error,
    events,
    plain,
    sse,
)

MESSAGES = [{"role": "user", "content": "go"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
F = Say(calls=[("f", '{"x": 1}')])
KEY = "sk-verysecret0123456789"
OTHER = "hunter2hunter2"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


async def message(model: OpenAIChat, tools: Sequence[Any] = TOOLS) -> list[Part]:
    return [part async for part in model.stream(MESSAGES, tools)]


def heard(script: Sequence[Script], times: int = 1, **options: Any) -> tuple[list[list[Part]], ChatServer]:
    """So many messages, and the server that was asked for them."""

    async def ask() -> list[list[Part]]:
        async with OpenAIChat("scripted", base_url=server.base_url, **{"timeout_s": 5.0, **options}) as model:
            return [await message(model) for _ in range(times)]

    with ChatServer(script) as server:
        return asyncio.run(ask()), server


def failure(script: Sequence[Script], **options: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        heard(script, **options)
    assert "\n" not in caught.value.reason
    assert str(caught.value) == caught.value.reason
    return caught.value


def calls(parts: Sequence[Part]) -> list[tuple[str, Any]]:
    return [(part.tool, part.arguments) for part in parts if isinstance(part, CallPart)]


def notes(parts: Sequence[Part]) -> tuple[str, ...]:
    assert isinstance(parts[-1], Ended)
    return parts[-1].notes


# ------------------------------------------------------------------------------------------------ what is sent


def test_a_request_says_what_is_wanted():
    (parts,), server = heard([F], api_key=KEY, headers={"X-Team": "us"}, extra_body={"temperature": 0})
    assert calls(parts) == [("f", '{"x": 1}')]
    (asked,) = server.requests
    assert asked.body == {
        "model": "scripted",
        "messages": MESSAGES,
        "tools": TOOLS,
        "stream": True,
        "stream_options": {"include_usage": True},
        "parallel_tool_calls": True,
        "temperature": 0,
    }
    assert (asked.headers["authorization"], asked.headers["x-team"]) == (f"Bearer {KEY}", "us")


def test_without_tools_nothing_is_said_of_calls():
    with ChatServer([Say("hi")]) as server:
        asyncio.run(message(OpenAIChat("m", base_url=server.base_url), tools=[]))
    assert server.bodies[0].keys() == {"model", "messages", "stream", "stream_options"}


@pytest.mark.parametrize("strip", ["", "/v1", "http://"])
def test_a_base_url_is_what_people_write(strip: str):
    with ChatServer([Say("hi")]) as server:
        model = OpenAIChat(base_url=server.base_url.replace(strip, "") + "/")
        assert model.endpoint == server.base_url
        asyncio.run(message(model))
    assert server.requests[0].path == "/v1/chat/completions"
    assert server.requests[0].headers["authorization"] == "Bearer EMPTY"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://me:pass@host/v1?key=x", "https://host/v1"),
        ("https://host/api/openai/", "https://host/api/openai"),
        ("http://host:8000/v1/chat/completions", "http://host:8000/v1"),
        ("localhost:11434", "http://localhost:11434/v1"),
    ],
)
def test_an_endpoint_is_shown_without_secrets(given: str, shown: str):
    assert OpenAIChat(base_url=given).endpoint == shown


@pytest.mark.parametrize(
    "said",
    [
        "password hunter22@x is wrong",
        "hunter22%40x",
        "basic Ym9iOmh1bnRlcjIyQHg= is unknown",
        "no token tok-5678",
        "Bearer head-1234",
        "head-1234 has expired",
    ],
)
def test_secrets_of_an_address_and_of_headers_are_shown_in_no_form(said: str):
    headers = {"Authorization": "Bearer head-1234"}
    with ChatServer([error(400, said)]) as server:
        url = server.base_url.replace("://", "://bob:hunter22%40x@") + "?token=tok-5678"
        with pytest.raises(ModelError) as raised:
            asyncio.run(message(OpenAIChat("m", base_url=url, headers=headers)))
    assert "***" in raised.value.reason
    for secret in ("hunter22", "Ym9iOmh1bnRlcjIyQHg", "5678", "1234"):
        assert secret not in raised.value.reason


def test_a_proxy_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://me:secret99@127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with ChatServer([Say("hi")]) as server:
        with pytest.raises(ModelError, match="nothing listens there") as raised:
            asyncio.run(message(OpenAIChat("m", base_url=server.base_url)))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        asyncio.run(message(OpenAIChat("m", base_url=server.base_url)))
    assert "through the proxy http://127.0.0.1:9; NO_PROXY=127.0.0.1 would ask it directly" in raised.value.reason
    assert "secret99" not in raised.value.reason


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "://"])
def test_a_base_url_that_is_none(url: str):
    with pytest.raises(ValueError, match="expected one like http://localhost:8000/v1"):
        OpenAIChat(base_url=url)


def test_the_environment_says_where_and_with_which_key(monkeypatch: pytest.MonkeyPatch):
    with ChatServer([Say("hi")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        asyncio.run(message(OpenAIChat("m")))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_openai_wants_a_key():
    with pytest.raises(ValueError, match="no server and no API key"):
        OpenAIChat("gpt")
    OpenAIChat("gpt", api_key=KEY)
    OpenAIChat("gpt", headers={"Authorization": "Bearer other"})


def test_the_first_model_is_asked_for_if_none_is_named():
    async def ask(model: OpenAIChat) -> None:
        assert model.name == ""
        async with model:
            assert model.name == "one"
            await message(model)
            await message(model)

    with ChatServer([F, F], models=["one", "two"]) as server:
        asyncio.run(ask(OpenAIChat(base_url=server.base_url)))
    assert [body["model"] for body in server.bodies] == ["one", "one"]
    assert server.listings == 1


@pytest.mark.parametrize(("models", "reason"), [(None, "lists no models (404)"), ((), "lists no models; name")])
def test_a_server_that_lists_no_models(models: Any, reason: str):
    with ChatServer([F], models=models) as server:
        with pytest.raises(ModelError) as caught:
            asyncio.run(message(OpenAIChat(base_url=server.base_url)))
        assert reason in caught.value.reason
        assert caught.value.unreachable
        asyncio.run(message(OpenAIChat("named", base_url=server.base_url)))


def test_one_client_serves_several_event_loops():
    with ChatServer([Say("a"), Say("b")]) as server:
        model = OpenAIChat("m", base_url=server.base_url)

        async def ask() -> None:
            async with model:
                assert TextPart("a") in await message(model) or model is not None

        asyncio.run(ask())
        asyncio.run(ask())
    assert len(server.requests) == 2


# --------------------------------------------------------------------------------- what servers do not take


@pytest.mark.parametrize(
    ("field", "refusal"),
    [
        ("stream_options", error(400, "Unrecognized request argument supplied: stream_options")),
        ("parallel_tool_calls", error(400, "Unsupported parameter: 'parallel_tool_calls'")),
        (
            "stream_options",
            plain(json.dumps({"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs"}]}), 422),
        ),
        ("stream_options", plain('{"detail": "Unexpected fields in the request: {\'stream_options\'}"}', 422)),
    ],
)
def test_a_field_that_is_refused_is_left_out_from_then_on(field: str, refusal: Reply):
    (first, second), server = heard([refusal, F, F], times=2)
    assert calls(first) == calls(second) == [("f", '{"x": 1}')]
    assert [field in body for body in server.bodies] == [True, False, False]
    assert server.bodies[2].keys() >= {"stream_options", "parallel_tool_calls"} - {field}
    assert notes(first) == notes(second) == (f"the server does not take {field}: it is left out",)


def test_a_server_that_does_not_say_which_field_is_asked_without_both():
    (parts,), server = heard([error(422, "Unexpected field"), F])
    assert calls(parts) == [("f", '{"x": 1}')]
    assert server.bodies[1].keys().isdisjoint({"stream_options", "parallel_tool_calls"})


def test_a_refusal_for_other_reasons_is_told_as_it_came():
    fault = failure([error(400, "This model's maximum context length is 512"), error(400, "again")])
    assert fault.reason.endswith("answered with status 400: This model's maximum context length is 512")
    assert not fault.retryable
    assert not fault.unreachable


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "Automatic streaming tool choice is not supported"),
        error(500, "tools are not supported with stream=true"),
        error(501, "streaming is not implemented"),
    ],
)
def test_a_server_that_refuses_to_stream_calls_is_asked_for_whole_messages(refusal: Reply):
    (first, second), server = heard([refusal, F, F], times=2)
    assert first[:2] == [Began(), CallPart("call_1", "f", '{"x": 1}')]
    assert calls(second) == [("f", '{"x": 1}')]
    assert [body.get("stream", False) for body in server.bodies] == [True, False, False]
    assert ["whole messages" in note for note in notes(second)] == [True]
    assert isinstance(first[-1], Ended)
    assert first[-1].usage.prompt_tokens == 100


def broken_stream(*arguments: str) -> Reply:
    deltas = [call_delta(n, id=f"c{n}", name="f", arguments=text) for n, text in enumerate(arguments)]
    return events(*map(chunk, deltas), chunk({}, "tool_calls"))


@pytest.mark.parametrize(
    "stream",
    [
        broken_stream('{"x": 1}}'[1:] + "}", "{x: 1}"),
        broken_stream('{"x" 1}'),
        events(
            chunk(call_delta(0, id="a", name="f", arguments='{"x"')),
            chunk(call_delta(1, id="b", name="f", arguments="{")),
        ),
        events(sse({"error": {"message": "streaming of tool calls is not supported"}})),
    ],
    ids=["starts late", "no JSON", "mixed", "says so late"],
)
def test_a_server_that_streams_broken_calls_is_asked_for_whole_messages(stream: Reply):
    """Whoever asks tries again, at once: nothing was done because of the broken message."""

    async def ask() -> list[Part]:
        async with OpenAIChat("m", base_url=server.base_url) as model:
            with pytest.raises(ModelError) as caught:
                await message(model)
            assert caught.value.retryable
            assert caught.value.retry_after_s == 0.0
            return await message(model)

    with ChatServer([stream, F]) as server:
        parts = asyncio.run(ask())
    assert calls(parts) == [("f", '{"x": 1}')]
    assert "stream" not in server.bodies[1]


def test_a_model_that_writes_no_json_is_streamed_all_the_same():
    """Asked for whole, the call is no better: so it is not the streaming that broke it."""

    async def ask() -> list[list[Part]]:
        async with OpenAIChat("m", base_url=server.base_url) as model:
            with pytest.raises(ModelError):
                await message(model)
            return [await message(model) for _ in range(2)]

    with ChatServer([broken_stream("{x: 1}"), Say(calls=[("f", "{x: 1}")]), F]) as server:
        whole, streamed = asyncio.run(ask())
    assert calls(whole) == [("f", "{x: 1}")]
    assert calls(streamed) == [("f", '{"x": 1}')]
    assert [body.get("stream", False) for body in server.bodies] == [True, False, True]
    assert notes(streamed) == ()


def test_a_server_that_has_streamed_a_good_call_is_not_doubted_for_a_bad_one():
    (_, second, third), server = heard([F, broken_stream("{x: 1}"), F], times=3)
    assert calls(second) == [("f", "{x: 1}")]
    assert all(body["stream"] for body in server.bodies)
    assert notes(third) == ()


def test_calls_that_may_be_merged_are_asked_for_whole_next_time():
    (first, _), server = heard([broken_stream('{"x": 1}{"x": 2}'), F], times=2)
    assert calls(first) == [("f", '{"x": 1}')]
    assert "stream" not in server.bodies[1]


def test_a_server_may_answer_whole_though_it_was_to_stream():
    function = {"name": "f", "arguments": "{}"}
    whole = {"choices": [{"message": {"content": None, "tool_calls": [{"id": "a", "function": function}]}}]}
    (parts,), _ = heard([plain(json.dumps(whole), content_type="text/plain")])
    assert calls(parts) == [("f", "{}")]


def test_whole_messages_can_be_asked_for():
    (parts,), server = heard([Say("so", [("f", "{}")])], stream=False)
    assert parts[:3] == [Began(), TextPart("so"), CallPart("call_1", "f", "{}")]
    assert server.bodies[0].keys().isdisjoint({"stream", "stream_options"})


# ----------------------------------------------------------------------------------------- what goes wrong


def test_a_model_that_there_is_not():
    fault = failure([error(404, "The model `scripted` does not exist")] * 3)
    assert fault.unreachable  # listed, so the server's words are all there is
    with ChatServer([error(404, "no"), error(400, "pinned"), error(400, "pinned")], models=["a", "b"]) as server:
        for _ in range(2):
            with pytest.raises(ModelError) as caught:
                asyncio.run(message(OpenAIChat("x", base_url=server.base_url)))
            assert caught.value.reason.endswith("has no model 'x'; it has: a, b")
            assert caught.value.unreachable
    # What `transformers serve MODEL` lists is its cache, which may be empty.
    with ChatServer([error(400, "Server is pinned to '/m'; requested 'x'.")] * 2, models=()) as server:
        with pytest.raises(ModelError, match=r"has no model 'x': .* pinned to '/m'") as caught:
            asyncio.run(message(OpenAIChat("x", base_url=server.base_url)))
        assert caught.value.unreachable


@pytest.mark.parametrize(
    ("status", "retryable", "unreachable"),
    [
        (401, False, True),
        (403, False, True),
        (429, True, False),
        (500, True, False),
        (503, True, False),
        (413, False, False),
    ],
)
def test_each_status_has_a_meaning(status: int, retryable: bool, unreachable: bool):
    fault = failure([error(status, "because")])
    assert (fault.retryable, fault.unreachable) == (retryable, unreachable)
    assert str(status) in fault.reason
    assert fault.reason.endswith("because")
    assert "http://127.0.0.1:" in fault.reason


def test_no_money_is_not_too_many_requests():
    body = '{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    assert not failure([plain(body, 429)]).retryable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_how_long_the_server_asks_to_wait(headers: dict[str, str], seconds: float | None):
    assert failure([Reply((b"{}",), 429, headers, "application/json")]).retry_after_s == seconds


def test_until_when_the_server_asks_to_wait():
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    waits_s = failure([Reply((b"{}",), 503, {"retry-after": date}, "application/json")]).retry_after_s
    assert waits_s is not None
    assert 60 < waits_s <= 100


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("url", "why"),
    [("http://127.0.0.1:{port}", "nothing listens there"), ("http://no-such-host.invalid", "no host of that name")],
)
def test_nobody_is_there(url: str, why: str):
    with pytest.raises(ModelError) as caught:
        asyncio.run(message(OpenAIChat("m", base_url=url.format(port=free_port()))))
    assert why in caught.value.reason
    assert caught.value.unreachable
    assert not caught.value.retryable


async def ask_listener(serve: Any, scheme: str, **options: Any) -> None:
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, OpenAIChat("m", base_url=url, **options) as model:
        await message(model)


def test_https_where_there_is_none():
    async def plain_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    with pytest.raises(ModelError, match="is it http:// and not https"):
        asyncio.run(ask_listener(plain_http, "https"))


BEGUN = chunk({"content": "x"})


@pytest.mark.parametrize(
    ("reply", "why", "retryable"),
    [
        (events(BEGUN, TRUNCATE), "incomplete", True),
        (events(BEGUN, RESET), "connection was lost", True),
        (Reply((RESET,)), "", True),
        (events(BEGUN, done=False), "without a finish_reason", True),
        (Reply((BEGUN,), chunked=False), "without a finish_reason", True),
        (events(BEGUN, sse("{'a'")), "no JSON object: {'a'", True),
        (events(BEGUN, sse("[1]")), "no JSON object: [1]", True),
        (events(BEGUN, sse("[" * 100_000)), "no JSON object", True),
        (events(BEGUN, sse({"error": {"message": "out of memory", "code": 500}})), "out of memory", True),
        (events(BEGUN, sse({"error": {"message": "bad tool", "code": 400}})), "bad tool", False),
        (events(BEGUN, sse({"object": "error", "message": "worker died"})), "worker died", True),
        (plain(""), "it is empty", True),
        (plain("{"), "no JSON object", True),
        (plain('{"error": "no such thing"}'), "no such thing", True),
        (plain("<!doctype html><html><body>Welcome</body></html>", content_type="text/html"), "an HTML page", False),
        (plain("<html>busy</html>", 502, "text/html"), "502: an HTML page", True),
        (plain("Not here", content_type="text/plain"), "text/plain: Not here", False),
        (Reply((BEGUN,), headers={"content-encoding": "gzip"}), "broke off", True),
    ],
)  # fmt: skip
def test_an_answer_that_is_none(reply: Reply, why: str, retryable: bool):
    fault = failure([reply])
    assert why in fault.reason
    assert fault.retryable is retryable


def drip(seconds: float, piece: bytes) -> Reply:
    pieces: list[Piece] = [seconds, piece]
    return events(BEGUN, *pieces * 1000)


def endless(piece: bytes) -> Reply:
    """`#` in it is a number."""
    return Reply(piece.replace(b"#", b"%d" % number) for number in count())


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply((HANG,)), "nothing new came for 0.3 s"),
        (events(BEGUN, HANG), "nothing new came for 0.3 s"),
        (drip(0.05, b"d"), "nothing new came for 0.3 s"),
        (drip(0.05, b": still here\n\n"), "nothing new came for 0.3 s"),
        (drip(0.05, BEGUN), "in the time that a message may take"),
        (endless(BEGUN), "longer than 100000 bytes"),
        (endless(b"x" * 1000), "longer than 100000 bytes"),
        (endless(b"{" * 1000), "longer than 100000 bytes"),
        (endless(chunk(call_delta(0, id="id#", name="f", arguments="{}"))), "more than 5 calls"),
    ],
    ids=["hangs at once", "hangs", "drips bytes", "drips comments", "drips text", "text", "line", "object", "calls"],
)  # fmt: skip
def test_whatever_a_server_does_it_ends(reply: Reply, why: str):
    began_s = time.monotonic()
    fault = failure([reply], timeout_s=0.3, max_message_s=1.0, max_message_bytes=100_000, max_calls=5)
    assert why in fault.reason
    assert time.monotonic() - began_s < 5


def test_an_error_without_end_is_cut_short():
    page = endless(b"<html>" + b"x" * 100_000)
    fault = failure([Reply(page.pieces, 500, content_type="text/html")], timeout_s=30.0)
    assert fault.reason.endswith("answered with status 500: an HTML page")


def test_a_server_that_never_answers():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with pytest.raises(ModelError, match=r"sent no answer for 0\.3 s") as caught:
        asyncio.run(ask_listener(silent, "http", timeout_s=0.3))
    assert caught.value.retryable


@pytest.mark.parametrize("fault", [HANG, RESET, TRUNCATE])
def test_what_comes_after_the_message_is_not_waited_for(fault: str):
    began_s = time.monotonic()
    (parts,), _ = heard([events(BEGUN, chunk({}, "stop"), fault)], timeout_s=0.5)
    assert parts[-1] == Ended("stop")
    assert time.monotonic() - began_s < 4


# ----------------------------------------------------------------------------------------- giving up, and secrets


@pytest.mark.parametrize("reply", [Reply((HANG,)), events(BEGUN, HANG), Say("x" * 10_000, gap_s=0.01)])
def test_a_request_that_is_cancelled_is_closed_at_once(reply: Script):
    async def ask() -> float:
        async with OpenAIChat("m", base_url=server.base_url) as model:
            asking = asyncio.create_task(message(model))
            await until(lambda: bool(server.requests))
            await asyncio.sleep(0.1)
            asking.cancel()
            cancelled_s = time.monotonic()
            await asyncio.wait([asking])
            await until(lambda: server.requests[0].closed_s is not None)
            return cancelled_s

    with ChatServer([reply]) as server:
        assert closed_s(server.requests, asyncio.run(ask())) < 1.0


def test_a_message_that_is_not_read_to_its_end_is_closed_at_once():
    async def ask() -> float:
        async with OpenAIChat("m", base_url=server.base_url) as model:
            async with aclosing(model.stream(MESSAGES, TOOLS)) as parts:
                assert await anext(parts) == Began()
            left_s = time.monotonic()
            await until(lambda: server.requests[0].closed_s is not None)
            return left_s

    with ChatServer([events(BEGUN, HANG)]) as server:
        assert closed_s(server.requests, asyncio.run(ask())) < 1.0


async def until(done: Any, within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not done():
            await asyncio.sleep(0.01)


def closed_s(requests: Sequence[Asked], since_s: float) -> float:
    assert requests[0].closed_s is not None
    return requests[0].closed_s - since_s


def test_as_many_messages_at_once_as_are_wanted():
    """Each waits until all have been asked for: a pool of connections that is too small would never get there."""
    many = 150
    asked = []

    def reply(body: dict[str, Any]) -> Reply:
        asked.append(body)
        return Reply(pieces())

    def pieces() -> Any:
        while len(asked) < many:
            yield 0.02
        yield from (BEGUN, chunk({}, "stop"), DONE)

    async def ask() -> None:
        async with OpenAIChat("m", base_url=server.base_url, timeout_s=10.0) as model:
            await asyncio.gather(*(message(model) for _ in range(many)))

    with ChatServer([reply] * many) as server:
        asyncio.run(ask())


@pytest.mark.parametrize(
    "reply",
    [
        error(401, f"Incorrect API key provided: {KEY}"),
        error(400, f"you sent Authorization: Bearer {KEY} and X-Extra: Basic {OTHER}"),
        plain(f"<html>{KEY}</html>", 500, "text/html"),
        events(sse({"error": {"message": f"{KEY} {OTHER}"}})),
        events(BEGUN, sse(f"no JSON {KEY}")),
        plain(f"key {KEY}", content_type="text/plain"),
    ],
)
def test_keys_are_never_told(reply: Reply):
    with pytest.raises(ModelError) as caught:
        heard([reply] * 4, api_key=KEY, headers={"X-Extra": f"Basic {OTHER}"})
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
    assert KEY not in told
    assert OTHER not in told


def test_control_characters_of_a_server_are_not_passed_on():
    fault = failure([error(500, "\x1b[31mred\x07\nnext")])
    assert fault.reason.endswith("[31mred next")
    assert "\x1b" not in fault.reason


@pytest.mark.filterwarnings("error")
def test_nothing_is_left_open():
    heard([F, F], times=2)
    gc.collect()


async def told(parts: AsyncIterator[Part]) -> list[float]:
    """When each call was there."""
    return [time.monotonic() async for part in parts if isinstance(part, CallPart)]


def test_a_call_is_there_while_the_stream_goes_on():
    """The last call, too, and long before its message ends."""

    async def ask() -> tuple[list[float], float]:
        async with OpenAIChat("m", base_url=server.base_url) as model:
            return await told(model.stream(MESSAGES, TOOLS)), time.monotonic()

    one = chunk(call_delta(0, id="a", name="f", arguments="{}"))
    two = chunk(call_delta(1, id="b", name="f", arguments="{}"))
    with ChatServer([events(one, 0.3, two, 0.5, chunk({}, "tool_calls"))]) as server:
        (first_s, second_s), ended_s = asyncio.run(ask())
    assert second_s - first_s > 0.15
    assert ended_s - second_s > 0.3


def test_half_a_surrogate_pair_wherever_it_comes_from_does_not_keep_a_request_from_being_made():
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "it is \ud83d"},
        {"role": "user", "content": "\ud83d\ude00 \udcff", "\ud800": None},
    ]

    async def ask() -> list[Part]:
        async with OpenAIChat("scripted", base_url=server.base_url, timeout_s=5.0) as model:
            return [part async for part in model.stream(messages, TOOLS)]

    with ChatServer([Say("yes")]) as server:
        parts = asyncio.run(ask())
    assert TextPart("yes") in parts
    first, second = server.bodies[-1]["messages"]
    assert first["content"] == "it is \ufffd"
    assert second == {"role": "user", "content": "\U0001f600 \ufffd", "\ufffd": None}
