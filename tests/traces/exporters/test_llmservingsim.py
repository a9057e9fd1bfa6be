"""LLMServingSim out and in: a chain of tokens and waits survives, and what does not is said."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.traces.exporters.fault import ExportFault
from asyncfc_sim.traces.exporters.llmservingsim import llmservingsim_lines, lost
from asyncfc_sim.traces.importers import llmservingsim
from asyncfc_sim.traces.importers.source import Source
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from tests.trace_files import hand_made, read, real


def session(*turns, **fields):
    return RecordedSession(session="s", source="by hand", turns=turns, **fields)


def step(prompt, out, *times, **fields):
    calls = tuple(RecordedCall(id=f"{prompt}-{n}", tool="unknown", exec_s=time) for n, time in enumerate(times))
    return RecordedStep(prompt_tokens=prompt, out_tokens=out, calls=calls, **fields)


def waits(one):
    (line,) = llmservingsim_lines([one])
    return [request["tool_duration_ns"] for request in json.loads(line)["sub_requests"]]


def test_the_calls_of_a_step_wait_one_after_another_and_a_user_is_waited_for_as_a_tool():
    first = RecordedTurn(steps=(step(100, 10, 0.5, 0.25), step(120, 10)))
    second = RecordedTurn(user_gap_s=30.0, steps=(step(200, 5, None),))
    assert waits(session(first, second)) == [750_000_000, 30_000_000_000, 0]


def test_a_step_without_tokens_cannot_be_written():
    with pytest.raises(ExportFault, match=r"session 's', turn 1, step 2: out_tokens is not known"):
        waits(session(RecordedTurn(steps=(step(1, 1), step(2, None)))))


def test_what_is_lost_is_said():
    plain = session(RecordedTurn(steps=(step(100, 10, 0.5), step(120, 10))), arrival_s=0.0)
    assert lost([plain]) == []
    rich = session(
        RecordedTurn(steps=(step(100, 10, 0.5, 0.25, llm_s=1.0),)),
        RecordedTurn(user_gap_s=30.0, steps=(step(200, 5, None),)),
        parent="p",
    )
    (call,) = rich.turns[1].steps[0].calls
    named = replace(rich.turns[1], steps=(replace(rich.turns[1].steps[0], calls=(replace(call, tool="search"),)),))
    assert lost([replace(rich, turns=(rich.turns[0], named))]) == [
        "steps of several calls, whose times were added up: 1",
        "calls without a time, written as 0: 1",
        "sessions without an arrival, written as 0: 1",
        "sessions of several turns, a user's pause now a tool's time: 1",
        "sub-agents, now sessions that nothing starts: 1",
        "steps with times of the model, not written (its simulator makes its own): 1",
        "calls with names, arguments, results or dependences, not written: 1",
    ]


nanoseconds = st.integers(0, 10**12).map(lambda ns: ns / 1e9)
counts = st.integers(0, 10**6)
chains = st.lists(st.tuples(counts, counts, nanoseconds), min_size=1, max_size=4)


@given(nanoseconds, chains)
def test_a_chain_comes_back_as_it_was(tmp_path_factory, arrival_s, chain):
    steps = [step(prompt, out, wait) for prompt, out, wait in chain[:-1]] + [step(*chain[-1][:2])]
    written = session(RecordedTurn(steps=tuple(steps)), arrival_s=arrival_s)
    path = tmp_path_factory.mktemp("chain") / "chain.jsonl"
    path.write_text("".join(line + "\n" for line in llmservingsim_lines([written])))
    ((_, back),) = llmservingsim.read(Source(str(path)))
    assert back.arrival_s == arrival_s
    assert [(s.prompt_tokens, s.out_tokens, [call.exec_s for call in s.calls]) for s in back.steps()] == [
        (s.prompt_tokens, s.out_tokens, [call.exec_s for call in s.calls]) for s in written.steps()
    ]


def test_a_hand_made_file_comes_back_as_it_was(tmp_path):
    imported = read(hand_made("llmservingsim.jsonl"), "llmservingsim").sessions
    path = tmp_path / "llmservingsim.jsonl"
    path.write_text("".join(line + "\n" for line in llmservingsim_lines(imported)))
    assert read(str(path), "llmservingsim").sessions == imported


def test_recorded_agents_can_be_written(tmp_path):
    imported = read(real("kv-cache-tester/trace_0598.json"), "weka").sessions
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(line + "\n" for line in llmservingsim_lines(imported)))
    (back,) = read(str(path), "llmservingsim").sessions
    (one,) = imported
    assert [(s.prompt_tokens, s.out_tokens) for s in back.steps()] == [
        (s.prompt_tokens, s.out_tokens) for s in one.steps()
    ]
