"""Eq. 1 on recorded sessions: by hand, against the closed form, and its two assumptions ordered."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from asyncfc_sim.simulate.closed_form import speedup_bound
from asyncfc_sim.traces.overlap import overlap
from asyncfc_sim.traces.session_run import session_run
from asyncfc_sim.traces.sessions import RecordedTurn
from tests.session_examples import sessions, two_lookups


def test_the_terms_of_a_session_written_by_hand():
    terms = overlap(two_lookups())
    assert terms is not None
    assert (terms.decode_s, terms.tool_s, terms.unknown_flow) == (6.0, 8.0, 0)
    # Turn 1: 5 s of decoding, and a longest path of 4 + 1 s; turn 2: 1 s of decoding.
    assert terms.least_flow_s == 5.0 + 1.0
    # Steps: 4 s of calls, 1 s of either, 2 s and 1 s of decoding.
    assert terms.least_steps_s == 4.0 + 1.0 + 2.0 + 1.0
    assert terms.tool_share == pytest.approx(8 / 14)
    assert (terms.bound_flow, terms.bound_steps) == pytest.approx((14 / 6, 14 / 8))


def test_by_steps_a_message_waits_for_every_call_before_it():
    turn = two_lookups().turns[0]
    calls = [replace(call, deps=None, reads=None, exec_s=10.0) for step in turn.steps for call in step.calls]
    steps = (replace(turn.steps[0], calls=tuple(calls[:2])), replace(turn.steps[1], calls=(calls[2],)))
    terms = overlap(replace(two_lookups(), turns=(RecordedTurn(steps=steps),)))
    assert terms is not None
    assert (terms.least_flow_s, terms.least_steps_s, terms.unknown_flow) == (10.0, 20.0, 3)


def test_a_missing_time_leaves_a_session_out_unless_the_recording_ended_there():
    session = two_lookups()
    first, second, _ = session.turns[0].steps
    untimed = replace(second, calls=(replace(second.calls[0], exec_s=None),))
    ended_there = overlap(replace(session, turns=(RecordedTurn(steps=(first, untimed)),)))
    assert ended_there is not None
    assert ended_there.tool_s == 7.0
    assert overlap(replace(session, turns=(RecordedTurn(steps=(first, untimed)), session.turns[1]))) is None
    assert overlap(replace(session, turns=(RecordedTurn(steps=(replace(first, llm_s=None, ttft_s=None),)),))) is None


@settings(max_examples=40)
@given(sessions())
def test_both_bounds_are_bounds_and_the_assumptions_are_ordered(session):
    terms = overlap(session)
    if terms is None:
        return
    assert 1 - 1e-9 <= terms.bound_steps <= terms.bound_flow * (1 + 1e-9)
    assert 0 <= terms.tool_share <= 1
    # One call at a time takes decode_s + tool_s; the recorded layout runs the calls of a message side by side, and no
    # schedule is shorter than what the bound divides by.
    gaps_s = sum(turn.user_gap_s or 0.0 for turn in session.turns[1:])
    assert session_run(session).makespan_s - gaps_s >= terms.least_steps_s - 1e-6


@settings(max_examples=40)
@given(sessions())
def test_for_one_turn_it_is_equation_1(session):
    terms = overlap(replace(session, turns=session.turns[:1]))
    if terms is None or not any(call for step in session.turns[0].steps for call in step.calls):
        return
    critical_s = terms.least_flow_s if terms.least_flow_s > terms.decode_s else 0.0
    assert terms.bound_flow == pytest.approx(speedup_bound(terms.decode_s, terms.tool_s, critical_s))
