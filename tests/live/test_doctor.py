"""The doctor, at servers that are well and at servers that are not: each fault is seen, and said what it means."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from asyncfc_sim.live import doctor_wire
from asyncfc_sim.live.accumulator import Accumulator
from asyncfc_sim.live.doctor import PLAIN, TOOL, Doctor, Finding
from asyncfc_sim.live.doctor_prefix import PAIRS, Prefixes
from asyncfc_sim.live.doctor_wire import Heard, Wire
from asyncfc_sim.live.endpoint import Endpoint
from asyncfc_sim.live.http_server import serving
from asyncfc_sim.live.model import CallPart, Ended, ModelError, Part, TextPart
from asyncfc_sim.live.openai_chat import OpenAIChat
from asyncfc_sim.live.replay_reading import replays
from asyncfc_sim.live.replay_server import ReplayServer
from tests.chat_server import (
    RESET,
    USAGE,
    ChatServer,
    Piece,
    Reply,
    Say,
    call_delta,
    chunk,
    error,
    events,
    plain,
)
from tests.strategies import json_values
from tests.trace_examples import async_run

STREAMS = Path(__file__).parents[1] / "data" / "streams"
USER = {"role": "user", "content": "go"}

SUM = (TOOL, '{"a": 19, "b": 23}')
OTHER = (TOOL, '{"a": 44, "b": 55}')
REST = (TOOL, '{"a": "$f1", "b": 10}')
Answer = Callable[[dict[str, Any]], Reply | Say]


def calls_for(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a model that does as it is told calls."""
    if not body.get("tools"):
        return []
    if body["messages"][-1]["role"] == "tool":
        return [REST]
    return [SUM, OTHER] if "at once" in body["messages"][-1]["content"] else [SUM]


def looked_at(body: Mapping[str, Any]) -> bool:
    """Whether the doctor looks at when the parts of this message come."""
    content = body["messages"][-1]["content"]
    return "Count" in content or "at once" in content


def well(body: dict[str, Any], *, cached: Mapping[str, int] | None = None, delay_s: float = 0.0) -> Say:
    calls = calls_for(body)
    gap_s = 0.03 if looked_at(body) else 0.0
    usage = {**USAGE, **({"prompt_tokens_details": cached} if cached is not None else {})}
    return Say(None if calls else "one two three four five six", calls, delay_s, gap_s, usage=usage)


def examined(answer: Answer, model: str | None = None, **server: Any) -> dict[str, Finding]:
    with ChatServer(repeat(answer), **server) as at:
        return {finding.check: finding for finding in Doctor(Wire(at.base_url, timeout_s=5), model).examine()}


def verdicts(findings: Mapping[str, Finding]) -> dict[str, str]:
    return {check: finding.verdict for check, finding in findings.items()}


def remembering(cold_s: float, warm_s: float, cached: tuple[int, int] | None) -> Answer:
    """A server that answers a prompt which it has seen before differently."""
    seen: set[str] = set()

    def answer(body: dict[str, Any]) -> Say:
        prompt = json.dumps(body["messages"])
        again = prompt in seen
        seen.add(prompt)
        counted = None if cached is None else {"cached_tokens": cached[again]}
        return well(body, cached=counted, delay_s=(warm_s if again else cold_s) if len(prompt) > 5000 else 0.0)

    return answer


def test_a_server_that_is_well():
    findings = examined(remembering(0.0, 0.0, (0, 3000)))
    assert verdicts(findings) == dict.fromkeys(
        ("reachable", "stream", "calls", "forced calls", "parallel calls", "futures", "prefix cache", "oddities"), "ok"
    )
    assert findings["calls"].measured["fragments"] == 3
    assert findings["parallel calls"].measured["calls"] == 2
    assert "first token after" in findings["prefix cache"].came
    assert f"(n = {PAIRS}, " in findings["prefix cache"].came


def test_what_is_asked_is_what_a_run_asks():
    with ChatServer(repeat(well)) as server:
        list(Doctor(Wire(server.base_url)).examine())
    (asked,) = [body for body in server.bodies if body["messages"][-1]["role"] == "tool"]
    assert [tool["function"]["name"] for tool in asked["tools"]] == [TOOL, "await_future", "cancel_future"]
    assert "$ref" in json.dumps(asked["tools"][0])
    assert asked["messages"][-1]["content"] == '{"future": "$f1", "status": "pending"}'
    assert {body.get("tool_choice") for body in server.bodies if body.get("tools")} == {"auto", "required", None}


