"""A run of the explorer as a trace: what is in it, and that a second is a step."""

from __future__ import annotations

from asyncfc_sim.core.syntax import Call, Program
from asyncfc_sim.traces.trace import Header, Recorder, Run
from asyncfc_sim.verify.moves import DECODE, Granularity
from asyncfc_sim.verify.recording import recording
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.workloads.random_programs import TOOLS
from tests.recorded import new_world

PROGRAM = Program((Call(1, "append", {"path": "a", "text": "x"}), Call(2, "read", {"path": "a"})))


def recorded(granularity: Granularity) -> Run:
    recorder = Recorder(Header(run="one", source="walk"))
    setting = Setting(PROGRAM, TOOLS, new_world, granularity=granularity)
    replay(setting, [DECODE, DECODE], recording(recorder))  # both are issued, and then run
    return recorder.run()


def test_accesses_stand_between_the_start_and_the_end_of_their_call():
    """Those of an atomic tool follow one another."""
    granularities: tuple[Granularity, ...] = ("atomic", "steps")
    for granularity in granularities:
        run = recorded(granularity)
        assert [event.rule for event in run.events if event.fields.get("future") == 1] == [
            "issue",
            "start",
            "access",
            "access",
            "finish",
        ]
        assert [(e.fields["future"], e.fields["mode"], e.fields["key"]) for e in run.events if e.rule == "access"] == [
            (1, "r", "file:a"),
            (1, "w", "file:a"),
            (2, "r", "file:a"),
        ]


def test_a_second_is_a_step_and_the_scheduler_takes_no_time():
    run = recorded("steps")
    moments = {(event.rule, event.fields.get("future")): event.t for event in run.events}
    assert moments["start", 2] == moments["finish", 1]
    steps = [event.t for event in run.events if event.rule in ("issue", "access")]
    assert len(set(steps)) == len(steps)
