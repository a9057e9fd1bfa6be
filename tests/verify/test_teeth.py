"""The tests have teeth: every mutant of the scheduler that is wrong is noticed by some of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.mutants import MUTANTS, Mutant
from asyncfc_sim.verify.teeth import Kills, kill_table, killed_by_litmus, killed_by_program, unnoticed
from asyncfc_sim.workloads.litmus_file import litmus_files, load_litmus

TESTS = [load_litmus(str(path)) for path in litmus_files()]


@pytest.fixture(scope="module")
def table() -> Mapping[str, Kills]:
    return kill_table(TESTS)


def test_some_litmus_test_notices_each_mutant(table: Mapping[str, Kills]) -> None:
    assert unnoticed(table) == []
    assert [name for name, kills in table.items() if not kills.litmus] == ["shrinking wakes nobody"]


def test_the_table_that_is_committed_is_this_one(table: Mapping[str, Kills]) -> None:
    """Its column of random programs is checked by `make verify`."""
    committed = (Path(__file__).parents[1] / "litmus" / "MUTANTS.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in committed.splitlines() if line[:2] == "| "][1:]
    assert {name: names for name, _, _, _, names in rows if not names.startswith("none")} == {
        name: " ".join(kills.litmus) for name, kills in table.items() if kills.litmus
    }


def test_the_real_scheduler_is_not_noticed() -> None:
    real = Mutant(Scheduler, ("poison", "barrier", "strict"))
    assert [test.name for test in TESTS if killed_by_litmus(real, test)] == []
    assert not any(killed_by_program(real, setting) for setting in random_settings(10, np.random.default_rng(1)))


def test_random_programs_notice_the_plain_ones() -> None:
    settings = list(random_settings(15, np.random.default_rng(7), calls=4))
    for name in ("no conflicts", "no exclusion", "no drain", "data not awaited", "no poison"):
        assert any(killed_by_program(MUTANTS[name], setting) for setting in settings), name


def test_what_nobody_notices_is_named() -> None:
    kills = {name: Kills() for name in MUTANTS} | {"no WAW": Kills(["WW"])}
    assert "no WAW" not in unnoticed(kills)
    assert "one by one" not in unnoticed(kills)  # nothing can notice it
    assert "no RAW" in unnoticed(kills)
