"""TraceLab rounds: times of messages and tools as two clients recorded them."""

import io
import json
import sys

import pytest

from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import by_name, calls, hand_made, read, real

ROUNDS = hand_made("tracelab.jsonl")


def edited(tmp_path, line, change):
    """The fixture with `change` made to the record of a line."""
    with open(ROUNDS) as file:
        records = [json.loads(each) for each in file]
    change(records[line - 1])
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_rounds_become_turns_in_their_order():
    claude, codex = read(ROUNDS, "tracelab").sessions
    assert (claude.session, claude.arrival_s, codex.session, codex.arrival_s) == ("claude:1", 0.0, "codex:1", 5.0)
    assert [
        (
            turn.user_gap_s,
            [(step.prompt_tokens, step.cached_tokens, step.out_tokens, step.llm_s) for step in turn.steps],
        )
        for turn in claude.turns
    ] == [
        (None, [(1000, 800, 90, 3.0), (1200, 1000, 15, 2.0)]),
        (10.0, [(1300, 1200, 7, 1.5)]),
    ]
    assert {step.ttft_s for step in claude.steps()} == {None}


def test_tools_took_what_they_say_or_what_can_be_told():
    bash, search = by_name(read(ROUNDS, "tracelab"))["claude:1"].calls()
    # Emitted at 2.0 s, but Claude Code starts nothing before the end of the message at 3.0 s.
    assert (bash.kind, bash.emit_s, bash.exec_s, bash.result_chars) == ("bash_inspect", 2.0, 0.1, 12)
    assert (search.kind, search.emit_s, search.exec_s, search.result_chars) == ("web_search", 3.0, 4.99, 700)
    (command,) = by_name(read(ROUNDS, "tracelab"))["codex:1"].calls()
    assert (command.kind, command.exec_s, command.error) == ("bash_test", 0.4, True)


def test_who_measured_what_is_marked():
    claude, codex = read_sessions(ROUNDS).sessions
    assert (claude.provenance["call.exec_s"], codex.provenance["call.exec_s"]) == ("derived", "measured")
    assert "call.deps" not in claude.provenance  # contents were not recorded, so nothing is known of them


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: record["tools"][0].update(result_at="2026-03-01T10:00:01Z"), "times run backwards"),
        (lambda record: record["timing_events"][0].update(timestamp="2026-03-01T10:00:09Z"), "times run backwards"),
        (lambda record: record["timing_events"][1].update(timestamp=1772359202), "mixed units"),
        (lambda record: record["timing_events"][1].update(timestamp="noon"), "expected ISO 8601"),
        (lambda record: record["timing_events"][1].pop("timestamp"), "a time is missing"),
        (lambda record: record["tools"][1].update(tool_internal_latency_ms=-5), "not negative"),
        (lambda record: record["tools"][1].pop("tool_call_id"), "tool_call_id is missing"),
        (lambda record: record.update(output_tokens=-1), "not negative"),
        (lambda record: record.pop("session_id"), "session_id is missing"),
        (lambda record: record.update(round_index="first"), "round_index is 'first'"),
        (lambda record: record.update(timing_events=[], tools=[]), "no event of the message"),
        (lambda record: record.update(tools=None), "tools is missing"),
    ],
)
def test_a_broken_round_is_named_or_skipped_and_counted(tmp_path, change, words):
    path = edited(tmp_path, 1, change)
    with pytest.raises(ImportFault, match=r"t.jsonl:1: ") as fault:
        read_sessions(path, format="tracelab")
    assert words in str(fault.value)
    imported = read_sessions(path, broken="skip", format="tracelab")
    assert len(imported.faults) == 1
    assert words in imported.faults[0]
    assert sum(1 for session in imported.sessions for _ in session.steps()) == 3


def test_a_tool_without_a_result_is_a_call_without_a_time(tmp_path):
    path = edited(tmp_path, 1, lambda record: record["tools"][1].update(result_at=None, tool_internal_latency_ms=None))
    _, search, _ = calls(read(path, "tracelab"))
    assert (search.exec_s, search.result_chars) == (None, None)


def test_standard_input_is_read_too(monkeypatch):
    with open(ROUNDS, "rb") as file:
        data = file.read()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    imported = read_sessions("-")
    assert imported.formats == {"<stdin>": "tracelab"}
    assert [session.turns for session in imported.sessions] == [
        session.turns for session in read_sessions(ROUNDS).sessions
    ]


def test_the_published_example():
    """What research notes say of the 19 rounds that TraceLab publishes."""
    path = real("tracelab/derived/round_trace.jsonl")
    imported = read(path, "tracelab")
    rounds = [step for session in imported.sessions for step in session.steps()]
    assert (len(imported.sessions), len(rounds)) == (2, 19)
    opus = [step for step in rounds if step.model == "claude-opus-4-8"]
    assert (min(step.out_tokens or 0 for step in opus), max(step.out_tokens or 0 for step in opus)) == (90, 2475)
    assert (min(step.llm_s or 0 for step in opus), max(step.llm_s or 0 for step in opus)) == (1.619, 26.465)
    found = list(calls(imported))
    assert sorted(call.exec_s or 0 for call in found if call.tool == "WebSearch") == [12.684, 16.109, 19.287]
    assert [call.exec_s for call in found if call.tool == "WebFetch"] == [2.517]
    # Two calls of the first message, 10.7 s and 11.5 s after the request.
    assert [(call.tool, call.emit_s) for call in opus[0].calls] == [("Bash", 10.685), ("WebSearch", 11.496)]
    # From its emission Bash took 0.86 s, of which the message went on for 0.811 s.
    assert [call.exec_s for call in found if call.tool == "Bash"] == [0.049, 0.145, 0.187]
    assert sum(call.tool == "exec_command" for call in found) == 8


def test_the_sanitized_example_differs_only_by_what_was_taken_out():
    derived = read(real("tracelab/derived/round_trace.jsonl"), "tracelab")
    sanitized = read(real("tracelab/sanitized/round_trace.jsonl"), "tracelab")

    def numbers(imported):
        return [
            (
                (step.model, step.prompt_tokens, step.cached_tokens, step.out_tokens, step.llm_s),
                [(call.tool, call.emit_s, call.exec_s, call.result_chars, call.error) for call in step.calls],
            )
            for session in imported.sessions
            for step in session.steps()
        ]

    assert numbers(derived) == numbers(sanitized)
    assert {call.args for call in calls(sanitized)} == {None}
    assert all(call.args for call in calls(derived))
    shells = [call.kind for call in calls(sanitized) if call.tool in ("Bash", "exec_command")]
    assert set(shells) == {None}  # what a shell did is not known without its command
