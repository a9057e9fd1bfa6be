"""Work spread over processes, results in the order of the work: they do not depend on how many processes there are."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

R = TypeVar("R")


def workers_or_all(workers: int | None) -> int:
    """So many processes, by default one for each CPU."""
    return workers or os.cpu_count() or 1


class ProcessPool(ProcessPoolExecutor):
    """Fresh processes that never see Ctrl-C, which a terminal sends to all: this one stops them, and says so once.

    Leaving it starts nothing that is still queued. If this process is killed, the others end too.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        with _children_without_sigint():  # processes start when there is work for them
            return super().submit(fn, *args, **kwargs)

    def __exit__(self, *error: object) -> None:
        self.shutdown(wait=True, cancel_futures=True)


def in_processes(jobs: Sequence[Callable[[], R]], workers: int | None = None) -> Iterator[R]:
    """The results of `jobs`, in their order, as they come. With one worker, they run in this process.

    Jobs must be picklable: functions of modules, or `partial`s of such.
    """
    workers = min(workers_or_all(workers), len(jobs))
    if workers <= 1:
        yield from (job() for job in jobs)
        return
    with ProcessPool(workers) as pool:
        results = [pool.submit(job) for job in jobs]
        for result in results:
            yield result.result()


@contextmanager
def _children_without_sigint() -> Iterator[None]:
    """Whatever is started here, processes and threads, is born with Ctrl-C blocked."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work for ever."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
