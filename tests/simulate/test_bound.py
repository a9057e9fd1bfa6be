"""What no schedule can beat: a message ends only where the model must look at what came of a call in it."""

from __future__ import annotations

from math import inf

import pytest

from asyncfc_sim.core.syntax import Call, Touch
from asyncfc_sim.simulate.bound import bound
from asyncfc_sim.simulate.experiment import Arm, simulate
from asyncfc_sim.simulate.reference import run_reference
from asyncfc_sim.simulate.study import Study
from tests.toy_tasks import models, program, task

TIMED = models(decoder="gpt-4o")  # whose time to the first token is the same for every prompt
ARMS = [arm for arm in Study(graces=(0.0, 0.3, inf)).arms() if arm.policy is not None]
# It looks at the first value twice: the second look is at something that it has been shown.
AGAIN = task(
    program(
        Call(1, "incr", {}),
        Touch((1,)),
        Call(2, "add", {"n": 1}),
        Touch((1,)),
        Call(3, "add", {"n": 1}),
    )
)


def least_s(arm: Arm) -> float:
    return bound(AGAIN, run_reference(AGAIN), TIMED, 0, arm.messages, stream=arm.stream).longest_path_s


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: f"{arm.label} {arm.messages} {arm.dependence}")
def test_to_look_again_at_what_was_shown_begins_no_message(arm: Arm) -> None:
    assert simulate(AGAIN, arm, TIMED, 0).makespan_s >= least_s(arm) - 1e-9


def test_the_bound_is_reached() -> None:
    (early,) = [arm for arm in ARMS if (arm.label, arm.messages) == ("early_start", "turn")]
    assert simulate(AGAIN, early, TIMED, 0).makespan_s == pytest.approx(least_s(early))
