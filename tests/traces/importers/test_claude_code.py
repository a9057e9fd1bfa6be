"""Transcripts of Claude Code: when each block was complete, how long tools ran, and what a sub-agent did."""

import gzip
import json
import re

import pytest

from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import by_name, calls, hand_made, read, real, steps

PLAIN, AGENTS = hand_made("claude_code.jsonl"), hand_made("claude_code_agents.jsonl")


def edited(tmp_path, line, change):
    """The fixture with `change` made to the record of a line."""
    with open(PLAIN) as file:
        records = [json.loads(each) for each in file]
    change(records[line - 1])
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_blocks_of_one_message_are_one_step():
    (session,) = read(PLAIN, "claude_code").sessions
    assert (session.session, session.arrival_s, session.parent) == ("s-1", 0.0, None)
    assert [(turn.user_gap_s, turn.prompt) for turn in session.turns] == [
        (None, "Why does the parser fail?"),
        (20.0, "Fix it."),
    ]
    assert [[(step.model, step.llm_s, len(step.calls)) for step in turn.steps] for turn in session.turns] == [
        [("claude-x", 3.5, 2), ("claude-x", 2.0, 2), ("claude-x", 1.4, 0)],
        [("claude-x", 1.0, 1), ("claude-x", 1.0, 0)],  # what the client said is no message of a model
    ]


def test_tokens_are_of_the_whole_prompt_and_the_most_that_was_said():
    first, *_ = steps(read(PLAIN, "claude_code"))
    # 5 read anew, 20 written into the cache, 100 found there. The first block says 2 tokens, the others 80.
    assert (first.prompt_tokens, first.cached_tokens, first.out_tokens) == (125, 100, 80)


def test_each_tool_has_its_emission_and_its_time():
    found = {call.id: call for call in calls(read(PLAIN, "claude_code"))}
    assert {name: (call.kind, call.emit_s, call.exec_s) for name, call in found.items()} == {
        "c1": ("grep", 3.0, 0.1),  # from the end of the message, not from its own emission
        "c2": ("web_search", 3.5, 2.5),  # as it says itself
        "c3": ("read", 1.5, 0.1),
        "c4": ("bash_test", 2.0, 4.0),  # from the result of the call before
        "c5": ("edit", 1.0, 1.0),
    }
    assert [name for name, call in found.items() if call.error] == ["c4"]
    assert (found["c2"].result, found["c2"].result_chars) == ("nothing found", 13)


def test_what_was_read_before_a_call_is_found_by_its_path():
    flow = {call.id: (call.deps, call.reads) for call in calls(read(PLAIN, "claude_code"))}
    assert flow == {"c1": ((), ()), "c2": ((), ()), "c3": ((), ("c1",)), "c4": ((), ()), "c5": ((), ())}


def test_times_that_rest_on_an_assumption_are_derived():
    (session,) = read_sessions(PLAIN).sessions
    assert session.provenance["turn.user_gap_s"] == "measured"
    assert session.provenance["step.out_tokens"] == "measured"
    assert session.provenance["step.llm_s"] == session.provenance["call.exec_s"] == "derived"
    assert "step.ttft_s" not in session.provenance


def test_a_sub_agent_is_a_session_of_its_own():
    sessions = by_name(read(AGENTS, "claude_code"))
    parent, agent = sessions.values()
    assert (agent.parent, agent.arrival_s, parent.arrival_s) == (parent.session, 2.1, 0.0)
    assert [(turn.prompt, [step.llm_s for step in turn.steps]) for turn in agent.turns] == [
        ("List the files", [1.0, 0.8])
    ]
    task = next(parent.calls())
    assert (task.kind, task.exec_s, task.effect) == ("sub_agent", 2.4, None)


def test_sub_agents_of_newer_versions_have_names(tmp_path):
    with open(AGENTS) as file:
        records = [json.loads(each) for each in file]
    path = tmp_path / "agent-7.jsonl"
    lines = [json.dumps({**record, "agentId": "7"}) for record in records if record["isSidechain"]]
    path.write_text("\n".join(lines))
    (session,) = read(str(path), "claude_code").sessions
    assert (session.session, session.parent) == ("s-1/7", "s-1")


def test_a_count_of_tokens_that_the_text_cannot_have_is_replaced():
    parent, agent = read(AGENTS, "claude_code").sessions
    with open(AGENTS) as file:
        text = json.loads(file.readlines()[1])["message"]["content"][0]["text"]
    call = '["Task", {"prompt": "List the files"}]'
    assert [step.out_tokens for step in parent.steps()] == [round(len(text + call) / 4), 30]  # 1 was said
    assert parent.provenance["step.out_tokens"] == "derived"
    assert [step.out_tokens for step in agent.steps()] == [12, 6]
    assert agent.provenance["step.out_tokens"] == "measured"


def test_a_tool_may_end_before_its_message():
    _, first, second = read(AGENTS, "claude_code").sessions[0].calls()
    assert (first.emit_s, first.exec_s) == (1.5, 0.25)  # from its emission
    assert (second.emit_s, second.exec_s, second.result_chars) == (2.5, 0.125, 0)


LINES = {"user": 2, "call": 4, "result": 6, "timed result": 7}


