"""The verdict on a program: all schedules where there are few, random ones where there are many, the simplest shown."""

from __future__ import annotations

from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.setting import Ending
from asyncfc_sim.verify.verdict import judge
from asyncfc_sim.verify.walk import search
from tests.explored import appends, explored


def test_few_states_are_all_seen() -> None:
    verdict = judge(explored(appends("aab"), granularity="steps"))
    assert verdict.equal
    assert (verdict.outcomes, verdict.sampled) == (1, 0)
    assert verdict.traces is not None
    assert verdict.traces.traces == 1


def test_many_states_are_sampled_and_it_says_so() -> None:
    real, naive = (explored(appends("a" * 9), scheduler=make) for make in (Scheduler, Naive))
    assert judge(real, limit=5, schedules=50).equal
    verdict = judge(naive, limit=50, schedules=50)
    assert (verdict.states, verdict.outcomes, verdict.sampled, verdict.equal) == (None, None, 50, False)


def test_what_is_shown_is_simple() -> None:
    """The shrunk schedule runs one call before its turn, and is otherwise as simple as can be."""
    setting = explored(appends("abca"), scheduler=Naive)
    verdict = judge(setting)
    assert verdict.differing is not None
    run = replay(setting, verdict.differing)
    assert Ending(run.outcome(), run.world.state()) != setting.in_order()
    acted = [move for move in verdict.differing if move]
    assert acted.index(4) < acted.index(1)


def test_a_search_finds_nothing_where_there_is_nothing() -> None:
    setting = explored(appends("aab"), granularity="steps")
    assert search(setting, setting.in_order(), schedules=60) is None


def test_the_same_seed_finds_the_same() -> None:
    setting = explored(appends("aab"), scheduler=Naive, granularity="steps")
    found = [search(setting, setting.in_order(), schedules=60, seed=3) for _ in range(2)]
    assert found[0] == found[1] is not None
