"""One state of a run: what may happen next, and that copies are independent and keys tell states apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.events import Cancel, Deliver, End, Issue, Settle, Start, Timeout
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.verify.baselines import Locks, Naive
from asyncfc_sim.verify.configuration import Configuration, Stuck
from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.moves import DECODE, Move
from asyncfc_sim.verify.mutants import MUTANTS, FirstFreedOnly
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.setting import Ending
from tests.explored import appends, explored


def test_a_run_step_by_step() -> None:
    run = explored('f1 = read(path="a")\nf2 = write(path="a", text="x")', granularity="steps").start()
    seen: list[object] = []
    run.observer = seen.append
    assert run.moves() == [DECODE]
    run.make(DECODE)
    assert run.moves() == [DECODE, 1]  # it may decode on, or the read may read
    run.make(1)
    assert run.world.state() == explored("return").start().world.state()  # a read changes nothing
    run.make(DECODE)
    assert run.moves() == [DECODE, 1]  # the write waits for the read to return
    assert run.peek(1) is None
    run.make(1)
    assert run.moves() == [DECODE, 2]
    while not run.over():
        run.make(run.moves()[-1])
    kinds = [type(each) for each in seen]
    assert kinds.count(Issue) == kinds.count(Start) == kinds.count(Settle) == kinds.count(Access) == 2
    assert run.outcome() == explored('f1 = read(path="a")\nf2 = write(path="a", text="x")').in_order().outcome


def test_moves_stand_in_order_of_the_futures_not_of_the_starts() -> None:
    run = explored('f1 = read(path="a")\nf2 = pure(x=$f1)\nf3 = pure(x="x")').start()
    for move in (DECODE, DECODE, DECODE, 1):
        run.make(move)
    assert list(run.under_way) == [3, 2]
    assert run.moves() == [DECODE, 2, 3]


def test_an_atomic_call_is_one_move() -> None:
    run = explored(appends("a")).start()
    run.make(DECODE)
    run.make(1)
    assert run.scheduler.values[1] == "ok"


def test_a_fork_lives_its_own_life_and_keys_tell_states_apart() -> None:
    rng = np.random.default_rng(3)
    for setting in random_settings(20, rng):
        run = setting.start()
        while not run.over():
            key, twin = run.key(), run.fork()
            assert twin.key() == key
            moves = run.moves()
            move = moves[int(rng.integers(len(moves)))]
            twin.make(move)
            assert run.key() == key != twin.key()  # every move leads on: the graph of states has no cycle
            run.make(move)
            assert run.key() == twin.key()


@pytest.mark.parametrize("make", [Scheduler, Naive, Locks, *(mutant.make for mutant in MUTANTS.values())])
def test_runs_that_come_to_equal_keys_behave_alike(make: Callable[..., Scheduler]) -> None:
    """Random runs that meet go on together: the same moves, the same keys, the same ending."""
    rng, meetings = np.random.default_rng(7), 0
    for setting in random_settings(25, rng):
        met: dict[object, Configuration] = {}
        for _ in range(6):
            run = replace(setting, granularity="steps", scheduler=make).start()
            while not run.over():
                before = met.setdefault(run.key(), run.fork())
                moves = _possible(run)
                assert _possible(before) == moves
                if not moves:
                    break
                move = moves[int(rng.integers(len(moves)))]
                run.make(move)
                other = before.fork()
                other.make(move)
                assert run.key() == other.key()
                assert run.outcome() == other.outcome()
                meetings += 1
    assert meetings > 500


def _possible(run: Configuration) -> list[Move]:
    try:
        return run.moves()
    except Stuck:
        return []


def test_a_scheduler_that_forgets_to_wake_a_call_gets_stuck() -> None:
    text = 'f1 = append(path="a", text="1")\nf2 = read(path="a")\nf3 = read(path="a")'
    with pytest.raises(Stuck, match="nothing can happen"):
        replay(explored(text, scheduler=FirstFreedOnly), ())


def test_the_environment_may_do_each_of_its_moves_once_where_it_is_legal() -> None:
    setting = explored(appends("ab"), granularity="steps", environment=(Cancel(2), Timeout(1), Deliver((1,))))
    run = setting.start()
    assert run.moves() == [DECODE]  # nothing to cancel yet
    run.make(DECODE)
    assert run.moves() == [DECODE, 1, Timeout(1)]
    run.make(1)  # it has read, and would write next
    run.make(Timeout(1))  # in doubt: it may write after all, or be found to have stopped
    assert run.moves() == [DECODE, 1, Deliver((1,)), End(1)]
    run.make(End(1))
    assert "a1" not in run.world.state()
    run.make(Deliver((1,)))
    assert DECODE in run.moves()
    assert Deliver((1,)) not in run.moves()


def test_one_worker_is_enough_for_every_program() -> None:
    for setting in random_settings(40, np.random.default_rng(5)):
        run = explored("return").start()
        run = type(run)(setting.program, setting.tools, setting.make_world(), granularity="steps", workers=1)
        while not run.over():
            assert len(run.under_way) <= 1
            run.make(run.moves()[0])
        assert Ending(run.outcome(), run.world.state()) == setting.in_order()
