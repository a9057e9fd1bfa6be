"""Azure LLM inference traces: a CSV whose missing columns are named."""

import pytest

from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import hand_made, read, real

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
FIRST = "2023-11-16 18:17:03.979960,4808,10\n"


def test_each_request_is_a_session_of_one_step():
    sessions = read(hand_made("azure.csv"), "azure").sessions
    assert [(s.session, s.arrival_s, *[(x.prompt_tokens, x.out_tokens) for x in s.steps()]) for s in sessions] == [
        ("azure-2", 0.0, (4808, 10)),
        ("azure-3", 0.052, (3180, 8)),
    ]


def test_columns_may_be_in_another_order_and_others_beside_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("GeneratedTokens,Service,TIMESTAMP,ContextTokens\n" + "7,code,2024-05-10 00:00:01+00:00,99\n")
    (session,) = read(str(path), "azure").sessions
    assert [(x.prompt_tokens, x.out_tokens) for x in session.steps()] == [(99, 7)]


def test_missing_columns_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("TIMESTAMP,Tokens\n2023-11-16 18:17:03,4\n")
    with pytest.raises(ImportFault) as fault:
        read(str(path), "azure", broken="skip")  # without them nothing can be read: not a matter of one line
    assert str(fault.value) == (
        f"{path}:1: no column ContextTokens, GeneratedTokens; an Azure LLM inference trace has "
        "TIMESTAMP, ContextTokens, GeneratedTokens"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2023-11-16 18:17:03,1", "2 fields; expected 3, as in the header"),
        ("yesterday,1,1", "a time is 'yesterday'; expected ISO 8601"),
        ("2023-11-16 18:17:04,-1,1", "ContextTokens is '-1'; expected a whole number that is not negative"),
        ("2023-11-16 18:17:04,1,1.5", "GeneratedTokens is '1.5'; expected a whole number"),
        ("2023-11-16 18:17:00,1,1", "times run backwards: the time since the first request takes -3.97996 s"),
        ("2023-11-16 18:17:04+00:00,1,1", "mixed units: the time '2023-11-16 18:17:04+00:00' is in ISO 8601, but"),
        ("1700158624,1,1", "mixed units: the time '1700158624' is in seconds, but"),
    ],
)
def test_a_broken_row_is_told_with_its_line(tmp_path, line, message):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}{FIRST}{line}\n")
    with pytest.raises(ImportFault) as fault:
        read(str(path), "azure")
    assert str(fault.value).startswith(f"{path}:3: {message}")
    skipped = read(str(path), "azure", broken="skip")
    assert (len(skipped.sessions), len(skipped.faults)) == (1, 1)


@pytest.mark.parametrize(("name", "requests"), [("code", 8_819), ("conv", 19_366)])
def test_the_recorded_traces(name, requests):
    sessions = read(real(f"azure-llm/AzureLLMInferenceTrace_{name}.csv.gz"), "azure").sessions
    assert len(sessions) == requests
    arrivals = [session.arrival_s or 0.0 for session in sessions]
    assert arrivals == sorted(arrivals)
