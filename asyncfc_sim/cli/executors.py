"""Where the work of a simulation is done, by `--executor`: processes, threads, this process, or a dask cluster."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncfc_sim.simulate.parallel import Serial
from asyncfc_sim.traces.trace import package_version
from asyncfc_sim.workloads.processes import ProcessPool, workers_or_all

if TYPE_CHECKING:
    from distributed import Client

DASK_TIMEOUT_S = 10.0  # for a scheduler to answer, and for its workers to say what they run
EXPECTED = "processes:N, threads:N, serial, dask:HOST:PORT or dask:tcp://HOST:PORT"
ADDRESS = re.compile(r"((tcp|tls|ws|wss)://)?[^/]+:[0-9]+")  # a client of dask takes long to give up on others


class ExecutorError(ValueError):
    """An executor that cannot be made; the message says what was expected."""


class ClusterError(OSError):
    """A cluster that cannot be reached or used."""


@contextmanager
def opened(text: str | None, workers: int | None = None) -> Iterator[Executor | None]:
    """The executor that `text` names, or `workers` processes; None if neither is asked for. Closed at the end.

    Raises ExecutorError, ClusterError, and ImportError where dask is not installed.
    """
    if text is None:
        if workers is None:
            yield None
            return
        text = f"processes:{workers}"
    elif workers is not None:
        raise ExecutorError("--workers N is --executor processes:N: expected one of the two")
    kind, _, rest = text.partition(":")
    if kind == "dask" and ADDRESS.fullmatch(rest):
        with _dask(rest) as executor:
            yield executor
        return
    executor = _local(text)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _local(text: str) -> Executor:
    match = re.fullmatch(r"(serial)|(processes|threads)(?::([1-9][0-9]*))?", text)
    if match is None:
        raise ExecutorError(f"--executor {text!r}: expected {EXPECTED}")
    serial, kind, count = match.groups()
    workers = workers_or_all(int(count) if count else None)
    if serial or workers == 1:
        return Serial()
    return ProcessPool(workers) if kind == "processes" else ThreadPoolExecutor(workers)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    """The executor of a cluster whose workers run the same version as this process."""
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ModuleNotFoundError as error:
        if error.name != "distributed":
            raise
        raise ImportError(
            "--executor dask:ADDRESS needs dask.distributed: pip install asyncfc-sim[dask]", name="distributed"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is said here, in a line
    try:
        client: Client = Client(address, timeout=DASK_TIMEOUT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ClusterError(f"no dask scheduler at {address}: {error}") from None
    with client:
        check_workers(client, address, package_version())
        try:
            yield client.get_executor(pure=False)  # type: ignore[no-untyped-call]
        except KilledWorker as error:
            raise ClusterError(f"the cluster at {address} lost its workers: {error}") from None


def check_workers(client: Client, address: str, ours: str) -> None:
    """Raises ClusterError where there are no workers, or they have another version than `ours` and so other results."""
    try:
        client.wait_for_workers(1, timeout=DASK_TIMEOUT_S)
        versions = client.run(package_version)
    except OSError as error:
        raise ClusterError(f"the dask scheduler at {address} has no workers that answer: {error}") from None
    except ImportError as error:
        raise ClusterError(f"the workers at {address} need asyncfc-sim {ours}: {error}") from None
    for worker, theirs in sorted(versions.items()):
        if theirs != ours:
            raise ClusterError(f"the worker {worker} has asyncfc-sim {theirs}, this process {ours}: both must be one")


def as_workers_see(path: str, executor: str | None) -> str:
    """A path that means the same to the workers of a cluster, which may run in another folder."""
    on_cluster = executor is not None and executor.startswith("dask:")
    return os.path.abspath(path) if on_cluster and os.path.exists(path) else path
