"""Recorded sessions, simulated: synchronous calling takes what was recorded, and nobody beats the longest path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from asyncfc_sim.simulate.assumptions import assumptions
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.experiment import run_arms
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from asyncfc_sim.workloads.recorded_task import recorded_task
from tests.toy_tasks import durations

MODELS = Models(load_decoder("llama2-70b-h100"), durations())
TEXT, CALL = (Quantity(value, "s/token", 1, "this test", "assumed") for value in (0.5, 0.25))
APART = replace(MODELS, decoder=replace(MODELS.decoder, itl_text=TEXT, itl_call=CALL), replay_decoding=False)
SECONDS = st.sampled_from((0.0, 0.25, 1.0, 8.0))


@st.composite
def sessions(draw: st.DrawFn, *, whole: bool) -> RecordedSession:
    """A session whose times were recorded, all of them (`whole`) or some."""

    def known(strategy: st.SearchStrategy[Any]) -> Any:
        return draw(strategy if whole else st.none() | strategy)

    def one_of(ids: list[str]) -> Any:
        return draw(st.none() | st.lists(st.sampled_from(ids), max_size=2, unique=True).map(tuple)) if ids else None

    ids: list[str] = []
    turns = []
    for _ in range(draw(st.integers(1, 2))):
        steps = []
        for _ in range(draw(st.integers(1, 3))):
            llm_s = known(SECONDS)
            calls = [
                RecordedCall(
                    id=f"call {len(ids) + number}",
                    tool=draw(st.sampled_from(("Read", "Edit", "other"))),
                    args={"file_path": draw(st.sampled_from("ab")), "text": "x" * draw(st.integers(0, 99))},
                    exec_s=known(SECONDS),
                    effect=draw(st.sampled_from(("read", "write", None))),
                    deps=one_of(ids),
                    reads=one_of(ids),
                )
                for number in range(draw(st.integers(0, 3)))
            ]
            ids += [call.id for call in calls]
            out = draw(st.none() | st.integers(0, 200))
            first_s = draw(st.none() | st.just(llm_s / 2)) if llm_s is not None else None
            text = draw(st.none() | st.integers(0, 400))
            steps.append(RecordedStep(out_tokens=out, text_chars=text, ttft_s=first_s, llm_s=llm_s, calls=tuple(calls)))
        turns.append(RecordedTurn(steps=tuple(steps)))
    return RecordedSession(session="drawn", source="tests", turns=tuple(turns))


def recorded_s(session: RecordedSession) -> float:
    calls_s = sum(call.exec_s or 0.0 for call in session.calls())
    return calls_s + sum(step.llm_s or 0.0 for step in session.steps())


def sync_s(session: RecordedSession) -> float:
    (sync,) = run_arms([recorded_task(session)], Study(policies=("sync",), messages=("step",)).arms(), MODELS, 0)
    return sync.cases[0].makespan_s


@given(session=sessions(whole=True))
def test_synchronous_calling_takes_what_was_recorded(session: RecordedSession):
    if any(not step.out_tokens for step in session.steps()):
        event("a message of no tokens, or of nobody knows how many")
    assert sync_s(session) == pytest.approx(recorded_s(session))


def test_an_answer_takes_its_time_though_nobody_counted_its_tokens():
    asked = RecordedStep(llm_s=1.0, calls=(RecordedCall(id="a", tool="Read", exec_s=2.0),))
    steps = (asked, RecordedStep(llm_s=7.0))
    assert sync_s(RecordedSession(session="s", source="tests", turns=(RecordedTurn(steps=steps),))) == 10.0


def test_an_answer_of_which_nothing_was_recorded_is_as_long_as_any():
    turn = RecordedTurn(steps=(RecordedStep(llm_s=1.0, calls=(RecordedCall(id="a", tool="Read", exec_s=2.0),)),))
    silent = RecordedTurn(steps=(*turn.steps, RecordedStep()))
    with_answer, without = (sync_s(RecordedSession(session="s", source="t", turns=(one,))) for one in (silent, turn))
    assert without == 3.0
    decoder = MODELS.decoder
    assert with_answer == pytest.approx(3.0 + decoder.ttft_s(0) + decoder.answer_tokens * decoder.itl_s(), rel=0.01)


@settings(max_examples=15)
@given(session=sessions(whole=False), seed=st.integers(0, 99), models=st.sampled_from((MODELS, APART)))
def test_nobody_beats_the_longest_path(session: RecordedSession, seed: int, models: Models):
    arms = Study(graces=(0.0, "auto"), messages=("call", "turn", "step"), delivery="rewrite").arms()
    for result in run_arms([recorded_task(session)], arms, models, seed):
        (case,), (limit,) = result.cases, result.eq1
        assert case.different is None
        if result.arm.policy is not None:
            assert case.makespan_s >= limit.longest_path_s - 1e-9, result.arm
            if case.makespan_s <= limit.longest_path_s + 1e-9:
                event(f"{result.arm.label} takes no longer")


@pytest.mark.parametrize("failure", ["poison", "barrier"])
def test_where_a_call_fails_a_barrier_lets_policies_do_less_than_the_bound_counts(failure: Any):
    failing = RecordedCall(id="a", tool="Edit", args={"file_path": "x"}, exec_s=1.0, error=True)
    stopped = RecordedCall(id="b", tool="Edit", args={"file_path": "y"}, exec_s=8.0)
    turn = RecordedTurn(steps=(RecordedStep(llm_s=1.0, calls=(failing, stopped)),))
    told = recorded_task(RecordedSession(session="s", source="tests", turns=(turn,)))
    arms = Study(policies=("sync", "bound"), messages=("step",), failure=failure).arms()
    sync, limit = results = run_arms([told], arms, MODELS, 0)
    below = sync.cases[0].makespan_s < limit.cases[0].makespan_s
    assert below == (failure == "barrier")
    assert below == any("take less than it" in note for note in assumptions(MODELS, "on_touch", results))


def test_a_stream_that_leaves_out_recorded_waits_says_so():
    steps = tuple(
        RecordedStep(out_tokens=8, ttft_s=4.0, llm_s=5.0, calls=(RecordedCall(id=name, tool="Read", exec_s=0.0),))
        for name in "ab"
    )
    told = recorded_task(RecordedSession(session="s", source="tests", turns=(RecordedTurn(steps=steps),)))
    arms = Study(policies=("sync", "interrupt"), messages=("step",), dependence=("values",)).arms()
    sync, stream = results = run_arms([told], arms, MODELS, 0)
    assert (sync.cases[0].makespan_s, stream.cases[0].makespan_s) == (10.0, 6.0)
    assert any(
        "times to first tokens are left out" in note for note in assumptions(MODELS, "on_touch", results, recorded=True)
    )
    assert not any("are left out" in note for note in assumptions(MODELS, "on_touch", [sync], recorded=True))
