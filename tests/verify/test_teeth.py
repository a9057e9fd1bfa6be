"""The tests have teeth: every mutant of the scheduler that is wrong is noticed by some of them."""

from __future__ import annotations

import numpy as np
import pytest

from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.mutants import MUTANTS, Mutant
from asyncfc_sim.verify.teeth import Kills, killed_by_litmus, killed_by_program, unnoticed
from asyncfc_sim.workloads.litmus_file import litmus_files, load_litmus

TESTS = [load_litmus(str(path)) for path in litmus_files()]


@pytest.mark.parametrize("name", MUTANTS)
def test_some_litmus_test_notices_each_mutant(name: str) -> None:
    mutant = MUTANTS[name]
    assert any(killed_by_litmus(mutant, test) for test in TESTS) or mutant.equivalent


def test_the_real_scheduler_is_not_noticed() -> None:
    real = Mutant(Scheduler, ("poison", "barrier", "strict"))
    assert [test.name for test in TESTS if killed_by_litmus(real, test)] == []
    assert not any(killed_by_program(real, setting) for setting in random_settings(10, np.random.default_rng(1)))


def test_random_programs_notice_the_plain_ones() -> None:
    settings = list(random_settings(15, np.random.default_rng(7), calls=4))
    for name in ("no conflicts", "no exclusion", "no drain", "data not awaited", "no poison"):
        assert any(killed_by_program(MUTANTS[name], setting) for setting in settings), name


def test_what_nobody_notices_is_named() -> None:
    table = {name: Kills() for name in MUTANTS} | {"no WAW": Kills(["WW"])}
    assert "no WAW" not in unnoticed(table)
    assert "one by one" not in unnoticed(table)  # nothing can notice it
    assert "no RAW" in unnoticed(table)