@pytest.mark.parametrize(
    ("line", "change", "words"),
    [
        ("call", lambda record: record.update(timestamp="2026-03-01T09:59:00Z"), "times run backwards"),
        ("result", lambda record: record.update(timestamp="2026-03-01T10:00:02Z"), "times run backwards"),
        ("call", lambda record: record.update(timestamp=1772359203), "mixed units"),
        ("call", lambda record: record.pop("timestamp"), "a time is missing"),
        ("call", lambda record: record.update(message="text"), "message is 'text'; expected an object"),
        ("call", lambda record: record["message"].pop("id"), "id is missing"),
        ("call", lambda record: record["message"].pop("content"), "content is missing"),
        ("call", lambda record: record["message"]["usage"].update(output_tokens=-3), "not negative"),
        ("call", lambda record: record["message"].update(usage=[1]), "usage is [1]; expected an object"),
        ("call", lambda record: record["message"]["content"][0].update(input="x"), "input is 'x'; expected an object"),
        ("result", lambda record: record["message"]["content"][0].update(tool_use_id="c9"), "no message before made"),
        ("timed result", lambda record: record["toolUseResult"].update(durationMs=-1), "not negative"),
    ],
)
def test_a_broken_record_is_named_or_skipped_and_counted(tmp_path, line, change, words):
    path = edited(tmp_path, LINES[line], change)
    with pytest.raises(ImportFault, match=rf"t\.jsonl:{LINES[line]}: ") as fault:
        read(path, "claude_code")
    assert words in str(fault.value)
    imported = read(path, "claude_code", "skip")
    assert words in imported.faults[0]
    # Without a call, its result is a fault too; all else is there.
    assert len(imported.faults) == (2 if line == "call" else 1)
    assert len(steps(imported)) == 5


def test_a_broken_line_is_a_fault_too(tmp_path):
    path = tmp_path / "t.jsonl"
    with open(PLAIN) as file:
        path.write_text(file.read() + '{"type": "assist')
    with pytest.raises(ImportFault, match=r"t\.jsonl:20: broken JSON"):
        read(str(path), "claude_code")
    assert len(read(str(path), "claude_code", "skip").faults) == 1


def test_numbers_may_be_missing(tmp_path):
    path = edited(tmp_path, 13, lambda record: record["message"].pop("usage"))
    step = steps(read(path, "claude_code"))[2]
    assert (step.prompt_tokens, step.cached_tokens, step.out_tokens, step.llm_s) == (None, None, None, 1.4)


def test_a_message_that_nothing_came_before_has_no_known_request(tmp_path):
    path = tmp_path / "t.jsonl"
    with open(PLAIN) as file:
        path.write_text("".join(file.readlines()[2:]))
    (session,) = read(str(path), "claude_code").sessions
    first = next(session.steps())
    assert (session.arrival_s, first.llm_s, [call.emit_s for call in first.calls]) == (None, None, [None, None])


def test_a_user_who_writes_while_the_agent_works_does_not_pause(tmp_path):
    path = edited(tmp_path, 15, lambda record: record.update(timestamp="2026-03-01T10:00:13Z"))
    (session,) = read(path, "claude_code").sessions
    assert [turn.user_gap_s for turn in session.turns] == [None, 0.0]


def test_a_file_without_a_message_has_no_session(tmp_path):
    path = tmp_path / "t.jsonl"
    with open(PLAIN) as file:
        path.write_text("".join(file.readlines()[:2]))
    with pytest.raises(ImportFault, match="no session in it"):
        read_sessions(str(path))


def test_compressed_transcripts_are_the_same(tmp_path):
    path = tmp_path / "claude_code.jsonl.gz"
    with open(PLAIN, "rb") as plain:
        path.write_bytes(gzip.compress(plain.read()))
    assert read_sessions(str(path)).sessions[0].turns == read_sessions(PLAIN).sessions[0].turns


@pytest.fixture
def published(tmp_path):
    """TraceLab's example transcript, which it prints with lines between the records, as the client wrote it."""
    with open(real("tracelab/claude/trace.json")) as file:
        _, *records = re.split(r"^===== record \d+ =====$", file.read(), flags=re.MULTILINE)
    path = tmp_path / "session.jsonl"
    path.write_text("".join(json.dumps(json.loads(record)) + "\n" for record in records))
    return str(path)


def test_a_real_transcript(published):
    (session,) = read_sessions(published).sessions
    assert [len(turn.steps) for turn in session.turns] == [5, 5]
    assert [call.tool for call in session.calls()] == [
        *("Bash", "WebSearch", "WebSearch", "Write", "Bash"),
        *("WebSearch", "WebFetch", "Write", "Bash"),
    ]
    assert [step.out_tokens for step in session.steps()] == [931, 1016, 2475, 117, 1275, 273, 232, 2162, 90, 852]
    assert session.turns[1].prompt == "add another model qwen3 32b"


def test_a_real_transcript_says_what_the_rounds_that_tracelab_made_of_it_say(published):
    (session,) = read_sessions(published).sessions
    rounds = read_sessions(real("tracelab/derived/round_trace.jsonl")).sessions[0]
    assert [turn.user_gap_s for turn in session.turns] == [turn.user_gap_s for turn in rounds.turns]
    for ours, theirs in zip(session.steps(), rounds.steps(), strict=True):
        assert (ours.prompt_tokens, ours.cached_tokens, ours.out_tokens, ours.llm_s) == (
            theirs.prompt_tokens,
            theirs.cached_tokens,
            theirs.out_tokens,
            theirs.llm_s,
        )
        for call, other in zip(ours.calls, theirs.calls, strict=True):
            assert (call.id, call.args, call.kind, call.effect) == (other.id, other.args, other.kind, other.effect)
            assert (call.emit_s, call.result_chars) == (other.emit_s, other.result_chars)
            assert call.exec_s == pytest.approx(other.exec_s, abs=0.001)  # rounded to milliseconds there