# ------------------------------------------------------------------------------------------- faults


def no_calls(body: dict[str, Any]) -> Say:
    return Say("I cannot use tools.", gap_s=0.004)


def unparsed(body: dict[str, Any]) -> Say:
    return Say(f'<tool_call>{{"name": "{TOOL}"}}</tool_call>' if body.get("tools") else "one two three", gap_s=0.004)


def whole(body: dict[str, Any]) -> Reply | Say:
    return well({**body, "stream": False}) if not body.get("tools") else _whole(calls_for(body))


def _whole(calls: list[tuple[str, str]]) -> Reply:
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"c{n}", "type": "function", "function": {"name": t, "arguments": a}}
                       for n, (t, a) in enumerate(calls)],
    }  # fmt: skip
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return plain(json.dumps({"choices": [choice], "usage": USAGE}))


def only_whole_calls(body: dict[str, Any]) -> Reply | Say:
    if body.get("tools") and body.get("stream"):
        return error(400, "streaming is not supported with tools")
    return _whole(calls_for(body)) if body.get("tools") else well(body)


def held_back(body: dict[str, Any]) -> Reply:
    """Nothing for a while, and then everything."""
    deltas = [chunk({"content": word}) for word in ("one ", "two ", "three")]
    if calls := calls_for(body):
        deltas = [chunk(call_delta(n, id=f"c{n}", name=t, arguments=a)) for n, (t, a) in enumerate(calls)]
    return events(0.2 if looked_at(body) else 0.0, b"".join([*deltas, chunk({}, "stop"), chunk(usage=USAGE)]))


def no_usage(body: dict[str, Any]) -> Reply | Say:
    deltas: list[Piece] = []
    for word in ("one ", "two ", "three"):
        deltas += [chunk({"content": word}), 0.01]
    return well(body) if body.get("tools") else events(*deltas, chunk({}, "stop"))


def takes_no_stream_options(body: dict[str, Any]) -> Reply | Say:
    return error(400, "unknown field stream_options") if "stream_options" in body else well(body)


def takes_no_widened_schemas(body: dict[str, Any]) -> Reply | Say:
    return error(400, "$ref is not supported") if "$ref" in json.dumps(body) else well(body)


def never_forced(body: dict[str, Any]) -> Reply | Say:
    return error(400, "tool_choice must be auto") if body.get("tool_choice") == "required" else well(body)


def breaks(body: dict[str, Any]) -> Reply | Say:
    return events(chunk({"content": "one"}), RESET) if body.get("tools") else well(body)


def garbage(body: dict[str, Any]) -> Reply | Say:
    return events(b"data: {broken\n\n") if body.get("tools") else well(body)


def no_object(body: dict[str, Any]) -> Reply | Say:
    """As vLLM does without `strict`."""
    return Say(calls=[(TOOL, '"twenty-three"')]) if body.get("tools") else well(body)


def as_long_as_asked(body: dict[str, Any]) -> Reply | Say:
    """Random weights never come to an end of their own."""
    return (
        events(chunk({"content": "one "}), 0.01, chunk({"content": "two"}, "length"), chunk(usage=USAGE))
        if "max_tokens" in body
        else well(body)
    )


def cut_off(body: dict[str, Any]) -> Reply | Say:
    return events(chunk({"content": "one"}, "length"), chunk(usage=USAGE)) if body.get("tools") else well(body)


def reads_little(body: dict[str, Any]) -> Reply | Say:
    long = len(body["messages"][-1]["content"].split()) > 1200
    return error(400, "This model's maximum context length is 2048 tokens.") if long else well(body)


def reads_nothing(body: dict[str, Any]) -> Reply | Say:
    long = len(body["messages"][-1]["content"].split()) > 300
    return error(400, "This model's maximum context length is 256 tokens.") if long else well(body)


def wrong_tool(body: dict[str, Any]) -> Say:
    return Say(calls=[("rm", "{}")], gap_s=0.004) if body.get("tools") else well(body)


