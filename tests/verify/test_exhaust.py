"""Every schedule: what is found, and that leaving moves out finds the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.verify.baselines import SCHEDULERS, Locks, Naive, Sequential
from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.exhaust import TooManyStates, exhaust
from asyncfc_sim.verify.moves import Granularity
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.setting import Ending
from tests.explored import ALL_TOOLS, appends, explored


def texts(found) -> set[str]:
    return {ending.text() for ending, _ in found.endings}


def test_the_real_scheduler_has_one_ending_and_naive_one_for_each_order() -> None:
    assert len(exhaust(explored(appends("aaaa"))).endings) == 1
    naive = exhaust(explored(appends("aaaa"), scheduler=Naive))
    assert len(naive.endings) == len(list(permutations("1234")))


@pytest.mark.parametrize("paths", ["aaaaaaaa", "abcdefgh", "aabbccdd", "abababab", "aaaabbbc"])
def test_eight_atomic_calls_with_any_conflicts_are_few_states(paths: str) -> None:
    setting = explored(appends(paths))
    found = exhaust(setting)
    assert found.reduced
    assert (found.states, found.differing(setting.in_order())) == (18, None)


@pytest.mark.parametrize("paths", ["abcabcabcabc", "aaaabbbbcccc", "aaaaaabbbbcc"])
def test_twelve_atomic_calls_in_three_classes_are_few_states(paths: str) -> None:
    setting = explored(appends(paths))
    found = exhaust(setting)
    assert (found.states, found.differing(setting.in_order())) == (26, None)


@pytest.mark.parametrize("paths", ["aaaaaa", "abcdef", "aabbcc"])
def test_six_calls_step_by_step_are_few_states(paths: str) -> None:
    setting = explored(appends(paths), granularity="steps")
    found = exhaust(setting)
    assert (found.states, found.differing(setting.in_order())) == (26, None)


MODES: list[tuple[str, Failure, Granularity]] = [
    ("effect", "poison", "atomic"),
    ("effect", "poison", "steps"),
    ("effect", "barrier", "steps"),
    ("effect", "strict", "steps"),
    ("naive", "poison", "atomic"),
    ("naive", "poison", "steps"),
]


@pytest.mark.parametrize(("scheduler", "failure", "granularity"), MODES)
def test_moves_left_out_as_redundant_are_redundant(scheduler: str, failure: Failure, granularity: Granularity) -> None:
    rng = np.random.default_rng(11)
    smaller = several = 0
    for setting in random_settings(60, rng, calls=4):
        chosen = replace(setting, granularity=granularity, failure=failure, scheduler=SCHEDULERS[scheduler])
        reduced, full = exhaust(chosen), exhaust(chosen, reduce=False)
        assert texts(reduced) == texts(full), str(setting.program)
        assert reduced.states <= full.states
        smaller += reduced.states < full.states
        several += len(full.endings) > 1
    assert smaller > 40
    assert (several > 15) == (scheduler == "naive")


def test_a_false_footprint_is_noticed_and_nothing_is_left_out() -> None:
    """f1 declares that it touches nothing, and writes file:cache."""
    setting = explored('f1 = fetch_cached(url="u")\nf2 = read(path="cache")')
    found = exhaust(setting)
    assert not found.reduced
    assert found.differing(setting.in_order()) is not None


def test_tools_that_commute_only_by_declaration_are_tried_in_both_orders() -> None:
    """f3 goes first if it is issued while f2 waits for f1, and last otherwise."""
    tools = {**ALL_TOOLS, "append": replace(ALL_TOOLS["append"], commutes_with=frozenset({"append"}))}
    text = 'f1 = pure(x="1")\nf2 = append(path="n", text=$f1[0])\nf3 = append(path="n", text="2")'
    for granularity in ("atomic", "steps"):
        setting = explored(text, tools=tools, granularity=granularity)
        assert len(exhaust(setting).endings) == 2
        assert exhaust(setting).differing(setting.in_order()) is not None


def test_locks_give_some_order_and_sequential_gives_the_order() -> None:
    late = 'f1 = read(path="b")\nf2 = append(path="a", text=$f1)\nf3 = append(path="a", text="!")'
    locks, sequential = explored(late, scheduler=Locks), explored(late, scheduler=Sequential)
    assert exhaust(locks).differing(locks.in_order()) is not None
    assert exhaust(sequential).differing(sequential.in_order()) is None
    both = explored(appends("aa"), scheduler=Locks, granularity="steps")
    assert exhaust(both).differing(both.in_order()) is None  # ready in order, and one at a time


def test_a_schedule_that_differs_can_be_replayed() -> None:
    setting = explored(appends("aa"), scheduler=Naive, granularity="steps")
    expected = setting.in_order()
    schedule = exhaust(setting).differing(expected)
    assert schedule is not None
    run = replay(setting, schedule)
    assert Ending(run.outcome(), run.world.state()) != expected


def test_the_outcome_includes_what_the_decoder_saw() -> None:
    """The world and the values are the same in the end; what was seen at the first touch is not."""
    text = 'f1 = write(path="a", text="1")\nf2 = read(path="a")\nawait $f2\nf3 = write(path="a", text="1")\nreturn $f3'
    setting = explored(text, scheduler=Naive)
    endings = [ending for ending, _ in exhaust(setting).endings]
    assert len({ending.world for ending in endings}) == 1 < len(endings)


def test_every_state_is_visited_once_and_t1_holds_in_each() -> None:
    """formal.md T1: in every reachable state each resolved future already has its sequential value."""
    waits = overlaps = 0
    for setting in random_settings(30, np.random.default_rng(2)):
        expected = setting.in_order().outcome.values
        keys = []

        def visit(run) -> None:
            nonlocal waits, overlaps
            keys.append(run.key())  # noqa: B023
            for future, value in run.scheduler.values.items():
                assert value == expected[future]  # noqa: B023
            overlaps += len(run.under_way) > 1
            waits += len(run.under_way) < len(run.scheduler.futures) - len(run.scheduler.values)

        found = exhaust(setting, reduce=False, visit=visit)
        assert len(set(keys)) == len(keys) == found.states
    assert overlaps > 100
    assert waits > 100


def test_beyond_the_limit_it_says_so() -> None:
    with pytest.raises(TooManyStates, match="more than 50 states"):
        exhaust(explored(appends("aaaaaa"), scheduler=Naive), limit=50)
