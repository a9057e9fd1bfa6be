"""GenAI spans of several instrumentations: one thing recorded twice counts once, and a sub-agent is a session."""

import json

import pytest

from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import by_name, hand_made, read


@pytest.fixture(name="sessions")
def sessions_of_the_fixture():
    return by_name(read(hand_made("otlp.jsonl"), "otlp"))


def lines():
    with open(hand_made("otlp.jsonl")) as file:
        return [json.loads(line) for line in file]


def spans_of(line):
    return line["resourceSpans"][0]["scopeSpans"][0]["spans"]


def written(tmp_path, *records):
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_a_conversation_is_a_session_and_each_of_its_traces_a_turn(sessions):
    talk = sessions["conv-1"]
    first, second = talk.turns
    assert (talk.arrival_s, talk.parent) == (0.0, None)
    assert (first.user_gap_s, second.user_gap_s) == (None, 30.0)
    assert first.prompt == "How many live in Berlin and Paris?"
    # The usage that the agent's span adds up is not counted again.
    assert [(s.model, s.prompt_tokens, s.cached_tokens, s.out_tokens, s.ttft_s, s.llm_s) for s in talk.steps()] == [
        ("gpt-5-2025", 500, 400, 60, 0.5, 2.0),
        ("gpt-5-2025", 600, None, 40, None, 3.0),
        ("gpt-5-2025", 700, None, 10, None, 2.0),
    ]


def test_calls_belong_to_the_message_that_names_them_in_its_order(sessions):
    one, other = next(sessions["conv-1"].steps()).calls
    assert (one.id, one.tool, one.args, one.exec_s, one.error) == ("call_1", "search", {"q": "berlin"}, 2.0, True)
    assert (one.result, one.result_chars) == ("not found", 9)
    assert (other.id, other.exec_s, other.result) == ("call_2", 2.75, {"population": 2100000})


def test_without_contents_calls_belong_to_the_last_message_before_them_as_they_started(tmp_path):
    first = lines()[0]
    for span in spans_of(first):
        span["attributes"] = [pair for pair in span["attributes"] if pair["key"] != "gen_ai.output.messages"]
    (session,) = read(written(tmp_path, first), "otlp").sessions
    assert [[call.id for call in step.calls] for step in session.steps()] == [["call_2", "call_1"], []]


def test_two_instrumentations_of_one_thing_count_once_and_old_names_are_known(sessions):
    lead = sessions["c" * 32]
    # The chat inside the chat, whose prompt of 5 tokens comes on top of what was in the cache, as Anthropic counts.
    assert [(s.model, s.prompt_tokens, s.cached_tokens, s.out_tokens, s.llm_s) for s in lead.steps()] == [
        ("claude", 1000, 900, 30, 1.5),
        ("claude", 1200, None, 50, 4.0),
    ]
    assert [(call.id, call.tool, call.kind, call.exec_s) for call in lead.calls()] == [
        ("toolu_1", "ask_helper", "sub_agent", 12.0)
    ]


def test_an_agent_in_an_agent_is_a_session_with_a_parent(sessions):
    helper = sessions[f"{'c' * 32}/{'6':>016}"]
    assert (helper.parent, helper.arrival_s) == ("c" * 32, 3.5)
    assert [(call.tool, call.kind, call.effect, call.exec_s) for call in helper.calls()] == [
        ("Bash", "bash_test", "write", 8.0)
    ]


def test_an_agent_around_itself_is_no_sub_agent(tmp_path):
    third = lines()[2]
    for span in spans_of(third):
        for pair in span["attributes"]:
            if pair["value"].get("stringValue") == "helper":
                pair["value"] = {"stringValue": "lead"}
        if span["name"] == "invoke_agent helper":
            span["parentSpanId"] = "2".rjust(16, "0")  # straight in the agent of the same name
    (session,) = read(written(tmp_path, third), "otlp").sessions
    assert [step.model for step in session.steps()] == ["claude", "gpt-5-2025", "claude"]


