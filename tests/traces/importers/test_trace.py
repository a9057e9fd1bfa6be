"""Our own traces as sessions: what a run recorded comes back, and what it cannot say stays unknown."""

import gzip
import io
import sys
from dataclasses import replace

import pytest
from hypothesis import Phase, find, given, settings

from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.importers.source import ImportFault, Source
from asyncfc_sim.traces.importers.trace import read as read_runs
from asyncfc_sim.traces.sessions import check_session
from asyncfc_sim.traces.trace import Run, previewed, write_trace
from tests.trace_examples import async_run, issue, long_run, message, random_runs, recorder, sync_run, troubled_run
from tests.trace_files import calls, read


@pytest.fixture
def written(tmp_path):
    def write(*runs: Run, name: str = "runs.jsonl") -> str:
        path = tmp_path / name
        write_trace(path, runs)
        return str(path)

    return write


def test_a_run_with_futures_says_what_each_call_needs(written):
    (session,) = read(written(async_run()), "trace").sessions
    assert (session.session, session.arrival_s) == ("two_lookups/asyncfc", 0.0)
    assert [(step.model, step.prompt_tokens, step.out_tokens, step.ttft_s, step.llm_s) for step in session.steps()] == [
        ("gpt-4o", 440, 32, 0.4, 0.78),
        ("gpt-4o", 480, 32, 0.4, 0.78),
        ("gpt-4o", 520, 32, 0.4, 0.78),
        ("gpt-4o", 560, 14, 0.4, 0.56),
        ("gpt-4o", 600, 42, 0.4, 0.9),
    ]
    assert [(call.id, call.tool, call.emit_s, call.exec_s, call.deps, call.reads) for call in session.calls()] == [
        ("f1", "search", 0.78, 2.0, (), ()),
        ("f2", "search", 0.78, 1.8, (), ()),
        ("f3", "add", 0.78, 0.05, ("f1", "f2"), ()),
    ]
    total = list(session.calls())[2]
    assert (total.args, total.result, total.result_chars) == ({"a": 3_700_000, "b": 2_100_000}, {"total": 5800000}, 18)
    assert total.effect == "read"


def test_a_run_without_futures_does_not(written):
    found = list(calls(read(written(sync_run()), "trace")))
    assert {(call.deps, call.reads) for call in found} == {(None, None)}
    assert [call.exec_s for call in found] == [2.0, 1.8, 0.05]


@pytest.mark.parametrize("example", [sync_run, async_run])
def test_how_long_the_text_is_tells_nothing_where_there_were_futures(written, example):
    """There awaits were written too, and arguments are not what was written."""
    run = example()
    for event in run.events:
        if event.rule == "message":
            event.fields["text_chars"] = 5
    (session,) = read(written(run), "trace").sessions
    known = {step.text_chars for step in session.steps()}
    assert known == ({5} if example is sync_run else {None})


def test_a_tool_that_returned_nothing_has_a_result_of_no_length(written):
    run = recorder("sync")
    message(run, 1, 0.0, 0.4, 0.8)
    issue(run, 0.8, 1, "say", {}, 1)
    run.record((0.8, "start", {"future": 1, "tool": "say", "args": {}, "reads": (), "writes": ("x",)}))
    run.record((1.0, "finish", {"future": 1, "value": None}))
    told = run.run()
    (call,) = calls(read(written(told), "trace"))
    assert (call.result, call.result_chars) == (None, 0)
    # A run that was laid out from a recording: nobody recorded it.
    laid = replace(told, header=replace(told.header, inputs={"layout": "..."}))
    (call,) = calls(read(written(laid), "trace"))
    assert (call.result, call.result_chars) == (None, None)


def test_what_the_decoder_asked_to_see_was_read(written):
    run = recorder("asyncfc")
    message(run, 1, 0.0, 0.4, 0.8)
    issue(run, 0.8, 1, "search", {}, 1)
    run.record((1.0, "finish", {"future": 1, "value": "x"}))
    run.record((1.0, "touch", {"futures": [1]}))
    run.record((1.0, "request", {"turn": 2}))
    issue(run, 1.6, 2, "search", {}, 2)
    run.record((1.8, "message", {"turn": 2}))
    message(run, 3, 1.8, 2.0, 2.2)
    issue(run, 2.2, 3, "search", {}, 3)
    first, second, third = calls(read(written(run.run()), "trace"))
    assert (first.reads, second.reads, third.reads) == ((), ("f1",), ())
    assert second.emit_s == 0.6  # issued before its message ended


def test_calls_issued_at_the_end_of_their_message_hide_when_they_were_complete(written):
    found = list(calls(read(written(long_run(3)), "trace")))
    assert [(call.emit_s, call.exec_s) for call in found] == [(None, 0.5), (None, 0.5), (2.0, 0.5)]


