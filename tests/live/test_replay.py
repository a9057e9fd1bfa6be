"""Replays: what a model wrote is found again in a trace, served in pieces when it is due, and called a replay."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from http.client import HTTPConnection
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.messages import AWAIT
from asyncfc_sim.core.policy import ASYNCFC, EARLY_START, SYNC, SYNC_PARALLEL, Delivery, Policy
from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.live.accumulator import Accumulator
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.http_server import serving
from asyncfc_sim.live.journal import open_journal
from asyncfc_sim.live.model import CallPart, Ended, Part, TextPart, Usage
from asyncfc_sim.live.openai_chat import OpenAIChat
from asyncfc_sim.live.replay import NOT_RECORDED, REPLAY_HEADER, Replay, ReplayCall, ReplayMessage, ReplayOver
from asyncfc_sim.live.replay_file import serve_replay
from asyncfc_sim.live.replay_reading import ReplayError, replays
from asyncfc_sim.live.replay_server import ReplayServer
from asyncfc_sim.live.replay_stream import FINGERPRINT, pieces
from asyncfc_sim.live.run import RunFailed
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.trace import Header, Recorder, read_trace
from asyncfc_sim.workloads.workload import Task
from tests.session_examples import two_lookups
from tests.toy_programs import toy_programs
from tests.toy_tasks import header, later, models, task
from tests.toys import TOOLS
from tests.trace_examples import async_run, issue, message, recorder, sync_run

REVERSIBLE = {**TOOLS, "send": replace(TOOLS["send"], irreversible=False)}
USER = {"role": "user", "content": "go"}


def said(text: str = "", *ids: str) -> dict[str, Any]:
    calls = [{"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in ids]
    return {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}


# ------------------------------------------------------------------------------------------- what the model wrote


def written(messages: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """The calls of each message of the model in a transcript; an answer has none."""
    found = []
    for each in messages:
        if each["role"] == "assistant":
            calls = [call for call in each.get("tool_calls", ()) if not call["id"].startswith("drain_")]
            found.append([_call(call["function"]["name"], call["function"]["arguments"]) for call in calls])
    return found


def _call(tool: str, arguments: str) -> tuple[str, Any]:
    args = json.loads(arguments)
    return (tool, sorted(args["ids"])) if tool == AWAIT else (tool, args)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    first = draw(toy_programs())
    return task(first, *([later(draw(toy_programs()), 40)] if draw(st.booleans()) else []), tools=REVERSIBLE)


def policies() -> st.SearchStrategy[Policy]:
    futures = st.builds(
        lambda grace, delivery: replace(ASYNCFC, grace_s=grace, delivery=delivery),
        st.sampled_from([0.0, 0.3, "auto"]),
        st.sampled_from(get_args(Delivery)),
    )
    return st.sampled_from([SYNC, SYNC_PARALLEL, EARLY_START]) | futures


@settings(max_examples=100)
@given(
    toy=tasks(),
    policy=policies(),
    messages=st.sampled_from(["call", "turn"]),
    dependence=st.sampled_from(["values", "all"]),
    failure=st.sampled_from(["poison", "poison", "strict"]),
)
def test_a_trace_gives_back_what_the_model_wrote(toy, policy, messages, dependence, failure):
    """The transcript of the same run knows it, await_future and all; so it is the judge."""
    policy = replace(policy, duplicates="run", failure=failure)
    run = Simulation(toy, policy, models(), header(), messages=messages, dependence=dependence).run()
    (replay,) = replays([run.recorder.run()])
    again = [[_call(call.tool, call.arguments) for call in m.calls] for turn in replay.turns for m in turn]
    judge = written(run.session.transcript.messages)
    if failure == "strict":  # calls are numbered on after a cut, and anew in the replay
        assert [[tool for tool, _ in calls] for calls in again] == [[tool for tool, _ in calls] for calls in judge]
    else:
        assert again == judge
    assert [len(turn) > 0 for turn in replay.turns] == [True] * len(toy.turns)


def test_calls_that_were_not_recorded_leave_no_gap():
    run = recorder("asyncfc", "gap")
    run.record((0.0, "user", {"turn": 1}))
    message(run, 1, 0.0, 0.2, 1.0)
    issue(run, 1.0, 2, "search", {"query": "x"}, 1)  # f1 was refused at once
    issue(run, 1.0, 5, "add", {"a": Ref(2, ("n",)), "b": Text(("about ", Ref(2)))}, 1)
    run.record((1.1, "placeholder", {"future": 2}))
    message(run, 2, 1.2, 1.3, 1.5)
    run.record((2.0, "touch", {"futures": (5,)}))
    message(run, 3, 2.0, 2.3, 3.0)
    run.record((3.0, "answer", {"text": "it is ${f5}"}))
    (replay,) = replays([run.run()])
    first, second, third = replay.turns[0]
    assert json.loads(first.calls[1].arguments) == {"a": "$f1.n", "b": "about ${f1}"}
    assert second.calls == (ReplayCall(AWAIT, '{"ids": ["$f2"]}', second.end_s),)
    assert third.text == "it is ${f2}"


def test_times_are_those_of_the_trace():
    (replay,) = replays([async_run()])
    first = replay.turns[0][0]
    events = {(e.rule, e.fields.get("turn") or e.fields.get("message")): e.t for e in async_run().events}
    asked = events["request", 1]
    assert first.ttft_s == pytest.approx(events["first_token", 1] - asked)
    assert first.end_s == pytest.approx(events["message", 1] - asked)
    assert first.usage.prompt_tokens == 440
    assert replay.source == "simulated, policy asyncfc, model gpt-4o"


def test_of_calls_issued_after_their_message_only_the_last_has_a_known_time():
    run = recorder("sync", "two")
    run.record((0.0, "user", {"turn": 1}))
    message(run, 1, 0.0, 0.2, 1.0)
    issue(run, 1.0, 1, "a", {}, 1)
    issue(run, 1.0, 2, "b", {}, 1)
    (replay,) = replays([run.run()])
    assert [call.at_s for call in replay.turns[0][0].calls] == [None, 1.0]


def test_a_text_that_was_not_recorded_is_not_made_up():
    run = recorder("sync", "silent")
    run.record((0.0, "user", {"turn": 1}))
    message(run, 1, 0.0, 0.2, 1.0)
    run.record((1.0, "answer", {}))
    (replay,) = replays([run.run()])
    assert replay.turns[0][0].text == NOT_RECORDED


def test_a_message_that_never_ended_is_left_out_and_said():
    run = recorder("sync", "broken")
    run.record((0.0, "user", {"turn": 1}))
    message(run, 1, 0.0, 0.2, 1.0)
    issue(run, 1.0, 1, "a", {}, 1)
    run.record((2.0, "request", {"turn": 2}))
    (replay,) = replays([run.run()])
    assert (replay.messages, replay.notes) == (1, ("1 message is left out: not complete",))


def test_a_run_without_a_model_has_nothing_to_replay():
    with pytest.raises(ReplayError, match="'walk': no complete message"):
        replays([Recorder(Header(run="walk", source="walk")).run()])


def test_runs_of_one_name_are_told_apart():
    assert [each.name for each in replays([sync_run(), sync_run()])] == ["two_lookups/sync", "two_lookups/sync (2)"]


def test_sessions_of_other_formats_are_replayed_too():
    session = two_lookups()
    (replay,) = replays([session])
    assert replay.name == session.session
    assert [[call.tool for call in m.calls] for turn in replay.turns for m in turn] == [
        [call.tool for call in step.calls] for step in session.steps()
    ]
    assert session.source in replay.source


# ------------------------------------------------------------------------------------------- which message is due

CALLS = ReplayMessage((ReplayCall("f", "{}"),))
FIRST, SECOND = ReplayMessage(text="first"), ReplayMessage(text="second")
PLAN = ReplayMessage(
    (
        ReplayCall("search", '{"query": "population of Berlin"}'),
        ReplayCall("search", '{"query": "population of Paris"}'),
        ReplayCall("add", '{"a": "$f1.items[0].population", "b": "$f2.items[0].population"}'),
    )
)
WAIT = ReplayMessage((ReplayCall(AWAIT, '{"ids": ["$f3"]}'),))
TALK = Replay("talk", "by hand", ((CALLS, FIRST), (SECOND,)))


@pytest.mark.parametrize(
    ("transcript", "due"),
    [
        ([USER], ("1.1", CALLS)),
        ([{"role": "system", "content": "s"}, USER, USER], ("1.1", CALLS)),
        ([USER, said("", "c1"), {"role": "tool", "tool_call_id": "c1", "content": "1"}], ("1.2", FIRST)),
        ([USER, said("", "c1"), said("first"), USER], ("2.1", SECOND)),
        # The client showed results on the model's behalf, and asks once more: the answer stays what it was.
        ([USER, said("", "c1"), said("first", "drain_3"), {"role": "tool", "content": "2"}], ("1.2", FIRST)),
        ([USER, said("", "c1"), said("first", "drain_3"), {"role": "tool"}, said("first"), USER], ("2.1", SECOND)),
    ],
)
def test_the_transcript_says_which_message_is_due(transcript, due):
    assert TALK.due(transcript) == due


@pytest.mark.parametrize(
    ("transcript", "reason"),
    [
        ([USER, said("", "c1"), said("first")], "turn 1 of the recording 'talk' has 2 messages of the model"),
        ([USER, said(), USER, said(), USER], "'talk' has 2 turns of the user, and this is turn 3"),
    ],
)
def test_beyond_the_recording_nothing_is_made_up(transcript, reason):
    with pytest.raises(ReplayOver, match=reason):
        TALK.due(transcript)


# ------------------------------------------------------------------------------------------- in pieces, when due


@st.composite
def replay_messages(draw: st.DrawFn) -> ReplayMessage:
    ttft_s = draw(st.none() | st.floats(0, 2))
    end_s = draw(st.none() | st.floats(ttft_s or 0, 9))
    texts = st.text(max_size=60)
    arguments = st.dictionaries(texts, texts | st.integers(), max_size=3).map(json.dumps)
    times = sorted(draw(st.lists(st.floats(ttft_s or 0, 9 if end_s is None else end_s), max_size=3)))
    calls = tuple(ReplayCall("f", draw(arguments), draw(st.sampled_from([None, at_s]))) for at_s in times)
    return ReplayMessage(calls, draw(st.none() | texts), ttft_s, end_s)


@given(replay_messages())
def test_the_pieces_are_the_message_and_come_when_they_are_due(message):
    sent = pieces(message, "1.1")
    assert all(a.due_s <= b.due_s for a, b in pairwise(sent))
    assert "".join(each.delta.get("content") or "" for each in sent) == (message.text or "")
    closed: dict[int, float] = {}
    arguments: dict[int, str] = {}
    for due_s, delta in sent:
        for call in delta.get("tool_calls", ()):
            arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
            closed[call["index"]] = due_s
    assert [arguments[index] for index in range(len(message.calls))] == [call.arguments for call in message.calls]
    for index, call in enumerate(message.calls):
        if call.at_s is not None:
            assert closed[index] == pytest.approx(call.at_s)
    if message.ttft_s is not None:
        assert sent[0].due_s == pytest.approx(message.ttft_s)
    if message.end_s is not None:
        assert sent[-1].due_s <= message.end_s + 1e-9


@given(replay_messages())
def test_what_is_streamed_is_understood_as_it_was_meant(message):
    accumulator = Accumulator()
    parts: list[Part] = []
    for _, delta in pieces(message, "1.1"):
        parts += accumulator.feed({"choices": [{"index": 0, "delta": delta}]})
    parts += accumulator.end()
    calls = [(part.tool, part.arguments) for part in parts if isinstance(part, CallPart)]
    assert calls == [(call.tool, call.arguments) for call in message.calls]
    assert "".join(part.text for part in parts if isinstance(part, TextPart)) == (message.text or "")
    assert isinstance(parts[-1], Ended)
    assert parts[-1].notes == ()


def test_arguments_come_in_small_fragments():
    text = json.dumps({"query": 'the population of Berlin {in} "1990"', "n": [1, 22, 333]})
    sent = pieces(ReplayMessage((ReplayCall("f", text),)), "1.1")
    assert len(sent) > len(text) / 6
    assert sum(piece.delta.get("tool_calls", [{}])[0].get("id") is not None for piece in sent) == 1


# ------------------------------------------------------------------------------------------- over HTTP


class Client:
    """One connection, kept open."""

    def __init__(self, base_url: str) -> None:
        self.connection = HTTPConnection(base_url.removeprefix("http://").removesuffix("/v1"), timeout=10)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Message, bytes]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.connection.request(method, path, data, headers)
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def chat(self, *transcript: Any, **more: Any) -> tuple[int, Message, bytes]:
        return self.ask("POST", "/v1/chat/completions", {"messages": transcript, **more})


def served(recorded: list[Any], speed: float = inf) -> ReplayServer:
    return ReplayServer(replays(recorded), speed=speed)


@pytest.fixture
def client() -> Iterator[Client]:
    with serving(served([async_run(), sync_run()])) as base_url:
        yield Client(base_url)


def chunks(body: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_it_says_everywhere_that_it_is_a_replay(client):
    status, _, body = client.ask("GET", "/v1/models")
    listed = json.loads(body)["data"]
    assert (status, [each["id"] for each in listed]) == (200, ["two_lookups/asyncfc", "two_lookups/sync"])
    assert {each["owned_by"] for each in listed} == {"asyncfc replay"}
    _, headers, body = client.chat(USER)
    assert headers[REPLAY_HEADER] == "simulated, policy asyncfc, model gpt-4o"
    assert json.loads(body)["system_fingerprint"] == FINGERPRINT
    _, headers, body = client.chat(USER, stream=True)
    assert headers[REPLAY_HEADER].startswith("simulated")
    assert {each["system_fingerprint"] for each in chunks(body)} == {FINGERPRINT}
    assert json.loads(client.ask("GET", "/health")[2])["replay"] is True


MANY = [
    replace(TALK, name="shop/tea/sync", prompts=("buy tea",)),
    replace(TALK, name="shop/tea/asyncfc", prompts=("buy tea",), futures=True),
    replace(TALK, name="shop/cup/sync", prompts=("buy a cup",)),
]
AWAITING = [{"type": "function", "function": {"name": AWAIT, "parameters": {}}}]


@pytest.mark.parametrize(
    ("said_first", "tools", "name"),
    [
        ("buy tea", [], "shop/tea/sync"),
        ("buy tea", AWAITING, "shop/tea/asyncfc"),
        ("buy a cup", AWAITING, "shop/cup/sync"),  # the only one of these words
        ("buy milk", [], None),
    ],
)
def test_of_recordings_whose_names_begin_alike_the_words_of_the_user_choose_one(said_first, tools, name):
    asked = {"model": "shop", "messages": [{"role": "user", "content": said_first}], "tools": tools}
    with serving(ReplayServer(MANY, speed=inf)) as base_url:
        status, _, body = Client(base_url).ask("POST", "/v1/chat/completions", asked)
    answer = json.loads(body)
    assert (status, answer.get("model")) == ((200, name) if name else (404, None))


def test_a_client_of_several_recordings_tells_of_the_one_that_answered():
    answers = [
        Replay(f"shop/{said}", source, ((FIRST,),), prompts=(said,))
        for said, source in (("tea", "by hand"), ("cup", "by ear"))
    ]
    with serving(ReplayServer(answers, speed=inf)) as base_url:
        agent = Agent(OpenAIChat("shop", base_url=base_url))
        assert [agent.run_sync(said).notes[0].rpartition(": ")[2] for said in ("tea", "cup")] == ["by hand", "by ear"]
        assert len(agent.run_sync("cup").notes) == 1


@pytest.mark.parametrize("policy", ["sync", "asyncfc", "blind"])
def test_what_the_user_said_is_found_in_a_trace_that_keeps_texts(policy):
    with serving(ReplayServer([TALK], speed=inf)) as base_url:

        @tool(reads=[])
        def search(query: str) -> dict[str, Any]:
            """Search."""
            return {"items": [{"population": 1}]}

        @tool(reads=[])
        def add(a: int, b: int) -> int:
            """Add."""
            return a + b

        agent = Agent("talk", [search, add], base_url=base_url, policy=policy, texts=True)
        run = agent.run_sync("go", "and once more").trace
    (replay,) = replays([run])
    assert replay.prompts == ("go", "and once more")
    assert replay.futures == (policy != "sync")
    bare = replace(run, events=tuple(event for event in run.events if event.rule != "user"))
    assert replays([bare])[0].prompts == ()


def test_a_stream_holds_what_the_whole_message_holds(client):
    whole = json.loads(client.chat(USER, model="two_lookups/async")[2])
    streamed = chunks(client.chat(USER, stream=True, stream_options={"include_usage": True})[2])
    assert (
        streamed[-1]["usage"]
        == whole["usage"]
        == {
            "prompt_tokens": 440,
            "completion_tokens": 32,
            "total_tokens": 472,
            "prompt_tokens_details": {"cached_tokens": 400},
        }
    )
    (choice,) = whole["choices"]
    assert streamed[-2]["choices"][0]["finish_reason"] == choice["finish_reason"] == "tool_calls"
    fragments = [call for each in streamed[:-1] for call in each["choices"][0]["delta"].get("tool_calls", ())]
    for index, call in enumerate(choice["message"]["tool_calls"]):
        mine = [each for each in fragments if each["index"] == index]
        assert (mine[0]["id"], mine[0]["function"]["name"]) == (call["id"], call["function"]["name"])
        assert "".join(each["function"]["arguments"] for each in mine) == call["function"]["arguments"]
    assert "usage" not in chunks(client.chat(USER, stream=True)[2])[-1]


@pytest.mark.parametrize(
    ("ask", "status", "reason"),
    [
        (lambda c: c.chat(USER, model="nobody"), 404, "no one recording is named 'nobody'; there are 'two_lookups/"),
        (lambda c: c.chat(USER, model="two"), 404, "no one recording is named 'two'"),
        (lambda c: c.chat(USER, *[said("", "c")] * 9), 410, "the transcript already holds 9"),
        (lambda c: c.chat(), 400, "`messages` must be a list"),
        (lambda c: c.chat("go"), 400, "`messages` must be a list"),
        (lambda c: c.ask("POST", "/v1/chat/completions", b"{"), 400, "not JSON"),
        (lambda c: c.ask("POST", "/v1/chat/completions", b"[]"), 400, "must be a JSON object"),
        (lambda c: c.ask("POST", "/v1/completions", {}), 404, "no /v1/completions here"),
        (lambda c: c.ask("GET", "/v1/nothing"), 404, "no /v1/nothing here"),
    ],
)
def test_what_it_cannot_answer_is_refused_in_words(client, ask, status, reason):
    got, _, body = ask(client)
    assert got == status
    assert reason in json.loads(body)["error"]["message"]
    assert client.ask("GET", "/health")[0] == 200  # the connection is still good


@pytest.mark.parametrize("length", ["99999999999", "9" * 5000])
def test_a_request_that_is_too_long_is_refused(client, length):
    client.connection.putrequest("POST", "/v1/chat/completions")
    client.connection.putheader("Content-Length", length)
    client.connection.endheaders()
    assert client.connection.getresponse().status == 413


def test_a_request_without_a_length_is_refused(client):
    client.connection.putrequest("POST", "/v1/chat/completions")
    client.connection.endheaders()
    assert client.connection.getresponse().status == 411


def test_messages_take_the_recorded_time_divided_by_the_speed():
    first = replays([async_run()])[0].turns[0][0]
    assert first.ttft_s is not None
    assert first.end_s is not None
    with serving(served([async_run()], speed=2.0)) as base_url:
        client = Client(base_url)
        began = time.monotonic()
        client.connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [USER], "stream": True}))
        response = client.connection.getresponse()
        response.readline()
        first_s = time.monotonic() - began
        response.read()
        all_s = time.monotonic() - began
        client.chat(USER)
        whole_s = time.monotonic() - began - all_s
    assert first.ttft_s / 2 <= first_s < all_s
    assert first.end_s / 2 <= all_s < first.end_s / 2 + 2
    assert first.end_s / 2 <= whole_s < first.end_s / 2 + 2


def test_many_clients_are_served_at_once():
    slow = Replay("slow", "by hand", ((ReplayMessage(text="x" * 50, ttft_s=0.3, end_s=0.4),),))
    with serving(ReplayServer([slow])) as base_url:
        texts: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: texts.append(Client(base_url).chat(USER, stream=True)[2]))
            for _ in range(40)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - began < 40 * 0.4 / 2
    assert len(texts) == 40
    assert all(text.endswith(b"data: [DONE]\n\n") for text in texts)


def test_it_ends_at_once_though_a_stream_is_under_way(capfd):
    endless = Replay("endless", "by hand", ((ReplayMessage(text="x" * 100, ttft_s=0.0, end_s=3600.0),),))
    with serving(ReplayServer([endless])) as base_url:
        client = Client(base_url)
        client.connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [USER], "stream": True}))
        client.connection.getresponse().readline()
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert capfd.readouterr().err == ""


def test_a_client_that_goes_away_is_no_error(capfd):
    with serving(served([async_run()], speed=20.0)) as base_url:
        for _ in range(3):
            gone = Client(base_url)
            gone.connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [USER], "stream": True}))
            gone.connection.sock.shutdown(socket.SHUT_RDWR)
            gone.connection.close()
        time.sleep(0.2)
        assert Client(base_url).chat(USER)[0] == 200
    assert capfd.readouterr().err == ""


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127.0.0.1:{port}: Address already in use; another port"):
            ReplayServer([TALK], port=port)


def test_tokens_that_were_not_recorded_are_not_made_up():
    bare = Replay("bare", "by hand", ((ReplayMessage(text="x"), ReplayMessage(text="y", usage=Usage(3))),))
    with serving(ReplayServer([bare], speed=inf)) as base_url:
        client = Client(base_url)
        assert json.loads(client.chat(USER)[2])["usage"] is None
        counted = json.loads(client.chat(USER, said("x"))[2])["usage"]
    assert counted == {"prompt_tokens": 3, "completion_tokens": None, "total_tokens": None}


# ------------------------------------------------------------------------------------------- with an agent


@tool(reads=["web:{query}"])
def search(query: str) -> dict[str, Any]:
    return {"items": [{"population": {"population of Berlin": 3_700_000}.get(query, 2_100_000)}]}


@tool(reads=[])
def add(a: int, b: int) -> int:
    return a + b


def test_a_live_run_against_a_replay_can_be_replayed_again():
    """Closing the loop: what a run records of a replay is that replay once more, await_future and texts included."""
    first = Replay("talk", "by hand", ((PLAN, WAIT, FIRST),))
    with serving(ReplayServer([first], speed=inf)) as base_url:
        run = Agent(None, [search, add], base_url=base_url, grace_s=0.0, texts=True).run_sync("go")
    assert run.output == "first"
    assert run.notes == ("a replay answered, no model: by hand",)
    (again,) = replays([run.trace])
    (turn,) = again.turns
    assert [[(call.tool, json.loads(call.arguments)) for call in each.calls] for each in turn] == [
        [(call.tool, json.loads(call.arguments)) for call in each.calls] for each in first.turns[0]
    ]
    assert [each.text for each in turn] == [None, None, "first"]
    assert again.source.startswith("recorded live, policy asyncfc, model talk")


def test_a_client_that_must_look_at_results_first_gets_the_answer_again():
    """The recorded model answered with all it needed in view; under this policy, it has not seen it."""
    hasty = Replay("hasty", "by hand", ((PLAN, FIRST), (SECOND,)))
    with serving(ReplayServer([hasty], speed=inf)) as base_url:
        agent = Agent(None, [search, add], base_url=base_url, grace_s=0.0, delivery="on_touch")
        run = agent.run_sync("go", "and then?")
    assert run.outputs == ("first", "second")
    assert run.requests == 4  # the first answer was given twice


def test_a_run_that_goes_beyond_the_recording_ends_with_a_reason():
    with (
        serving(ReplayServer([TALK], speed=inf)) as base_url,
        pytest.raises(RunFailed, match="has 2 turns of the user"),
    ):
        Agent(None, [search], base_url=base_url).run_sync("go", "go on", "and on")


def test_a_run_on_a_replay_says_so_in_its_trace_and_in_its_journal(tmp_path: Path) -> None:
    """So that its times are not taken for those of a model."""
    example = Path(__file__).parents[2] / "examples" / "06_agent.replay.jsonl"
    journal = tmp_path / "run.journal"
    with serve_replay(example, speed=inf) as base_url, open_journal(journal) as kept:
        run = Agent("trip-sync", [], base_url=base_url, policy="sync").run_sync("Plan it.", journal=kept)
    assert run.trace.header.inputs["replay"] is True
    assert read_trace(journal)[0].header.inputs["replay"] is True
    (session,) = read_sessions(str(journal)).sessions
    assert session.provenance["step.llm_s"] == "sampled"
