"""Timelines: spans, lanes, arrows and the split, on runs written by hand and on random ones."""

from itertools import pairwise

import pytest
from hypothesis import given

from asyncfc_sim.core.syntax import refs_in
from asyncfc_sim.traces.encode import template_from_json
from asyncfc_sim.traces.spans import Arrow, DecodeSpan
from asyncfc_sim.traces.timeline import busy, timeline
from asyncfc_sim.traces.trace import Event, Header, Run
from tests.trace_examples import async_run, long_run, message, random_runs, recorder, start, sync_run, troubled_run


def test_the_two_lookups_with_futures():
    line = timeline(async_run())
    assert line.makespan_s == 4.31
    assert line.decoder[:2] == (DecodeSpan("prefill", 1, 0.0, 0.4, 440), DecodeSpan("decode", 1, 0.4, 0.78, 32))
    assert [span for span in line.decoder if span.kind == "wait"] == [DecodeSpan("wait", 4, 2.9, 3.41)]
    assert [(call.text, call.issued_s, call.running) for call in line.calls] == [
        ('search(query="population of Berlin")', 0.78, (0.78, 2.78)),
        ('search(query="population of Paris")', 1.56, (1.56, 3.36)),
        ("add(a=$f1.items[0].population, b=$f2.items[0].population)", 2.34, (3.36, 3.41)),
    ]
    assert [(call.status, call.message, call.lane) for call in line.calls] == [("ok", 1, 0), ("ok", 2, 1), ("ok", 3, 2)]
    assert line.arrows == (
        Arrow("data", 1, 3, 2.78, 3.36),
        Arrow("data", 2, 3, 3.36, 3.36),
        Arrow("touch", 3, None, 3.41, 3.41),
    )
    assert line.split.tool_tool_s == pytest.approx(2.78 - 1.56)
    assert line.split.decode_tool_s == pytest.approx(2.9 - 0.78)


def test_the_two_lookups_one_by_one():
    line = timeline(sync_run())
    assert (line.makespan_s, line.lanes, line.arrows) == (7.09, 1, ())
    assert line.split.saving_s == 0
    assert [span.end_s - span.start_s for span in line.decoder if span.kind == "wait"] == pytest.approx(
        [2.0, 1.8, 0.05]
    )
    # What async saves is its overlap less what it decodes in addition.
    fast = timeline(async_run())
    saved = line.makespan_s - fast.makespan_s
    idle = 0.0  # in both, either the decoder or a tool is always at work
    assert saved == pytest.approx(fast.split.saving_s - (fast.split.decode_s - line.split.decode_s) - idle)


def test_every_fate_of_a_call():
    line = timeline(troubled_run())
    fates = {
        call.tool + str(call.future): (call.status, call.running, call.settled_s, call.ended_s) for call in line.calls
    }
    assert fates == {
        "fetch1": ("failed", (0.8, 2.0), 2.0, 2.0),
        "summarise2": ("poisoned", None, 2.0, 2.0),
        "save3": ("timeout", (0.8, 3.6), 3.0, 3.6),  # in doubt: resolved at 3.0, its tool ended at 3.6
        "save4": ("cancelled", None, 2.5, 2.5),
        "watch5": ("open", (0.8, 4.0), None, 4.0),
    }
    assert line.calls[0].outcome["message"] == "HTTP 503"
    assert line.calls[2].writes == ("file:report",)
    # The error of fetch is what poisons its dependent; that one's error is what the decoder sees.
    assert line.arrows == (Arrow("data", 1, 2, 2.0, 2.0), Arrow("touch", 2, None, 2.0, 3.0))


def test_strict_cuts_back_what_came_after_the_failure():
    run = recorder("asyncfc")
    for future in (1, 2, 3):
        run.record((0.0, "issue", {"future": future, "tool": "t", "args": {}}))
        start(run, 0.0, future, "t", {})
    run.record((1.0, "finish", {"future": 3, "value": None}))
    run.record((2.0, "fail", {"future": 1, "error": {"kind": "tool_error"}}))
    run.record((2.0, "cut", {"future": 1}))
    run.record((3.0, "end", {"future": 2}))
    line = timeline(run.run())
    assert [(call.status, call.settled_s, call.ended_s) for call in line.calls] == [
        ("failed", 2.0, 2.0),
        ("cut", 2.0, 3.0),
        ("cut", 1.0, 1.0),
    ]


