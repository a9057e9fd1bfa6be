"""The doctor, at servers that are well and at servers that are not: each fault is seen, and said what it means."""

from __future__ import annotations

import json
from itertools import repeat
from typing import Any

import pytest

from asyncfc_sim.live.doctor import Doctor
from asyncfc_sim.live.doctor_exam import TOOL, own
from asyncfc_sim.live.doctor_patient import Patient
from asyncfc_sim.live.doctor_prefix import PAIRS
from asyncfc_sim.live.doctor_server import Written, side_by_side, written
from asyncfc_sim.live.doctor_wire import Wire
from asyncfc_sim.live.http_server import serving
from asyncfc_sim.live.replay_reading import replays
from asyncfc_sim.live.replay_server import ReplayServer
from asyncfc_sim.serve.tiny import serve_tiny
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tools import office_tools
from tests.chat_server import USAGE, ChatServer, Piece, Reply, Say, call_delta, chunk, error, events
from tests.doctor_patients import (
    OTHER,
    SUM,
    another_model,
    as_long_as_asked,
    breaks,
    breaks_once,
    calls_until_it_is_cut_off,
    calls_whatever_is_asked,
    cut_off,
    examined,
    garbage,
    heeding,
    held_back,
    held_up_once,
    name_with_arguments,
    never_forced,
    no_calls,
    no_object,
    no_usage,
    one_by_one,
    one_by_one_but_seen_late,
    only_whole_calls,
    reads_little,
    reads_nothing,
    remembering,
    says_nothing,
    strict_fields,
    takes_no_stream_options,
    takes_no_widened_schemas,
    unparsed,
    verdicts,
    well,
    whole,
    wrong_tool,
)
from tests.trace_examples import async_run


def test_a_server_that_is_well():
    findings = examined(remembering(0.0, 0.0, (0, 3000)))
    assert verdicts(findings) == dict.fromkeys(
        (
            "reachable", "stream", "calls", "forced calls", "tool_choice", "parallel calls", "futures", "prefix cache",
            "side by side", "model name", "unknown fields", "oddities",
        ),
        "ok",
    )  # fmt: skip
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
    assert {body.get("tool_choice") for body in server.bodies if body.get("tools")} == {
        "auto",
        "required",
        "none",
        None,
    }


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
        (held_up_once(), "parallel calls", "ok", "2 calls", "a call runs while the next is written"),
        (says_nothing, "stream", "unknown", "no text at all", "not clear"),
        (no_usage, "stream", "costs", "no usage", "does not know its tokens"),
        (takes_no_stream_options, "oddities", "ok", "stream_options is refused", "puts this right"),
        (takes_no_widened_schemas, "futures", "fails", "$ref is not supported", "only --policy sync"),
        (never_forced, "forced calls", "unknown", "tool_choice must be auto", "never forces a call"),
        (breaks, "calls", "fails", "broke off", "no run can use tools"),
        (garbage, "calls", "fails", "a chunk is not JSON", "no run can use tools"),
        (no_object, "calls", "fails", "its arguments are no JSON object", "no run can use tools"),
        (no_object, "forced calls", "unknown", "its arguments are no JSON object", "never forces a call"),
        (as_long_as_asked, "oddities", "ok", "none", "nothing has to be put right"),
        (calls_until_it_is_cut_off, "oddities", "ok", "none", "nothing has to be put right"),
        (calls_whatever_is_asked, "oddities", "ok", "none", "nothing has to be put right"),
        (cut_off, "oddities", "costs", "cut off by the server", "may lose calls or text"),
        (reads_little, "prefix cache", "unknown", "first token after", "not clear from this"),
        (reads_nothing, "prefix cache", "fails", "maximum context length", "long conversations may fail"),
        (wrong_tool, "calls", "fails", "rm({}), its name first, then its arguments whole: not a tool", "no run"),
        (no_calls, "forced calls", "unknown", "no call, finish_reason stop", "never forces a call"),
        (no_calls, "tool_choice", "unknown", "no call without it either", "not clear"),
        (well, "tool_choice", "ok", "1 call all the same", "not heeded"),
        (heeding, "tool_choice", "ok", "no call, text one two three", "is heeded"),
        (well, "calls", "ok", "its name first, then 3 fragments", "a call starts when it is complete"),
        (name_with_arguments, "calls", "ok", "its name with the first of 2 fragments", "a call starts when it is"),
        (one_by_one(), "side by side", "costs", "one began when the other had ended, 2 times of 2", "wait for one"),
        (one_by_one_but_seen_late(1), "side by side", "costs", "the other had ended, 2 times of 3", "wait for one"),
        (one_by_one(write_s=0.0), "side by side", "unknown", "one after the other 0 times of 3", "not clear"),
        (another_model, "model name", "ok", "has no chat completions or no such model (404)", "is found out"),
        (well, "model name", "ok", "a message", "is not found out"),
        (strict_fields, "unknown fields", "ok", "Unexpected fields in the request", "only have fields that it knows"),
        (well, "unknown fields", "ok", "a message", "passed over"),
    ],
)  # fmt: skip
def test_each_fault_is_seen_and_said_what_it_means(answer, check, verdict, came, means):
    finding = examined(answer)[check]
    assert finding.verdict == verdict
    assert came in finding.came
    assert means in finding.means


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (Written(0.0, 0.02, 0.13), "ok"),
        (Written(0.0, 0.11, 0.21), "costs"),
        (Written(0.03, 0.11, 0.21), "unknown"),  # asked for when the first was being written: it waited for nobody
        (Written(0.0, 0.11, 0.13), "unknown"),  # short: it may have been written before the first was read
        (Written(0.0, 0.07, 0.21), "unknown"),  # at once, but not for long
    ],
)
def test_a_message_waits_for_another_only_if_it_was_asked_for_in_time(other, verdict):
    assert written(Written(0.0, 0.01, 0.11), other) == verdict


