"""Work spread over processes, results in the order of the work: they do not depend on how many processes there are."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import TypeVar

R = TypeVar("R")


def workers_or_all(workers: int | None) -> int:
    """So many processes, by default one for each CPU."""
    return workers or os.cpu_count() or 1


def in_processes(jobs: Sequence[Callable[[], R]], workers: int | None = None) -> Iterator[R]:
    """The results of `jobs`, in their order, as they come. With one worker, they run in this process.

    Jobs must be picklable: functions of modules, or `partial`s of such.
    """
    workers = min(workers_or_all(workers), len(jobs))
    if workers <= 1:
        yield from (job() for job in jobs)
        return
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)  # Ctrl-C: do not start what is queued
        with _children_without_sigint():
            results = [pool.submit(job) for job in jobs]
        for result in results:
            yield result.result()


@contextmanager
def _children_without_sigint() -> Iterator[None]:
    """Processes started here never see Ctrl-C, which a terminal sends to all: this one stops them, and says so once."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
