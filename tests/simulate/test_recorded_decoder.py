"""The speed of recorded messages, for those that were never recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.recorded_decoder import ENOUGH, recorded_decoder
from asyncfc_sim.workloads.recorded_times import Recorded, RecordedMessage, RecordedPart
from asyncfc_sim.workloads.workload import Task
from tests.toy_tasks import calls, task

BASE = load_decoder("gpt-4o")
APART = replace(
    BASE,
    itl_text=Quantity(0.5, "s/token", 1, "this test", "assumed"),
    itl_call=Quantity(0.25, "s/token", 1, "this test", "assumed"),
)


def recorded(*messages: RecordedMessage) -> Task:
    told = task(calls(("pure", {"x": 1})))
    parts = {n: RecordedPart(message, message.tokens, first=True) for n, message in enumerate(messages, 1)}
    return replace(told, recorded=Recorded(parts=parts))


@given(ttft_s=st.integers(0, 80).map(lambda n: n / 16), itl_s=st.integers(1, 64).map(lambda n: n / 1024), known=...)
def test_it_finds_the_speed_that_messages_were_written_at(ttft_s: float, itl_s: float, known: bool):
    told = recorded(
        *(
            RecordedMessage(tokens, ttft_s=ttft_s if known else None, llm_s=ttft_s + tokens * itl_s)
            for tokens in range(10, 10 + 3 * ENOUGH)
        )
    )
    found = recorded_decoder([told], APART)
    assert found.ttft_s(0) == pytest.approx(ttft_s, abs=1e-9)
    assert (found.itl_s(), found.token_s(1.0)) == pytest.approx((itl_s, itl_s))
    assert found.itl.points[0][1].provenance == "derived"
    assert found.await_tokens == BASE.await_tokens
    assert found.name == "recorded (else gpt-4o)"


def test_with_times_to_the_first_token_messages_may_be_of_one_length():
    found = recorded_decoder([recorded(*(RecordedMessage(20, ttft_s=0.25, llm_s=0.75) for _ in range(ENOUGH)))], BASE)
    assert found.ttft_s(0) == pytest.approx(0.25)
    assert found.itl_s() == pytest.approx(0.5 / 20)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [RecordedMessage(10, llm_s=1.0)] * 40,  # all of one length
        [RecordedMessage(n, llm_s=1.0) for n in range(1, ENOUGH)],  # too few
        [RecordedMessage(n) for n in range(1, 40)],  # no times
        [RecordedMessage(n, llm_s=40.0 - n) for n in range(1, 40)],  # the longer the faster
    ],
)
def test_what_says_too_little_leaves_the_decoder_as_it_is(messages: list[RecordedMessage]):
    assert recorded_decoder([recorded(*messages)], BASE) is BASE


def test_each_message_counts_once_however_many_calls_it_has():
    few = [RecordedMessage(n, llm_s=1.0 + n / 64) for n in range(1, ENOUGH + 1)]
    told = recorded(*few)
    assert told.recorded is not None
    again = {n + 100: part for n, part in told.recorded.parts.items()}
    twice = replace(told, recorded=Recorded(parts={**told.recorded.parts, **again}))
    assert recorded_decoder([twice], BASE).ttft.points[0][1].n == ENOUGH