def test_calls_that_failed_say_so_and_those_that_never_ran_have_no_time(written):
    found = {call.tool + call.id: call for call in calls(read(written(troubled_run()), "trace"))}
    assert {name: (call.exec_s, call.error, call.effect) for name, call in found.items()} == {
        "fetchf1": (1.2, True, "read"),
        "summarisef2": (None, True, None),
        "savef3": (2.8, True, "write"),  # it timed out at 3.0, and ended at 3.6
        "savef4": (None, True, None),
        "watchf5": (None, False, "read"),  # open when the trace ends
    }
    assert found["summarisef2"].deps == ("f1",)


def test_a_call_that_was_cut_off_never_was(written):
    run = recorder("asyncfc")
    message(run, 1, 0.0, 0.4, 0.8)
    for future in (1, 2):
        issue(run, 0.8, future, "search", {}, 1)
    run.record((0.9, "fail", {"future": 1, "error": {"kind": "tool_error", "message": "no"}}))
    run.record((0.9, "cut", {"future": 1}))
    message(run, 2, 1.0, 1.4, 1.8)
    issue(run, 1.8, 2, "add", {}, 2)
    assert [call.tool for call in calls(read(written(run.run()), "trace"))] == ["search", "add"]


def test_turns_have_the_pauses_of_the_user(written):
    run = recorder("asyncfc")
    for turn, start in ((1, 0.0), (2, 5.0)):
        run.record((start, "user", {"turn": turn}))
        message(run, turn, start, start + 0.4, start + 1.0)
        run.record((start + 1.0, "answer", {}))
    (session,) = read(written(run.run()), "trace").sessions
    assert [(turn.user_gap_s, len(turn.steps)) for turn in session.turns] == [(None, 1), (4.0, 1)]


def test_a_clock_on_the_wall_measures_and_a_simulated_one_samples(written):
    run = async_run()
    wall = replace(run, header=replace(run.header, clock="wall", source="live"))
    marks = [read_sessions(written(each)).sessions[0].provenance for each in (run, wall)]
    assert [mark["step.llm_s"] for mark in marks] == [mark["call.exec_s"] for mark in marks] == ["sampled", "measured"]
    assert {mark["call.deps"] for mark in marks} == {"derived"}


def test_runs_share_no_clock(written):
    imported = read(written(sync_run(), async_run()), "trace")
    assert [(session.session, session.arrival_s) for session in imported.sessions] == [
        ("two_lookups/sync", None),
        ("two_lookups/asyncfc", None),
    ]


def test_previews_are_no_results(written):
    (session,) = read(written(previewed(async_run(), 10)), "trace").sessions
    *_, total = session.calls()
    assert (total.result, total.result_chars) == (None, 18)
    assert total.args == {"a": "$f1.items[0].population", "b": "$f2.items[0].population"}


def test_a_broken_line_leaves_out_its_run_and_no_other(written):
    path = written(sync_run(), async_run(), sync_run())
    with open(path) as file:
        lines = file.readlines()
    place = next(number for number, line in enumerate(lines) if '"asyncfc"' in line) + 3
    lines[place] = lines[place].replace('"t":0.4', '"t":-1')
    with open(path, "w") as file:
        file.writelines(lines)
    with pytest.raises(ImportFault, match=rf"runs\.jsonl:{place + 1}: "):
        read(path, "trace")
    imported = read(path, "trace", "skip")
    assert [session.session for session in imported.sessions] == ["two_lookups/sync", "two_lookups/sync"]
    assert len(imported.faults) == 1
    assert f":{place + 1}: " in imported.faults[0]


def test_a_run_that_asked_no_decoder_is_no_session(written):
    run = recorder("walk")
    run.record((0.0, "issue", {"future": 1, "tool": "t", "args": {}}))
    with pytest.raises(ImportFault, match=r"runs\.jsonl:1: run 'two_lookups/walk': .* in no message"):
        read(written(run.run()), "trace")
    with pytest.raises(ImportFault, match="no request to a decoder"):
        read(written(recorder("walk").run()), "trace")


def test_compressed_and_piped_traces_are_the_same(written, monkeypatch):
    plain, packed = written(async_run()), written(async_run(), name="runs.jsonl.gz")
    with open(packed, "rb") as file:
        data = file.read()
    assert gzip.decompress(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    turns = [read_sessions(path).sessions[0].turns for path in (plain, packed, "-")]
    assert turns[0] == turns[1] == turns[2]


def imported_run(run):
    buffer = io.StringIO()
    write_trace(buffer, [run])
    source = Source("-", "skip")
    source.text = buffer.getvalue()
    return [check_session(session) for _, session in read_runs(source)], source.faults


@given(random_runs())
def test_any_run_is_a_session_or_a_fault(run):
    sessions, faults = imported_run(run)
    assert len(sessions) + len(faults) == 1
    for session in sessions:
        issued = {event.fields["future"] for event in run.events if event.rule == "issue"}
        assert {call.id for call in session.calls()} == {f"f{future}" for future in issued}
        assert len(list(session.steps())) == sum(event.rule == "request" for event in run.events)


def test_random_runs_are_sometimes_sessions_with_calls_that_need_others():
    def needy(run):
        return any(call.deps and call.exec_s for session in imported_run(run)[0] for call in session.calls())

    find(random_runs(), needy, settings=settings(phases=[Phase.generate], max_examples=2000))
