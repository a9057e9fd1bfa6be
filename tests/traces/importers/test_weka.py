"""kv-cache-tester: times of the model as measured, of the tools to the second, sub-agents as sessions."""

import json
import statistics

import pytest

from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import by_name, hand_made, read, real, steps


@pytest.fixture(name="sessions")
def sessions_of_the_fixture():
    return by_name(read(hand_made("weka.jsonl"), "weka"))


def test_requests_are_steps_and_a_text_of_the_user_begins_a_turn(sessions):
    first, second = sessions["trace_a"].turns
    assert [(s.prompt_tokens, s.out_tokens, s.llm_s, s.ttft_s) for s in first.steps] == [
        (1000, 100, 4.5, None),
        (1200, 80, 3.25, None),
        (1300, 60, 5.0, 1.5),
    ]
    assert first.user_gap_s is None  # nobody waited before the first message
    assert second.user_gap_s == 60.0
    # How this one ended was not recorded, nor how long it took.
    assert [(s.prompt_tokens, s.llm_s, s.calls) for s in second.steps] == [(1400, None, ())]


def test_the_pause_after_a_use_of_tools_is_the_time_of_the_tools(sessions):
    (first, second) = sessions["trace_a"].calls()
    assert (first.tool, first.kind, first.exec_s) == ("sub_agent", "sub_agent", 31.0)
    assert (second.tool, second.kind, second.exec_s) == ("unknown", None, 3.0)
    assert sessions["trace_a"].provenance["call.exec_s"] == "derived"


def test_tools_whose_results_never_came_have_no_time(sessions):
    (call,) = sessions["trace_b"].calls()
    assert call.exec_s is None
    assert [turn.user_gap_s for turn in sessions["trace_b"].turns] == [None, 8.0]


def test_a_sub_agent_is_a_session_with_a_parent(sessions):
    agent = sessions["trace_a/agent_001"]
    assert agent.parent == "trace_a"
    assert [step.model for step in agent.steps()] == ["haiku"]


def test_traces_in_one_file_share_no_clock_but_a_trace_alone_has_its_own(sessions, tmp_path):
    assert {session.arrival_s for session in sessions.values()} == {None}
    with open(hand_made("weka.jsonl")) as lines:
        document = json.loads(next(lines))
    (tmp_path / "trace.json").write_text(json.dumps(document, indent=1))
    alone = by_name(read(str(tmp_path / "trace.json"), "weka"))
    # The entry of a sub-agent is written when it ends: 34.5 s, after 30 s, as soon as it was called at 4.5 s.
    assert {name: session.arrival_s for name, session in alone.items()} == {"trace_a": 0.0, "trace_a/agent_001": 4.5}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"api_time": -1.0}, "api_time is -1.0; expected a number that is not negative"),
        ({"in": None}, "in is missing; expected a whole number"),
        ({"out": "many"}, "out is 'many'; expected a whole number"),
        ({"think_time": True}, "think_time is True; expected a number"),
    ],
)
def test_a_broken_request_is_told_with_its_line(tmp_path, change, message):
    with open(hand_made("weka.jsonl")) as lines:
        good, trace = next(lines), json.loads(next(lines))
    trace["requests"][0] |= change
    path = tmp_path / "traces.jsonl"
    path.write_text(good + json.dumps(trace) + "\n")
    with pytest.raises(ImportFault) as fault:
        read(str(path), "weka")
    assert str(fault.value) == f"{path}:2: {message}"
    skipped = read(str(path), "weka", broken="skip")
    assert len(skipped.sessions) == 2
    assert skipped.faults == [f"{path}:2: {message}"]


def test_a_broken_line_is_told_with_its_line(tmp_path):
    path = tmp_path / "traces.jsonl"
    with open(hand_made("weka.jsonl")) as lines:
        path.write_text(next(lines) + '{"id": \n')
    with pytest.raises(ImportFault, match=r"traces\.jsonl:2: broken JSON, column 8"):
        read(str(path), "weka")


def test_the_recorded_traces():
    imported = read(real("kv-cache-tester/claude_code_traces_compact.jsonl.gz"), "weka")
    agents = [session for session in imported.sessions if session.parent is not None]
    assert (len(imported.sessions), len(agents)) == (773, 63)
    own = [step for session in imported.sessions if session.parent is None for step in session.steps()]
    assert len(own) == 48_658
    assert sum(step.ttft_s is not None for step in own) == 4_153
    assert statistics.median(step.out_tokens or 0 for step in own) == 216
    assert round(statistics.median(step.llm_s for step in own if step.llm_s is not None), 1) == 6.1
    assert sum(call.kind == "sub_agent" for session in imported.sessions for call in session.calls()) == 36


def test_an_original_document():
    imported = read(real("kv-cache-tester/trace_0598.json"), "weka")
    assert len(steps(imported)) == 10
    assert imported.sessions[0].arrival_s == 0.0
