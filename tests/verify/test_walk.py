"""A walk is one legal schedule, and its trace says what happened in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.syntax import Call, Done, Program
from asyncfc_sim.traces.timeline import timeline
from asyncfc_sim.traces.trace import Header, Recorder, read_trace, write_trace
from asyncfc_sim.verify.sample import sample
from asyncfc_sim.verify.walk import walk
from asyncfc_sim.workloads.workload import Task, Turn
from tests.toys import TOOLS, ToyWorld

PROGRAM = Program(
    (
        Call(1, "read", {"path": "a"}),
        Call(2, "write", {"path": "b", "text": "x"}),
        Call(3, "fail", {}),
        Call(4, "read", {"path": "b"}),
        Call(5, "copy", {"src": Ref(1), "dst": "b"}),
        Done((Ref(4), Ref(5))),
    )
)


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
def test_a_walk_writes_a_trace_like_every_driver(failure: Failure, tmp_path: Path) -> None:
    overlapped = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        recorder = Recorder(Header(run=f"walk {seed}", source="walk"))
        outcome, schedule = walk(
            PROGRAM,
            TOOLS,
            ToyWorld().execute,
            lambda n, rng=rng: int(rng.integers(n)),  # type: ignore[misc]
            failure=failure,
            recorder=recorder,
        )
        run = recorder.run()
        write_trace(tmp_path / "walk.jsonl", [run])
        assert read_trace(tmp_path / "walk.jsonl") == [run]
        rules = [event.rule for event in run.events]
        assert 3 <= rules.count("issue") <= schedule.count("d")
        assert rules.count("start") == sum(move.startswith("f") for move in schedule)
        assert ("cut" in rules) == (failure == "strict") == (outcome.stopped_at == 3)
        drawn = timeline(run)
        overlapped.append(drawn.lanes > 1)
    assert any(overlapped)


def test_samples_count_what_they_ran() -> None:
    class World(ToyWorld):
        call = ToyWorld.execute

        def copy(self) -> World:
            return World(dict(self.store))

    task = Task("toy", "test", (Turn("go", PROGRAM),), TOOLS, {}, World)
    sampled = sample(task, np.random.default_rng(0), schedules=40)
    assert (sampled.runs, sampled.different) == (40, 0)
    assert 1 < sampled.distinct <= 40
