"""All schedules of the real scheduler are one Mazurkiewicz trace; without its rule a program has many."""

from __future__ import annotations

from dataclasses import replace
from math import factorial

import numpy as np
import pytest

from asyncfc_sim.core.events import Cancel
from asyncfc_sim.verify.baselines import Locks, Naive
from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.exhaust import exhaust
from asyncfc_sim.verify.moves import Granularity
from asyncfc_sim.verify.traces import TooManyExecutions, explore_traces
from tests.explored import appends, explored


@pytest.mark.parametrize("granularity", ["atomic", "steps"])
def test_under_the_rule_there_is_one_trace_and_one_execution(granularity: Granularity) -> None:
    for setting in random_settings(60, np.random.default_rng(4)):
        found = explore_traces(replace(setting, granularity=granularity))
        assert found is not None
        assert (found.executions, found.traces) == (1, 1), str(setting.program)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_n_conflicting_calls_have_n_factorial_traces_without_it(n: int) -> None:
    found = explore_traces(explored(appends("a" * n), scheduler=Naive))
    assert found is not None
    assert found.executions == found.traces == factorial(n)
    assert found.nodes < 3 * found.traces  # e, in the limit


def test_each_ending_has_a_trace() -> None:
    several = 0
    for setting in random_settings(40, np.random.default_rng(6), calls=4):
        naive = replace(setting, scheduler=Naive)
        found, endings = explore_traces(naive), len(exhaust(naive).endings)
        assert found is not None
        assert endings <= found.traces <= found.executions
        several += endings > 1
    assert several > 5


def test_a_false_footprint_leaves_it_open() -> None:
    assert explore_traces(explored('f1 = fetch_cached(url="u")\nf2 = read(path="cache")')) is None


@pytest.mark.parametrize(
    "unknown",
    [
        {"scheduler": Locks},
        {"failure": "strict"},
        {"workers": 1},
        {"environment": (Cancel(1),)},
        {"text": 'f1 = add(key="k", n=1)\nf2 = add(key="k", n=2)'},
    ],
    ids=lambda unknown: next(iter(unknown)),
)
def test_where_it_is_not_known_what_is_independent_there_is_no_answer(unknown) -> None:
    assert explore_traces(explored(**{"text": appends("ab"), **unknown})) is None
    assert explore_traces(explored(appends("ab"))) is not None


def test_beyond_the_limit_it_says_so() -> None:
    with pytest.raises(TooManyExecutions, match="more than 10 nodes"):
        explore_traces(explored(appends("aaaa"), scheduler=Naive), limit=10)
