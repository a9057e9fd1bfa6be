"""A recorded session laid out in time: what was recorded is drawn as it was, and nothing else is invented."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from asyncfc_sim.traces.intervals import covered_length
from asyncfc_sim.traces.session_run import SessionRunError, session_run
from asyncfc_sim.traces.sessions import RecordedSession, RecordedStep, RecordedTurn, check_session
from asyncfc_sim.traces.timeline import busy, timeline
from asyncfc_sim.traces.trace import parse_trace, write_trace
from tests.session_examples import marked, sessions, two_lookups


def at(run, rule):
    return [(event.t, event.fields) for event in run.events if event.rule == rule]


def test_the_layout_of_a_session_written_by_hand():
    run = session_run(check_session(two_lookups()))
    assert [t for t, _ in at(run, "request")] == [0, 6, 8, 40]
    assert [t for t, _ in at(run, "first_token")] == [0.5, 6.25, 8.25, 40.5]
    assert [t for t, _ in at(run, "message")] == [2, 7, 10, 41]
    assert [t for t, _ in at(run, "user")] == [0, 40]
    assert [t for t, _ in at(run, "answer")] == [10, 41]
    # Emitted in the stream where that is recorded, else with its end; run after the message.
    assert [(t, fields["future"]) for t, fields in at(run, "issue")] == [(1.5, 1), (2, 2), (7, 3)]
    assert [(t, fields["future"]) for t, fields in at(run, "start")] == [(2, 1), (2, 2), (7, 3)]
    assert [(t, fields["value"]) for t, fields in at(run, "finish")] == [(5, None), (6, 3)]
    ((failed_s, fields),) = at(run, "fail")
    assert (failed_s, fields["error"]["message"]) == (8, "no")
    assert [(t, fields["futures"]) for t, fields in at(run, "touch")] == [(6, [1, 2]), (8, [3])]
    assert run.header.inputs["times"].startswith("ttft_s measured llm_s measured")


def test_recorded_text_that_looks_like_a_reference_is_text():
    call = timeline(session_run(two_lookups())).calls[0]
    assert call.text == 'search(query="Berlin $$f1")' or "Berlin" in call.text
    assert [arrow for arrow in timeline(session_run(two_lookups())).arrows if arrow.kind == "data"] == []


def test_a_call_waits_for_the_calls_of_its_own_message_that_it_needs():
    a, b = two_lookups().turns[0].steps[0].calls
    step = RecordedStep(llm_s=1.0, calls=(a, replace(b, deps=("a",))))
    run = session_run(marked(RecordedSession(session="s", source="t", turns=(RecordedTurn(steps=(step,)),))))
    assert [t for t, _ in at(run, "start")] == [1.0, 4.0]
    assert run.makespan_s == 8.0


def test_a_call_without_a_time_takes_none_and_is_counted():
    session = two_lookups()
    first = session.turns[0].steps[0]
    untimed = replace(first, calls=(replace(first.calls[0], exec_s=None), first.calls[1]))
    run = session_run(replace(session, turns=(RecordedTurn(steps=(untimed,)),)))
    assert run.header.inputs["calls without a time"] == "1"
    assert "calls without a time" not in session_run(session).header.inputs


def test_a_session_without_the_time_of_a_message_cannot_be_drawn():
    session = two_lookups()
    lacking = replace(session.turns[1], steps=(replace(session.turns[1].steps[0], llm_s=None, ttft_s=None),))
    with pytest.raises(SessionRunError, match=r"session 'lookups', turn 2, step 1: llm_s is not recorded"):
        session_run(replace(session, turns=(session.turns[0], lacking)))


@settings(max_examples=40)
@given(sessions())
def test_every_recorded_duration_is_in_the_run(session):
    run = session_run(check_session(session))
    decoding, calling = busy(run.events)
    assert covered_length(decoding) == pytest.approx(sum(step.llm_s or 0 for step in session.steps()))
    assert sum(end - start for start, end in calling) == pytest.approx(sum(c.exec_s or 0 for c in session.calls()))
    assert len(timeline(run).calls) == len(list(session.calls()))
    # Decoding waits for the calls of its turn, as in every agent without futures: they never overlap.
    assert timeline(run).split.decode_tool_s == pytest.approx(0)


@settings(max_examples=40)
@given(sessions())
def test_the_run_of_a_session_is_a_trace_that_can_be_read_back(session):
    import io

    out = io.StringIO()
    run = session_run(session)
    write_trace(out, [run])
    assert parse_trace(out.getvalue().encode().splitlines()) == [run]
