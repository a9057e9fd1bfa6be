"""Mooncake: arrivals in milliseconds, lengths, and nothing made up about the rest."""

import json

import pytest

from asyncfc_sim.traces.importers.source import ImportFault
from asyncfc_sim.traces.sessions import marked_fields
from tests.trace_files import hand_made, read, real


def test_each_request_is_a_session_of_one_step():
    sessions = read(hand_made("mooncake.jsonl"), "mooncake").sessions
    assert [(s.session, s.arrival_s, *[(x.prompt_tokens, x.out_tokens) for x in s.steps()]) for s in sessions] == [
        ("mooncake-1", 0.0, (6000, 500)),
        ("mooncake-2", 3.052, (700, 20)),
    ]
    assert marked_fields(sessions[0]) == {"arrival_s", "step.prompt_tokens", "step.out_tokens"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamp": -1}, "timestamp is -1; expected a number that is not negative"),
        ({"input_length": 1.5}, "input_length is 1.5; expected a whole number"),
        ({"output_length": None}, "output_length is missing; expected a whole number"),
    ],
)
def test_a_broken_request_is_told_with_its_line(tmp_path, change, message):
    with open(hand_made("mooncake.jsonl")) as lines:
        good, broken = next(lines), json.loads(next(lines)) | change
    path = tmp_path / "m.jsonl"
    path.write_text(good + json.dumps(broken) + "\n")
    with pytest.raises(ImportFault) as fault:
        read(str(path), "mooncake")
    assert str(fault.value) == f"{path}:2: {message}"
    assert len(read(str(path), "mooncake", broken="skip").sessions) == 1


def test_the_recorded_conversations():
    sessions = read(real("mooncake/conversation_trace.jsonl.gz"), "mooncake").sessions
    assert len(sessions) == 12_031
    assert sessions[-1].arrival_s == 3536.999