@pytest.mark.parametrize(
    ("answer", "check", "verdict", "came", "means"),
    [
        (no_calls, "calls", "fails", "no call, finish_reason stop, text I cannot use tools.", "no run can use tools"),
        (unparsed, "calls", "fails", "no call", "no run can use tools"),
        (unparsed, "oddities", "costs", "calls came as plain text: the server needs a tool-call parser", "may lose"),
        (whole, "stream", "ok", "chunks", "as they are written"),
        (whole, "calls", "costs", "not streamed", "only when their message has ended"),
        (only_whole_calls, "calls", "costs", "not streamed", "only when their message has ended"),
        (only_whole_calls, "oddities", "ok", "streaming is not supported with tools", "puts this right"),
        (held_back, "stream", "costs", "all of them at its end", "something holds the stream back"),
        (held_back, "parallel calls", "costs", "2 calls", "only when their message has ended"),
        (no_usage, "stream", "costs", "no usage", "does not know its tokens"),
        (takes_no_stream_options, "oddities", "ok", "stream_options is refused", "puts this right"),
        (takes_no_widened_schemas, "futures", "fails", "$ref is not supported", "only --policy sync"),
        (never_forced, "forced calls", "unknown", "tool_choice must be auto", "never forces a call"),
        (breaks, "calls", "fails", "broke off", "no run can use tools"),
        (garbage, "calls", "fails", "a chunk is not JSON", "no run can use tools"),
        (no_object, "calls", "fails", "its arguments are no JSON object", "no run can use tools"),
        (no_object, "forced calls", "unknown", "its arguments are no JSON object", "never forces a call"),
        (as_long_as_asked, "oddities", "ok", "none", "nothing has to be put right"),
        (cut_off, "oddities", "costs", "cut off by the server", "may lose calls or text"),
        (reads_little, "prefix cache", "unknown", "first token after", "not clear from this"),
        (reads_nothing, "prefix cache", "fails", "maximum context length", "long conversations may fail"),
        (wrong_tool, "calls", "fails", "rm({}), whole: not the tool that was offered", "no run can use tools"),
    ],
)  # fmt: skip
def test_each_fault_is_seen_and_said_what_it_means(answer, check, verdict, came, means):
    finding = examined(answer)[check]
    assert finding.verdict == verdict
    assert came in finding.came
    assert means in finding.means


ODD = {
    "no ids": [call_delta(0, name=TOOL, arguments=SUM[1])],
    "same index": [
        call_delta(0, id="a", name=TOOL, arguments=SUM[1]),
        call_delta(0, id="b", name=TOOL, arguments=OTHER[1]),
    ],
    "objects": [call_delta(0, id="a", name=TOOL, arguments={"a": 19, "b": 23})],
    "no arguments": [call_delta(0, id="a", name=TOOL)],
    "a string": [call_delta(0, id="a", name=TOOL, arguments=json.dumps(SUM[1]))],
}


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        ("no ids", "calls have no ids"),
        ("same index", "several calls the same index"),
        ("objects", "arguments came as objects"),
        ("no arguments", "taken as {}"),
        ("a string", "a string that holds an object"),
    ],
)
def test_what_is_put_right_is_named_and_costs_nothing(odd, note):
    def answer(body: dict[str, Any]) -> Reply | Say:
        deltas = map(chunk, ODD[odd])
        return events(*deltas, chunk({}, "tool_calls"), chunk(usage=USAGE)) if body.get("tools") else well(body)

    findings = examined(answer)
    assert note in findings["oddities"].came
    assert findings["oddities"].verdict == findings["calls"].verdict == "ok"


def test_a_stream_that_ends_without_done_is_named():
    def answer(body: dict[str, Any]) -> Reply:
        said = well(body)
        words: list[Piece] = [chunk({"content": said.text or "x"}), 0.05, chunk({}, "stop"), chunk(usage=USAGE)]
        return events(*words, done=False)

    assert "without [DONE]" in examined(answer)["oddities"].came


# ------------------------------------------------------------------------------------------- the prefix cache


