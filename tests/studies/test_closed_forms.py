"""AsyncLM's closed forms are what the simulator gives where nothing but decoding and executing calls takes time."""

from __future__ import annotations

import numpy as np

from asyncfc_sim.simulate.closed_form import async_s, sync_parallel_s
from asyncfc_sim.studies.closed_forms import FORMS, _compare, _instance, compare
from asyncfc_sim.studies.setting import arm_of


def test_each_policy_takes_what_its_formula_says():
    compared = compare(40, np.random.default_rng(1))
    assert [each.policy for each in compared] == ["sync", "sync_parallel", "interrupt"]
    for each in compared:
        assert each.largest_difference < 1e-12
        assert each.n == 40
    assert compared[0].most_speedup < 1.000001
    assert compared[2].most_speedup > compared[1].most_speedup > 2


def test_the_formula_of_another_policy_would_be_noticed():
    drawn = [_instance(number, np.random.default_rng(number)) for number in range(20)]
    wrong = _compare("wrong", sync_parallel_s, arm_of("interrupt", "call", {}), drawn)
    assert wrong.largest_difference > 0.05
    assert FORMS[2][1] is async_s