def test_older_instrumentations_tell_by_what_they_record(sessions, tmp_path):
    old = lines()[:3]
    for line in old:
        for span in spans_of(line):
            span["attributes"] = [pair for pair in span["attributes"] if pair["key"] != "gen_ai.operation.name"]
    back = by_name(read(written(tmp_path, *old), "otlp"))
    assert len(back) == 3
    assert {name: session.turns for name, session in back.items()} == {name: sessions[name].turns for name in back}


def test_langfuse_has_names_of_its_own(sessions):
    visit = sessions["visitor-7"]
    assert [(s.model, s.prompt_tokens, s.out_tokens, s.ttft_s, s.llm_s) for s in visit.steps()] == [
        ("gpt-4o", 120, 30, 0.75, 3.0),
        ("gpt-4o", 140, 12, None, 1.5),
    ]
    (call,) = visit.calls()
    assert (call.tool, call.args, call.exec_s, call.result) == ("weather", {"city": "Rome"}, 1.5, "sunny")


def test_a_whole_document_is_read_as_its_lines_are(sessions, tmp_path):
    parts = [part for line in lines()[:3] for part in line["resourceSpans"]] + lines()[3:]
    path = tmp_path / "spans.json"
    path.write_text(json.dumps({"resourceSpans": parts}, indent=2))
    whole = by_name(read(str(path), "otlp"))
    assert {name: session.turns for name, session in whole.items()} == {
        name: session.turns for name, session in sessions.items()
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"startTimeUnixNano": "1760000000000"},
            "startTimeUnixNano is '1760000000000'; expected nanoseconds since 1970",
        ),
        ({"startTimeUnixNano": 1760000000.5}, "startTimeUnixNano is 1760000000.5; expected nanoseconds"),
        ({"endTimeUnixNano": None}, "endTimeUnixNano is None; expected nanoseconds"),
        ({"endTimeUnixNano": "1759999999000000000"}, "it ends 1 s before it starts"),
        ({"traceId": 7}, "traceId is 7; expected a text"),
        ({"attributes": {"a": 1}}, "attributes are {'a': 1}; expected a list"),
        ({"attributes": [{"key": "n", "value": {"intValue": "many"}}]}, "an attribute is {'intValue': 'many'}"),
        ({"attributes": [{"key": "n", "value": {"newValue": 1}}]}, "an attribute is {'newValue': 1}"),
    ],
)
def test_a_broken_span_is_told_with_its_line(tmp_path, change, message):
    good, broken = lines()[1], lines()[0]
    spans_of(broken)[1] |= change
    path = written(tmp_path, good, broken)
    with pytest.raises(ImportFault) as fault:
        read(path, "otlp")
    assert str(fault.value).startswith(f"{path}:2: span '{'2':>016}' ('chat gpt-5'): {message}")
    assert len(read(path, "otlp", broken="skip").faults) == 1


def test_a_count_that_is_none_and_a_call_without_a_chat_are_told(tmp_path):
    strange, lonely = lines()[0], lines()[1]
    for pair in spans_of(strange)[5]["attributes"]:
        if pair["key"] == "gen_ai.usage.output_tokens":
            pair["value"] = {"doubleValue": 40.5}
    tool = spans_of(lines()[0])[3]
    spans_of(lonely)[:] = [{**tool, "traceId": "e" * 32, "parentSpanId": ""}]
    imported = read(written(tmp_path, strange, lonely), "otlp", broken="skip")
    assert [fault.partition(": ")[2] for fault in imported.faults] == [
        "gen_ai.usage.output_tokens is 40.5; expected a whole number",
        f"span '{'4':>016}' ('execute_tool search'): a call of a tool, and no chat in its trace",
    ]


def test_a_line_that_is_no_span_is_told(tmp_path):
    path = written(tmp_path, lines()[1], {"resourceMetrics": []})
    with pytest.raises(ImportFault, match=r":2: expected OTLP-JSON"):
        read(path, "otlp")


def test_parents_in_a_circle_do_not_hang(tmp_path):
    line = lines()[1]
    agent, chat = spans_of(line)
    agent["parentSpanId"] = chat["spanId"]
    (session,) = read(written(tmp_path, line), "otlp").sessions
    assert len(list(session.steps())) == 1
