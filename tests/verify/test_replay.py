"""The one schedule that was asked for, or why there is none such."""

from __future__ import annotations

import numpy as np
import pytest

from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.exhaust import exhaust
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.schedules import ScheduleError, format_schedule, parse_schedule
from asyncfc_sim.verify.setting import Ending
from tests.explored import appends, explored


def test_every_schedule_found_leads_where_it_was_found_to_lead() -> None:
    for setting in random_settings(20, np.random.default_rng(9)):
        for ending, schedule in exhaust(setting).endings:
            run = replay(setting, parse_schedule(format_schedule(schedule)))
            assert Ending(run.outcome(), run.world.state()) == ending


def test_a_schedule_that_ends_early_goes_on_with_the_first_move_possible() -> None:
    run = replay(explored(appends("ab")), ())
    assert run.over()


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("d f2", r"move 2: f2 is not possible; possible here: d, f1"),
        ("f1", r"move 1: f1 is not possible; possible here: d"),
        ("d d d d f1 f2 d", r"move 4: d is not possible; possible here: f1, f2"),
        ("d d d f1 f2 f1", r"move 6: f1 is not possible; the run is over here"),
        ("d cancel:f1", r"move 2: cancel:f1 is not possible"),
    ],
)
def test_a_schedule_that_a_program_does_not_have_is_refused(schedule: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        replay(explored(appends("ab")), parse_schedule(schedule))
