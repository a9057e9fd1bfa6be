"""Our runs as spans: times as they happened, links to producers, and what the overlap was."""

import pytest
from hypothesis import given, settings

from asyncfc_sim.traces.exporters.otlp_json import START_NS
from asyncfc_sim.traces.exporters.otlp_runs import run_lines, run_spans
from asyncfc_sim.traces.timeline import timeline
from tests.trace_examples import async_run, long_run, random_runs, sync_run, troubled_run
from tests.trace_files import by_name, read


def attributes(span):
    return {key: value for key, value in span.attributes.items() if value is not None}


def calls_of(run, **options):
    return [span for span in run_spans(run, **options) if span.name.startswith("execute_tool")]


def seconds(ns):
    return (ns - START_NS) / 1e9


def test_calls_run_while_the_next_messages_are_decoded():
    first, second, third = calls_of(async_run())
    assert [(seconds(call.start_ns), seconds(call.end_ns)) for call in (first, second, third)] == [
        (0.78, 2.78),
        (1.56, 3.36),
        (3.36, 3.41),
    ]
    # The decoder writes from 0 s to 2.9 s and from 3.41 s.
    assert [round(attributes(call)["asyncfc.overlap_s"], 9) for call in (first, second, third)] == [2.0, 1.34, 0.0]
    assert [round(attributes(call)["asyncfc.wait_s"], 9) for call in (first, second, third)] == [0.0, 0.0, 1.02]
    assert [attributes(call)["asyncfc.future.id"] for call in (first, second, third)] == [1, 2, 3]
    assert [(to.attributes.get("asyncfc.future.id"), edge) for to, edge in third.links] == [
        (None, "call"),
        (1, "data"),
        (2, "data"),
    ]


def test_a_synchronous_run_overlaps_nothing():
    assert [attributes(call)["asyncfc.overlap_s"] for call in calls_of(sync_run())] == [0.0, 0.0, 0.0]


def test_what_became_of_each_call_is_its_state():
    calls = calls_of(troubled_run())
    assert [attributes(call)["asyncfc.future.state"] for call in calls] == [
        call.status for call in timeline(troubled_run()).calls
    ]
    assert [call.error for call in calls] == ["tool_error", "dependency_failed", "timeout", "cancelled", "open"]
    never_ran = calls[1]
    assert (seconds(never_ran.start_ns), seconds(never_ran.end_ns)) == (0.8, 2.0)
    assert "exec_s" in attributes(never_ran)["asyncfc.unknown"]


def test_contents_are_left_out_unless_asked_for():
    assert not any("gen_ai.tool.call.result" in attributes(call) for call in calls_of(async_run()))
    last = calls_of(async_run(), content=True)[-1]
    assert attributes(last)["gen_ai.tool.call.result"] == '{"total": 5800000}'


@pytest.mark.parametrize("run", [sync_run(), async_run(), long_run()], ids=lambda run: run.header.run)
def test_a_run_reads_back_as_a_session(run, tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text("".join(line + "\n" for line in run_lines([run])))
    session = by_name(read(str(path), "otlp"))[run.header.run]
    drawn = timeline(run)
    assert session.provenance["call.exec_s"] == session.provenance["step.llm_s"] == "sampled"  # it was simulated
    assert [step.model for step in session.steps()] == ["gpt-4o"] * len(list(session.steps()))
    assert len(list(session.steps())) == sum(rule == "message" for _, rule, _ in run.events)
    assert [(call.id, call.tool) for call in session.calls()] == [
        (f"f{call.future}", call.tool) for call in drawn.calls
    ]
    for call, ran in zip(session.calls(), drawn.calls, strict=True):
        assert call.exec_s == pytest.approx(ran.ended_s - (ran.started_s or 0.0), abs=2e-9)
    arrows = {(arrow.source, arrow.target) for arrow in drawn.arrows if arrow.target is not None}
    assert {(int(dep[1:]), int(call.id[1:])) for call in session.calls() for dep in call.deps or ()} == arrows


@settings(max_examples=60)
@given(random_runs())
def test_the_spans_of_any_run_are_a_forest_in_time(run):
    spans = run_spans(run)
    by_id = {span.span: span for span in spans}
    assert len(by_id) == len(spans)
    for span in spans:
        assert span.start_ns <= span.end_ns
        if span.parent is not None:
            above = by_id[span.parent]
            assert above.trace == span.trace
            assert span.end_ns <= above.end_ns
        assert all(to.span in by_id for to, _ in span.links)
    calls = [span for span in spans if span.name.startswith("execute_tool")]
    assert len(calls) == len(timeline(run).calls)