def test_the_time_between_an_answer_and_the_next_request_is_the_users():
    run = recorder("sync")
    message(run, 1, 0.0, 0.5, 1.0)
    run.record((1.5, "answer", {}))
    run.record((9.0, "user", {"turn": 2}))
    message(run, 2, 9.0, 9.5, 10.0)
    line = timeline(run.run())
    assert [(span.kind, span.start_s, span.end_s) for span in line.decoder] == [
        ("prefill", 0.0, 0.5),
        ("decode", 0.5, 1.0),
        ("wait", 1.0, 1.5),
        ("prefill", 9.0, 9.5),
        ("decode", 9.5, 10.0),
    ]


def test_a_request_that_was_given_up_and_one_that_never_ended_are_decoding_too():
    run = recorder("live")
    run.record((0.0, "request", {"turn": 1}))
    run.record((1.0, "request", {"turn": 1}))
    run.record((3.0, "user", {"turn": 2}))
    line = timeline(run.run())
    assert [(span.kind, span.start_s, span.end_s) for span in line.decoder] == [
        ("decode", 0.0, 1.0),
        ("decode", 1.0, 3.0),
    ]
    assert line.split.decode_s == 3.0


def test_an_empty_run_has_an_empty_timeline():
    line = timeline(Run(Header(run="nothing", source="walk")))
    assert (line.makespan_s, line.decoder, line.calls, line.arrows, line.lanes) == (0.0, (), (), (), 0)


def test_many_calls_share_few_lanes():
    assert timeline(long_run(40)).lanes == 40  # all of them wait at once
    run = recorder("sync")
    for future in range(1, 41):
        run.record((future, "issue", {"future": future, "tool": "t", "args": {}}))
        start(run, future, future, "t", {})
        run.record((future + 1, "finish", {"future": future, "value": None}))
    assert timeline(run.run()).lanes == 1


def test_a_start_without_its_issue_is_drawn_and_a_stray_end_is_not():
    begun = Event(1.0, "start", {"future": 1, "tool": "t", "args": {"a": 1}, "reads": [], "writes": []})
    run = Run(Header(run="r", source="walk"), (begun, Event(2.0, "finish", {"future": 2, "value": 0})))
    (call,) = timeline(run).calls
    assert (call.text, call.issued_s, call.status) == ("t(a=1)", 1.0, "open")


@given(random_runs())
def test_spans_lie_in_the_run_and_lanes_do_not_overlap(run):
    line = timeline(run)
    for call in line.calls:
        times = [call.issued_s, call.started_s, call.ended_s]
        known = [t for t in times if t is not None]
        assert known == sorted(known)
        assert 0 <= call.issued_s <= call.ended_s <= line.makespan_s
        assert call.settled_s is None or call.settled_s <= call.ended_s
        assert (call.settled_s is None) == (call.status == "open")
    for lane in range(line.lanes):
        mine = sorted((call.issued_s, call.ended_s) for call in line.calls if call.lane == lane)
        assert mine
        assert all(left[1] <= right[0] for left, right in pairwise(mine))
    spans = [(span.start_s, span.end_s) for span in line.decoder]
    assert spans == sorted(spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


@given(random_runs())
def test_the_spans_say_what_busy_says(run):
    line = timeline(run)
    decoding, calling = busy(run.events)
    assert sum(end - start for start, end in decoding) == line.split.decode_s
    assert line.split.decode_s == sum(span.end_s - span.start_s for span in line.decoder if span.kind != "wait")
    assert sorted(calling) == sorted(call.running for call in line.calls if call.running)


@given(random_runs())
def test_data_arrows_are_the_references_whose_value_arrived(run):
    line = timeline(run)
    calls = {call.future: call for call in line.calls}
    references = set()
    for _, rule, fields in run.events:
        if rule == "issue":
            consumer = calls[fields["future"]]
            arrived = consumer.settled_s if consumer.started_s is None else consumer.started_s
            for ref in refs_in(template_from_json(fields["args"])):
                settled = calls[ref.future].settled_s
                if settled is not None and arrived is not None and settled <= arrived:
                    references.add((ref.future, consumer.future))
    drawn = [(arrow.source, arrow.target) for arrow in line.arrows if arrow.kind == "data"]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == references
    assert all(arrow.leaves_s <= arrow.arrives_s for arrow in line.arrows)
    touched = [
        (rule, future, t)
        for t, rule, fields in run.events
        if rule in ("touch", "deliver")
        for future in fields["futures"]
    ]
    assert [(arrow.kind, arrow.source, arrow.arrives_s) for arrow in line.arrows if arrow.kind != "data"] == touched
