"""Work on executors: every result once, nothing left behind, and lost workers are told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate import parallel
from asyncfc_sim.simulate.experiment import run_arms
from asyncfc_sim.simulate.parallel import Serial, completed, digest, run_on, source
from asyncfc_sim.workloads.processes import ProcessPool
from tests.sweeps import BASE, load, models_of


@given(st.integers(0, 30), st.integers(1, 40))
def test_every_job_is_done_once(jobs: int, ahead: int) -> None:
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(3) as pool:
        patch.setattr(parallel, "AHEAD", ahead)
        done = list(completed(pool, [partial(divmod, number, 7) for number in range(jobs)]))
    assert sorted(done) == [(number, divmod(number, 7)) for number in range(jobs)]


def test_this_process_does_a_job_when_it_is_asked_for() -> None:
    log: list[int] = []
    results = completed(Serial(), [partial(log.append, number) for number in range(3)])
    next(results)
    assert log == [0]
    list(results)
    assert log == [0, 1, 2]


def test_what_a_job_raises_is_raised_and_the_rest_is_not_begun() -> None:
    log: list[int] = []
    jobs: list[Callable[[], object]] = [partial(divmod, 1, 0), partial(log.append, 1)]
    with pytest.raises(ZeroDivisionError):
        list(completed(Serial(), jobs))
    assert log == []


def test_leaving_cancels_what_has_not_begun() -> None:
    submitted, began, go = threading.Event(), threading.Event(), threading.Event()
    log: list[int] = []

    def job(number: int) -> None:
        began.set()
        go.wait(10)
        log.append(number)

    def jobs() -> Iterator[Callable[[], object]]:
        yield partial(submitted.wait, 10)
        yield from (partial(job, number) for number in range(50))
        submitted.set()

    with ThreadPoolExecutor(1) as pool:
        with closing(completed(pool, jobs())) as results:
            next(results)
            assert began.wait(10)
        go.set()
    assert log == [0]


def test_a_worker_that_dies_is_told() -> None:
    with ProcessPool(2) as pool, pytest.raises(ChildProcessError, match="workers ended"):
        list(completed(pool, [partial(os._exit, 1)]))


@pytest.mark.parametrize("n", [1, 10, 25])
def test_an_executor_gives_what_this_process_gives(n: int) -> None:
    arms, models = BASE.study.arms(), models_of("gpt-4o", "default")
    done: list[None] = []
    with ThreadPoolExecutor(2) as pool:
        results = run_on(pool, load(n), partial(load, n), arms, models, 0, partial(done.append, None))
    assert results == run_arms(load(n), arms, models, 0)
    assert len(done) == n


def test_tasks_are_known_by_their_digest_in_every_process() -> None:
    tasks = load(3)
    assert digest(tasks) == digest(load(3)) != digest(load(4))
    with ProcessPool(1) as pool:
        # Hashes of texts differ from process to process: what is digested must not depend on them.
        assert pool.submit(_digest_of, 3).result() == digest(tasks)
    given = source(tasks, partial(load, 3))
    assert given.tasks() is tasks


def _digest_of(n: int) -> str:
    return digest(load(n))
