"""What a trace may leave out, what it may write late, and how a deviation reads. (All drivers: test_conformance.py.)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.core import events
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Event, Header, Recorder, Run, TraceError
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.conformance import Deviation, conforms
from asyncfc_sim.verify.recording import recording
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.workloads.random_programs import random_program
from tests.recorded import at_random, new_world

TOOLS = {
    tool.name: tool
    for tool in (
        Tool("read", Declaration(reads=["k:{path}"]), idempotent=True),
        Tool("write", Declaration(writes=["k:{path}"])),
        Tool("ask", Declaration(), approval=True),
    )
}
Made = tuple[str, dict[str, Any]]
READ: Made = ("read", {"path": "a"})
WRITE: Made = ("write", {"path": "a"})
ASK: Made = ("ask", {})
BOOM = ErrorValue("tool_error", "boom")


def issue(future: int, call: Made) -> events.Issue:
    return events.Issue(Call(future, *call))


def start(future: int, path: str) -> events.Start:
    return events.Start(future, "read", {"path": path}, TOOLS["read"].footprint({"path": path}))


def logged(*told: events.Event, scheduler: Scheduler | None = None) -> list[object]:
    """What a driver logs that tells the scheduler these events: each, and then the actions."""
    scheduler = scheduler or Scheduler(TOOLS)
    log: list[object] = []
    for event in told:
        log += [event, *scheduler.feed(event)]
    return log


def trace(log: Iterable[object]) -> Run:
    recorder = Recorder(Header(run="by hand", source="live"))
    for entry in log:
        shown = trace_entry(entry)
        if shown is not None:
            recorder.record((0.0, *shown))
    return recorder.run()


def judged(log: Iterable[object], **options: Any) -> Deviation | None:
    return conforms(trace(log), Scheduler(TOOLS), **options)


def test_a_log_of_a_scheduler_conforms():
    told: list[events.Event] = [
        issue(1, WRITE),
        issue(2, READ),
        events.Touch((2,)),
        events.Finish(1, "ok"),
        events.Finish(2, "x"),
    ]
    assert judged(logged(*told)) is None
    assert judged([]) is None


def test_a_run_may_stop_anywhere_but_in_the_middle_of_what_the_scheduler_does():
    log = logged(issue(1, WRITE), issue(2, READ), events.Finish(1, "ok"))
    assert judged(log[:3]) is None  # both issued, one started
    assert judged(log[:1]) == Deviation(2, None, "start $f1", "the end")


@pytest.mark.parametrize(
    ("log", "deviation"),
    [
        # $f2 reads what $f1 is still writing.
        (
            [*logged(issue(1, WRITE)), issue(2, READ), start(2, "a")],
            "event 4: expected nothing of the kind: the scheduler does not do it here; found start $f2",
        ),
        (
            [issue(1, WRITE), issue(2, READ)],
            "event 2: expected start $f1; found issue $f2",
        ),
        (
            [*logged(issue(1, WRITE)), events.Settle(1, "ok"), events.Settle(1, "ok")],
            "event 4: expected no such event, for $f1 is not under way; found finish $f1",
        ),
        (
            [*logged(issue(1, WRITE)), events.Resume({1: "ok"})],
            "event 3: expected nothing of the kind: the scheduler does not do it here; found touch $f1",
        ),
        (
            [*logged(issue(1, WRITE)), events.Deliver((1,))],
            "event 3: expected no such event, for deliver of $f1, which is not resolved; found deliver $f1",
        ),
        (
            [*logged(issue(1, READ), issue(2, ("read", {"path": Ref(1)}))), events.Settle(1, "b"), start(2, "c")],
            'event 5: expected start $f2 with args {"path":"b"}; found args {"path":"c"}',
        ),
        (
            [*logged(issue(1, WRITE)), events.Cut(1)],
            "event 3: expected nothing of the kind: the scheduler does not do it here; found cut $f1",
        ),
    ],
)
def test_a_deviation_says_where_it_is_and_what_was_expected(log: list[object], deviation: str):
    assert str(judged(log)) == deviation


def test_a_deviation_names_the_line_of_a_file():
    run = replace(trace([issue(1, WRITE), issue(2, READ)]), lines=(2, 4))
    deviation = conforms(run, Scheduler(TOOLS))
    assert str(deviation) == "event 2 (line 4): expected start $f1; found issue $f2"


def test_values_are_those_of_the_tools_if_these_can_be_run():
    log = logged(issue(1, WRITE), events.Finish(1, "ok"), issue(2, READ), events.Fail(2, BOOM))
    returns = {"write": "ok", "read": BOOM}
    assert judged(log, execute=lambda future, tool, args: returns[tool]) is None
    for tool, other in [("write", "no"), ("write", BOOM), ("read", "x"), ("read", replace(BOOM, message="bang"))]:
        deviation = judged(log, execute=lambda future, name, args, changed={**returns, tool: other}: changed[name])
        assert deviation is not None
        assert f"$f{1 if tool == 'write' else 2} to give" in deviation.expected


def test_an_error_that_is_none():
    run = trace(logged(issue(1, READ)))
    odd = Event(0.0, "fail", {"future": 1, "error": {"kind": "x"}})
    deviation = conforms(replace(run, events=(*run.events, odd)), Scheduler(TOOLS))
    assert "one of which there is no error of the kind 'x'" in str(deviation)


# ---------------------------------------------------------------------------- what a session writes late, or not at all


def test_a_touch_may_be_answered_among_the_actions_of_one_event():
    """settle $f1, resume, start $f2."""
    told: list[events.Event] = [issue(1, WRITE), issue(2, READ), events.Touch((1,)), events.Finish(1, "ok")]
    log = logged(*told)
    assert [type(entry).__name__ for entry in log[-3:]] == ["Settle", "Resume", "Start"]
    assert judged(log) is None
    settled, resumed, started = log[-3:]
    assert judged([*log[:-3], settled, started, resumed]) is None  # as if it had been asked for just then
    assert judged([*log[:-3], resumed, settled, started]) is not None
    assert judged([*log[:-3], settled, events.Deliver((1,)), started]) is not None  # which nobody would do here


def test_a_session_may_deliver_before_the_next_action_is_written():
    told: list[events.Event] = [events.Finish(1, "x"), events.Touch((2,)), events.Finish(2, "ok")]
    log = logged(issue(1, READ), issue(2, WRITE), issue(3, READ), *told)
    assert judged([*log[:-1], events.Deliver((1,)), log[-1]]) is None


def test_a_call_that_waits_for_a_person_is_written_as_started_when_that_person_agrees():
    log = logged(issue(1, ASK), issue(2, READ), events.Finish(2, "x"))
    asked = [entry for entry in log if not (isinstance(entry, events.Start) and entry.future == 1)]
    (started,) = (entry for entry in log if isinstance(entry, events.Start) and entry.future == 1)
    assert judged(asked) is None
    assert judged([*asked, started, events.Settle(1, "yes")]) is None
    assert judged([*asked, started, started]) is not None
    assert judged([*asked, events.Settle(1, replace(BOOM, kind="not_executed", origin=1))]) is None  # refused


def test_a_call_may_be_tried_again_as_often_as_its_policy_says():
    log = logged(issue(1, READ))
    assert judged([*log, log[-1]], retries=1) is None
    assert judged([*log, log[-1]]) is not None
    assert judged([*log, log[-1], log[-1]], retries=1) is not None
    written = logged(issue(1, WRITE))
    assert judged([*written, written[-1]], retries=1) is not None  # not idempotent


def test_a_tool_that_is_asked_to_stop_may_have_ended_by_then():
    """Between two attempts nothing is under way, so a session ends the call before it writes what comes next."""
    scheduler = Scheduler(TOOLS)
    log = logged(issue(1, WRITE), issue(2, READ), events.Timeout(1), scheduler=scheduler)
    assert isinstance(log[-1], events.Stop)
    assert judged([*log, *logged(events.End(1), scheduler=scheduler)]) is None


def test_a_trace_of_previews_cannot_be_played():
    run = trace(logged(issue(1, READ)))
    with pytest.raises(TraceError, match="run 'by hand' holds previews"):
        conforms(replace(run, header=replace(run.header, values="preview")), Scheduler(TOOLS))


def test_runs_of_a_scheduler_that_ignores_conflicts_are_found_out():
    """They are paths of that scheduler, and mostly not of the real one."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(100):
        program, tools, _ = random_program(rng, 5)
        recorder = Recorder(Header(run="naive", source="walk"))
        at_random(Setting(program, tools, new_world, scheduler=Naive), rng, recording(recorder))
        run = recorder.run()
        assert conforms(run, Naive(tools), execute=new_world().call) is None
        found += conforms(run, Scheduler(tools)) is not None
    assert found > 15
