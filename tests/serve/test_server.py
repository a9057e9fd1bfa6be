"""The endpoint over the wire: what it streams, what it refuses, and clients that behave badly."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from asyncfc_sim.live.accumulator import Accumulator
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.doctor import Doctor
from asyncfc_sim.live.doctor_wire import Wire
from asyncfc_sim.live.http_server import serving
from asyncfc_sim.live.model import CallPart, Ended, Part, TextPart
from asyncfc_sim.live.sse import Events
from asyncfc_sim.serve.answer import DEFAULT_LIMIT
from asyncfc_sim.serve.served_model import ServedModel
from asyncfc_sim.serve.server import ModelServer
from tests.model_folders import random_model, reciting_model
from tests.patience import within

USER = {"role": "user", "content": "go"}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
    },
}
TWO_CALLS = (
    "I add",
    ".\n<tool_",
    'call>\n{"name": "ad',
    'd", "arguments": {"a"',
    ": 19, ",
    '"b": 23}',
    "}\n</tool_call>\n",
    '<tool_call>\n{"name": "add", "arguments": {}}',
    "\n</tool_call>",
)


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[str]:
    with serving(ModelServer(ServedModel(folder), **options)) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model that says something and then calls `add` twice, in one message."""
    with served(reciting_model(tmp_path_factory.mktemp("caller") / "caller", *TWO_CALLS)) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def rambler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model with random weights, which goes on for long."""
    with served(random_model(tmp_path_factory.mktemp("rambler") / "rambler")) as base_url:
        yield base_url


def ask(base_url: str, **body: Any) -> Any:
    """The whole answer, or the error that came in its place with its status."""
    data = json.dumps({"messages": [USER], **body}).encode()
    try:
        with urlopen(Request(f"{base_url}/chat/completions", data), timeout=120) as response:
            return json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)["error"]


def streamed(base_url: str, **body: Any) -> list[dict[str, Any]]:
    """The chunks of a stream, which must end with [DONE]."""
    data = json.dumps({"messages": [USER], "stream": True, **body}).encode()
    with urlopen(Request(f"{base_url}/chat/completions", data), timeout=120) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        *chunks, done = Events().feed(response.read())
    assert done == "[DONE]"
    return [json.loads(chunk) for chunk in chunks]


def parts(chunks: list[dict[str, Any]]) -> list[Part]:
    """As our own client reads them."""
    accumulator = Accumulator()
    return [part for chunk in chunks for part in accumulator.feed(chunk)] + accumulator.end()


# ------------------------------------------------------------------------------------------- what comes


def test_the_model_is_listed_and_well(caller: str):
    with urlopen(f"{caller}/models") as response:
        (model,) = json.load(response)["data"]
    assert (model["id"], model["max_model_len"]) == ("caller", 1024)
    with urlopen(f"{caller.removesuffix('/v1')}/health") as response:
        assert json.load(response) == {"status": "ok", "model": "caller"}


def test_text_and_calls_are_streamed_in_the_order_in_which_they_are_written(caller: str):
    chunks = streamed(caller, tools=[ADD])
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[:2] == [{"role": "assistant", "content": ""}, {"content": "I add"}]
    first = [call for delta in deltas for call in delta.get("tool_calls", []) if call["index"] == 0]
    assert [call["function"] for call in first] == [
        {"name": "add", "arguments": ""},
        {"arguments": '{"a"'},
        {"arguments": ": 19, "},
        {"arguments": '"b": 23}'},
    ]
    assert [set(call) for call in first[:2]] == [{"index", "id", "type", "function"}, {"index", "function"}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["tool_calls"]
    assert len({chunk["id"] for chunk in chunks}) == 1
    *_, ended = found = parts(chunks)
    assert "".join(part.text for part in found if isinstance(part, TextPart)) == "I add."
    one, other = (part for part in found if isinstance(part, CallPart))
    assert (one.tool, one.arguments, other.arguments) == ("add", '{"a": 19, "b": 23}', "{}")
    assert len({one.tool_call_id, other.tool_call_id}) == 2
    assert isinstance(ended, Ended)
    assert ended.notes == ()


def test_a_whole_message_is_the_same(caller: str):
    whole = ask(caller, tools=[ADD])
    choice = whole["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "I add."
    calls = [each["function"] for each in choice["message"]["tool_calls"]]
    assert calls == [{"name": "add", "arguments": '{"a": 19, "b": 23}'}, {"name": "add", "arguments": "{}"}]
    assert whole["usage"]["completion_tokens"] == len(TWO_CALLS) + 1


def test_without_tools_everything_is_text(caller: str):
    for more in ({}, {"tools": [ADD], "tool_choice": "none"}):
        choice = ask(caller, **more)["choices"][0]
        assert choice["message"] == {"role": "assistant", "content": "".join(TWO_CALLS)}
        assert choice["finish_reason"] == "stop"
        assert "".join(part.text for part in parts(streamed(caller, **more)) if isinstance(part, TextPart)) == "".join(
            TWO_CALLS
        )


def test_tokens_are_counted_if_that_is_asked_for(caller: str):
    content = "a question that nobody asked before"
    body = {"messages": [{"role": "user", "content": content}], "stream_options": {"include_usage": True}}
    first, second = (streamed(caller, **body)[-1] for _ in range(2))
    assert first["choices"] == []
    prompt = first["usage"]["prompt_tokens"]
    assert first["usage"]["total_tokens"] == prompt + len(TWO_CALLS) + 1
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] < prompt // 2
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] == prompt - 1
    assert all("usage" not in chunk for chunk in streamed(caller))


def test_a_limit_and_a_stop_end_a_message_early(caller: str):
    for name in ("max_tokens", "max_completion_tokens"):
        choice = ask(caller, **{name: 1})["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("I add", "length")
    stopped = ask(caller, stop=["<tool", "nothing"])
    assert stopped["choices"][0]["message"]["content"] == "I add.\n"
    assert stopped["choices"][0]["finish_reason"] == "stop"
    assert stopped["usage"]["completion_tokens"] == 2
    cut = parts(streamed(caller, tools=[ADD], max_tokens=5))
    assert isinstance(cut[-1], Ended)
    assert cut[-1].finish_reason == "length"
    assert any("not complete" in note for note in cut[-1].notes)


def test_a_model_that_finds_no_end_is_cut_off_without_a_limit_too(tmp_path: Path):
    endless = random_model(tmp_path / "endless", num_hidden_layers=1, max_position_embeddings=DEFAULT_LIMIT + 200)
    with served(endless) as base_url:
        answer = ask(base_url)
        asked_for = ask(base_url, max_tokens=DEFAULT_LIMIT + 1)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == DEFAULT_LIMIT
    assert asked_for["usage"]["completion_tokens"] == DEFAULT_LIMIT + 1


def test_one_call_is_enough_if_that_is_asked_for(caller: str):
    choice = ask(caller, tools=[ADD], parallel_tool_calls=False)["choices"][0]
    assert len(choice["message"]["tool_calls"]) == 1
    assert choice["finish_reason"] == "tool_calls"


def test_a_call_can_be_forced(rambler: str):
    choice = {"type": "function", "function": {"name": "add"}}
    (begun, *_), *_ = [
        chunk["choices"][0]["delta"]["tool_calls"]
        for chunk in streamed(rambler, tools=[ADD], tool_choice=choice, max_tokens=400, temperature=1.5, seed=3)
        if "tool_calls" in chunk["choices"][0]["delta"]
    ] or [[None]]
    said = ask(rambler, tools=[ADD], tool_choice=choice, max_tokens=60)["choices"][0]["message"]
    # Its weights are random: what comes after the beginning that was given is no arguments, or no end of them.
    assert begun is None or begun["function"]["name"] == "add"
    assert "tool_calls" in said or said["content"].startswith('<tool_call>\n{"name": "add", "arguments":')


def test_the_same_seed_draws_the_same(rambler: str):
    body = {"temperature": 1.0, "max_tokens": 20}
    first, second, again = (ask(rambler, seed=seed, **body)["choices"][0]["message"]["content"] for seed in (1, 2, 1))
    assert first == again != second


def test_decoding_can_be_slowed_down_to_a_speed(tmp_path: Path):
    with served(reciting_model(tmp_path, *TWO_CALLS), tokens_per_second=100) as base_url:
        began = time.monotonic()
        assert ask(base_url)["usage"]["completion_tokens"] == len(TWO_CALLS) + 1
        assert time.monotonic() - began >= len(TWO_CALLS) / 100


def test_an_agent_runs_on_it(tmp_path: Path):
    """The model says the same whatever it is shown, so it is stopped after its first calls have returned."""
    called: list[tuple[int, int]] = []

    def add(a: int = 1, b: int = 2) -> int:
        """Add two numbers."""
        called.append((a, b))
        return a + b

    with served(reciting_model(tmp_path / "caller", *TWO_CALLS)) as base_url:
        agent = Agent("caller", [add], base_url=base_url, policy="sync", max_requests=1)
        with pytest.raises(Exception, match="1 request"):
            agent.run_sync("go")
    assert sorted(called) == [(1, 2), (19, 23)]


def test_the_doctor_finds_it_well(tmp_path: Path):
    """But for what the model itself does: it calls another tool than the one that it is offered."""
    with served(reciting_model(tmp_path, *TWO_CALLS, max_position_embeddings=4096)) as base_url:
        findings = {finding.check: finding for finding in Doctor(Wire(base_url, timeout_s=300)).examine()}
    assert "not a tool that was offered" in findings["calls"].came
    well = ("reachable", "prefix cache", "model name", "unknown fields")
    assert [findings[check].verdict for check in well] == ["ok"] * len(well)


# ------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"model": "gpt-5"}, 404, "model_not_found", "no model 'gpt-5' here; there is 'caller'"),
        ({"messages": []}, 400, "invalid_request", "`messages`"),
        ({"n": 3}, 400, "invalid_request", "`n` is not supported"),
        ({"messages": [{"role": "user", "content": "word " * 2000}]}, 400, "context_length_exceeded", "reads 1024"),
        (
            {"messages": [USER, {"role": "system", "content": "x"}]},
            400,
            "invalid_request",
            "a system message comes first",
        ),
    ],
)
def test_errors_are_in_the_form_of_openai(caller: str, body: dict[str, Any], status: int, code: str, words: str):
    for stream in (False, True):
        found, error = ask(caller, stream=stream, **body)
        assert (found, error["code"], error["type"]) == (status, code, "invalid_request_error")
        assert words in error["message"]


def raw(base_url: str, data: bytes) -> bytes:
    """Send bytes, and read until the server has nothing more to say."""
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def posted(body: bytes, path: str = "/v1/chat/completions") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (posted(b"{"), 400),
        (posted(b"\xff\xfe"), 400),
        (posted(b"[" * 100_000), 400),
        (posted(b"[1]"), 400),
        (posted(b'{"messages": %b1%b}' % (b'{"a":' * 900, b"}" * 900)), 400),
        (posted(b"{}", "/v1/embeddings"), 404),
        (b"POST /v1/chat/completions HTTP/1.1\r\n\r\n", 411),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
        (b"GET /v1/nothing HTTP/1.1\r\n\r\n", 404),
        (b"PUT /v1/models HTTP/1.1\r\n\r\n", 501),
    ],
)
def test_a_request_that_is_broken_is_answered_with_an_error(
    caller: str, capsys: pytest.CaptureFixture[str], data: bytes, status: int
):
    assert raw(caller, data).split()[1] == str(status).encode()
    assert ask(caller)["choices"]
    assert capsys.readouterr().err == ""


def test_messages_nested_deeply_are_refused(caller: str):
    deep: Any = 1
    for _ in range(400):
        deep = {"a": [deep]}
    answer = ask(caller, messages=[{"role": "user", "content": "x", "extra": deep}])
    assert isinstance(answer, dict) or answer[0] == 400


# ------------------------------------------------------------------------------------------- many, and gone


def test_several_answers_are_decoded_side_by_side_and_are_those_of_one_alone(rambler: str):
    prompts = [[{"role": "user", "content": f"question {number}"}] for number in range(6)]
    alone = [ask(rambler, messages=prompt, max_tokens=80)["choices"] for prompt in prompts]
    together: dict[int, Any] = {}

    def one(number: int) -> None:
        together[number] = ask(rambler, messages=prompts[number], max_tokens=80)["choices"]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [together[number] for number in range(len(prompts))] == alone


def test_a_short_answer_need_not_wait_for_the_end_of_a_long_one(tmp_path: Path):
    with served(random_model(tmp_path, scale=0.02, max_position_embeddings=4096)) as base_url:
        ended: list[tuple[str, Any]] = []
        long = threading.Thread(target=lambda: ended.append(("long", ask(base_url, max_tokens=2000))))
        long.start()
        time.sleep(0.05)
        ended.append(("short", ask(base_url, max_tokens=2)))
        long.join(120)
    assert [name for name, _ in ended] == ["short", "long"]


@pytest.mark.parametrize("stream", [True, False])
def test_when_a_client_goes_its_answer_is_not_decoded_any_further(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stream: bool
):
    model = ServedModel(random_model(tmp_path))
    with serving(ModelServer(model, tokens_per_second=50)) as base_url:
        address = urlsplit(base_url)
        client = socket.create_connection((address.hostname, address.port))
        client.sendall(posted(json.dumps({"messages": [USER], "stream": stream}).encode()))
        time.sleep(0.2)
        assert model.prefixes.tokens == 0
        client.close()
        assert within(60, lambda: model.prefixes.tokens > 0)
        read = model.prefixes.tokens
        assert read < 500  # of the thousand that there is room for
    assert capsys.readouterr().err == ""


def test_a_server_that_is_stopped_ends_what_it_is_decoding(tmp_path: Path):
    model = ServedModel(random_model(tmp_path))
    got: list[bytes] = []
    with serving(ModelServer(model, tokens_per_second=5)) as base_url:
        asked = posted(json.dumps({"messages": [USER], "stream": True}).encode())
        address = urlsplit(base_url)
        client = socket.create_connection((address.hostname, address.port), timeout=60)
        client.sendall(asked)
        got.append(client.recv(10))
    assert got == [b"HTTP/1.1 2"]
    assert within(60, lambda: model.prefixes.tokens > 0)
    client.close()