@pytest.mark.parametrize(
    ("cold_s", "warm_s", "cached", "kept"),
    [
        ([0.30, 0.31, 0.40], [0.05, 0.06, 0.05], [None] * 3, True),  # by time alone
        ([0.30, 0.31, 0.40], [0.05, 0.32, 0.05], [None] * 3, None),  # one was as slow as those that were new
        ([0.006, 0.007, 0.008], [0.001, 0.002, 0.001], [None] * 3, None),  # so little may be anything
        ([0.30, 0.31, 0.40], [0.25, 0.26, 0.27], [None] * 3, None),  # sooner, but hardly
        ([0.30, 0.30, 0.30], [0.30, 0.30, 0.30], [3000, 3000, 3000], True),  # by the server's count
        ([0.30, 0.30, 0.30], [0.30, 0.30, 0.30], [0, 0, 0], False),
        ([0.30, 0.31, 0.40], [0.05, 0.06, 0.05], [0, 0, 0], None),  # the clock and the count contradict each other
        ([0.30, 0.30, 0.30], [0.30, 0.30, 0.30], [3000, 0, 3000], None),
    ],
)
def test_a_prefix_cache_is_claimed_only_if_it_is_clear(cold_s, warm_s, cached, kept):
    assert Prefixes(cold_s, warm_s, cached).kept is kept


@pytest.mark.parametrize(("cached", "verdict"), [((0, 3000), "ok"), ((0, 0), "costs")])
def test_a_prefix_cache_is_measured(cached, verdict):
    finding = examined(remembering(0.0, 0.02, cached))["prefix cache"]
    assert finding.verdict == verdict
    for name, counts in (("cold_s", None), ("warm_s", None), ("cached_tokens", [cached[1]] * PAIRS)):
        assert len(finding.measured[name]) == PAIRS
        assert counts is None or finding.measured[name] == counts


def test_no_two_prompts_begin_alike():
    with ChatServer(repeat(well)) as server:
        list(Doctor(Wire(server.base_url)).examine())
    long = [body["messages"][-1]["content"] for body in server.bodies if len(json.dumps(body)) > 5000]
    assert len(long) == 2 * PAIRS
    assert len({prompt[:8] for prompt in long}) == PAIRS


# ------------------------------------------------------------------------------------------- not to be had


def test_where_nothing_listens_there_is_one_finding():
    with ChatServer([]) as server:
        gone = server.base_url
    (finding,) = Doctor(Wire(gone)).examine()
    assert finding.verdict == "unreachable"
    assert "nothing listens there" in finding.came


def test_a_server_that_lists_no_models_can_be_examined_by_name():
    assert verdicts(examined(well, "qwen", models=None))["calls"] == "ok"
    (finding,) = examined(well, models=None).values()
    assert finding.verdict == "unreachable"


def test_a_key_that_is_refused_is_not_shown():
    def answer(body: dict[str, Any]) -> Reply:
        return error(401, "the key sk-secret is wrong")

    with ChatServer(repeat(answer)) as server:
        findings = list(Doctor(Wire(server.base_url, "sk-secret")).examine())
        assert server.requests[0].headers["authorization"] == "Bearer sk-secret"
    assert findings[-1].verdict == "unreachable"
    assert "sk-secret" not in repr(findings)


def test_a_replay_is_called_a_replay():
    with serving(ReplayServer(replays([async_run()]), speed=10)) as base_url:
        findings = {finding.check: finding for finding in Doctor(Wire(base_url)).examine()}
    assert "a replay, no model" in findings["reachable"].came
    assert verdicts(findings) == {"reachable": "ok", "stream": "ok", "the rest": "unknown", "oddities": "ok"}


# ------------------------------------------------------------------------------------------- on the wire


@pytest.mark.parametrize("stream", sorted(STREAMS.glob("*.sse")), ids=lambda path: path.stem)
def test_it_hears_what_a_run_hears(stream: Path):
    """The doctor looks at the wire itself; what it makes of a stream is what the client of a run makes of it."""
    data = stream.read_bytes()
    reply = Reply([data[at : at + 50] for at in range(0, len(data), 50)])

    async def parts(base_url: str) -> list[Part]:
        async with OpenAIChat("scripted", base_url=base_url) as model:
            return [part async for part in model.stream([USER], PLAIN)]

    with ChatServer(repeat(reply)) as server:
        heard = Wire(server.base_url).chat([USER], model="scripted", tools=PLAIN)
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