@pytest.mark.parametrize("process", [True, False], ids=["process", "thread"])
def test_our_own_server_is_never_said_to_write_one_message_after_the_other(process: bool):
    """Its answers take turns token by token. They are short, so it may not be clear."""
    exam = own(map(function_tool, office_tools(Office())), "Compare the weather in Paris and Rome on Friday.")
    with serve_tiny(process=process) as base_url:
        patient = Patient(Wire(base_url), exam, "tiny-futures")
        found = {side_by_side(patient).verdict for _ in range(5)}
    assert found <= {"ok", "unknown"}


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


@pytest.mark.parametrize(
    ("check", "where"),
    [
        ("stream", lambda body: "Count" in str(body["messages"])),
        ("calls", lambda body: "tools" in body),
        ("parallel calls", lambda body: "parallel_tool_calls" in body),
        ("prefix cache", lambda body: len(str(body["messages"])) > 5000),
        ("side by side", lambda body: "tools" in body and "tool_choice" not in body and "at once" in str(body)),
    ],
)
def test_an_accident_of_the_server_is_told_and_is_no_trait_of_it(check, where):
    findings = examined(breaks_once(where))
    assert findings[check].verdict == "ok"
    assert "an accident of the server (it was asked once more)" in findings["oddities"].came
    assert set(verdicts(findings).values()) == {"ok"}


def test_what_breaks_off_twice_is_a_fault_and_is_not_asked_for_for_ever():
    with ChatServer(repeat(breaks)) as server:
        findings = {finding.check: finding for finding in Doctor(Wire(server.base_url)).examine()}
    assert findings["parallel calls"].verdict == "fails"
    assert sum("parallel_tool_calls" in body for body in server.bodies) == 2
    assert "broke off" in findings["oddities"].came


# ------------------------------------------------------------------------------------------- one's own tools


def look_up(city: str) -> int:
    """How many people live there."""
    raise AssertionError("a doctor runs nothing")


def test_a_model_that_knows_only_some_tools_is_asked_with_those():
    """And the conversation with futures begins with the calls that it made."""
    asked: list[dict[str, Any]] = []

    def answer(body: dict[str, Any]) -> Reply | Say:
        asked.append(body)
        if not body.get("tools"):
            return Say("Hello, you.")
        if body["messages"][-1]["role"] == "tool":
            return Say(calls=[("await_future", '{"ids": ["$f1"]}')])
        return Say(calls=[("look_up", '{"city": "Oslo"}'), ("look_up", '{"city": "Rome"}')], gap_s=0.03)

    findings = examined(answer, exam=own([function_tool(look_up)], "Compare Oslo and Rome."))
    assert "your tool" in findings["calls"].tried
    assert "look_up" in findings["calls"].came
    assert findings["parallel calls"].verdict == "ok"
    assert findings["futures"].means == "the model awaits the result"
    (conversation,) = [body["messages"] for body in asked if body["messages"][-1]["role"] == "tool"]
    (made,) = [message["tool_calls"] for message in conversation if "tool_calls" in message]
    assert [call["function"]["arguments"] for call in made] == ['{"city": "Oslo"}', '{"city": "Rome"}']
    assert [message["content"] for message in conversation if message["role"] == "tool"] == [
        '{"future": "$f1", "status": "pending"}',
        '{"future": "$f2", "status": "pending"}',
    ]


def test_without_a_call_there_is_none_to_answer():
    findings = examined(no_calls, exam=own([function_tool(look_up)], "Compare Oslo and Rome."))
    assert (findings["futures"].verdict, findings["futures"].came) == ("unknown", "no call to answer")


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


def test_a_server_that_lists_nothing_may_say_what_it_has():
    """As transformers serve does, whose list is that of its cache."""

    def pinned(body: dict[str, Any]) -> Reply:
        return error(400, f"Server is pinned to '/some/model', requested '{body['model']}'")

    (finding,) = examined(pinned, models=()).values()
    assert finding.verdict == "unreachable"
    assert "no models; asked for" in finding.came
    assert "Server is pinned to '/some/model'" in finding.came


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
