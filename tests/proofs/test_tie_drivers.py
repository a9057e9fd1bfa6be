"""Runs of every driver go by the rules of the proofs: explorer, walker, simulator, and live, as they were recorded.

test_conformance.py plays them to a fresh scheduler, and compares what it does with the recording. Here that scheduler
is followed on the machine.
"""

from __future__ import annotations

from collections import Counter

import pytest

from asyncfc_sim.core.events import Action, Issue, Start
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.verify.conformance import conforms
from asyncfc_sim.verify.machine.follow import Deviation
from asyncfc_sim.verify.machine.followed import Followed
from asyncfc_sim.verify.mutants import NoConflicts
from tests.recorded import SOURCES, Recorded, runs_of
from tests.scheduler_run import TOOLS


@pytest.fixture(params=SOURCES)
def recorded(request: pytest.FixtureRequest) -> list[Recorded]:
    return runs_of(request.param)


def test_recorded_runs_go_by_the_rules_of_the_proofs(recorded: list[Recorded]) -> None:
    met: Counter[str] = Counter()
    for one in recorded:
        assert conforms(one.run, followed(one.make_scheduler())) is None
        met.update(event.rule for event in one.run.events)
    assert min(met["issue"], met["start"], met["finish"], met["touch"]) > 50


def followed(scheduler: Scheduler) -> Scheduler:
    """A scheduler with the same options that is followed."""
    slots = scheduler._slots
    caps = {"max_running": slots._total, "max_running_per_tool": slots._per_tool}
    return Followed(scheduler.tools, failure=scheduler.failure, **caps)


class Hasty(Followed, NoConflicts):
    """Followed, too, and does not see conflicts."""


def test_a_scheduler_that_leaves_the_rules_is_stopped() -> None:
    right, wrong = Followed(TOOLS), Hasty(TOOLS)
    calls = [Call(1, "write", {"path": "a"}), Call(2, "read", {"path": "a"})]
    assert [starts(right.feed(Issue(call))) for call in calls] == [[1], []]
    assert starts(wrong.feed(Issue(calls[0]))) == [1]
    with pytest.raises(Deviation, match=r"start \$f2: it is not independent of \$f1"):
        wrong.feed(Issue(calls[1]))


def starts(actions: list[Action]) -> list[int]:
    return [action.future for action in actions if isinstance(action, Start)]
