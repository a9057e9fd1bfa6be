"""LLMServingSim: chains of requests with waits, and what vLLM measured."""

import json
import statistics

import pytest

from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import by_name, hand_made, read, real, steps


def test_a_session_is_a_chain_with_the_wait_as_one_call():
    sessions = by_name(read(hand_made("llmservingsim.jsonl"), "llmservingsim"))
    chain = sessions["s-1"]
    assert chain.arrival_s == 1.5
    assert [(step.prompt_tokens, step.out_tokens) for step in chain.steps()] == [(100, 20), (150, 30), (200, 10)]
    # A wait that is left out is zero; nobody waits after the last.
    assert [[call.exec_s for call in step.calls] for step in chain.steps()] == [[0.25], [0.0], []]
    assert chain.provenance["call.exec_s"] == "derived"


def test_a_request_without_a_session_is_one():
    flat = by_name(read(hand_made("llmservingsim.jsonl"), "llmservingsim"))["request-2"]
    assert (flat.arrival_s, [(step.prompt_tokens, step.out_tokens) for step in flat.steps()]) == (2.0, [(64, 8)])


def test_measured_requests_count_from_the_queue():
    sessions = by_name(read(hand_made("llmservingsim.requests.jsonl"), "llmservingsim"))
    assert [(s.arrival_s, *[(x.ttft_s, x.llm_s) for x in s.steps()]) for s in sessions.values()] == [
        (0.0, (0.5, 2.5)),
        (1.25, (0.5, 1.5)),
    ]
    assert set(sessions["bench-0"].provenance.values()) == {"measured"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first_token_ts": 90.0}, "first_token_ts is 90.0, before scheduled_ts, 100.25"),
        ({"last_token_ts": None}, "last_token_ts is missing; expected a number"),
        ({"output_toks": -3}, "output_toks is -3; expected a number that is not negative"),
        ({"request_id": 7}, "request_id is 7; expected a text"),
    ],
)
def test_a_broken_request_is_told_with_its_line(tmp_path, change, message):
    with open(hand_made("llmservingsim.requests.jsonl")) as lines:
        broken, good = json.loads(next(lines)) | change, next(lines)
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(broken) + "\n" + good)
    with pytest.raises(ImportFault) as fault:
        read(str(path), "llmservingsim")
    assert str(fault.value) == f"{path}:1: {message}"
    assert len(read(str(path), "llmservingsim", broken="skip").sessions) == 1


def test_a_negative_wait_and_a_line_of_neither_kind_are_faults(tmp_path):
    path = tmp_path / "sessions.jsonl"
    wait = {"input_toks": 1, "output_toks": 1, "tool_duration_ns": -1}
    session = {"session_id": "s", "arrival_time_ns": 0, "sub_requests": [wait, wait]}
    path.write_text(json.dumps(session) + '\n{"input_toks": 1, "output_toks": 1}\n')
    faults = read(str(path), "llmservingsim", broken="skip").faults
    assert faults == [
        f"{path}:1: tool_duration_ns is -1; expected a number that is not negative",
        f"{path}:2: neither a measured request (request_id, ...) nor one of a workload (arrival_time_ns)",
    ]


@pytest.mark.parametrize(
    ("name", "tpot_ms"),
    [
        ("RTX4090_Llama-3.1-8B", 30.8),
        ("RTXPRO6000_Llama-3.1-8B", 33.4),
        ("RTXPRO6000_Qwen3-32B", 84.3),
        ("RTXPRO6000_Qwen3-30B-A3B-Instruct-2507", 48.9),
    ],
)
def test_the_recorded_requests(name, tpot_ms):
    requests = steps(read(real(f"llmservingsim/{name}.requests.jsonl"), "llmservingsim"))
    assert len(requests) == 300
    per_token = [(x.llm_s - x.ttft_s) / (x.out_tokens - 1) for x in requests if x.llm_s and x.ttft_s and x.out_tokens]
    assert len(per_token) == 300
    assert round(1000 * statistics.median(per_token), 1) == tpot_ms
