"""Where simulations run: this process, threads, processes, and a real dask cluster of two workers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.cli import executors
from asyncfc_sim.cli.errors import ExitCode, explained
from asyncfc_sim.cli.executors import ClusterError, ExecutorError, as_workers_see, check_workers, opened
from asyncfc_sim.simulate.experiment import run_arms
from asyncfc_sim.simulate.parallel import Serial, completed, run_on
from asyncfc_sim.simulate.precision import once
from asyncfc_sim.simulate.sweep import run_plan
from asyncfc_sim.workloads.processes import ProcessPool
from tests.sweeps import BASE, PROGRAM, load, models_of, on, planned, swept

ROOT = Path(__file__).parents[2]


def test_executors_by_name() -> None:
    with opened(None) as none, opened("serial") as serial, opened("threads:3") as threads:
        assert none is None
        assert isinstance(serial, Serial)
        assert isinstance(threads, ThreadPoolExecutor)
        assert dict(completed(threads, [partial(pow, 2, n) for n in range(5)])) == {n: 2**n for n in range(5)}
    with opened("processes:2") as named, opened(None, 2) as counted:
        assert isinstance(named, ProcessPool)
        assert isinstance(counted, ProcessPool)
        assert {pid for _, pid in completed(named, [os.getpid] * 4)} - {os.getpid()}
    # One worker is this process: there is nothing to start.
    with opened("processes:1") as one, opened(None, 1) as single:
        assert isinstance(one, Serial)
        assert isinstance(single, Serial)


@pytest.mark.parametrize(
    "text",
    ["", "process", "processes:0", "threads:-1", "threads:x", "serial:2", "dask", "dask:", "dask:x", "dask:a://b:1"],
)
def test_what_is_no_executor_says_what_is(text: str) -> None:
    with pytest.raises(ExecutorError, match=r"processes:N, threads:N, serial, dask:HOST:PORT") as caught, opened(text):
        pass
    assert explained(caught.value)[0] is ExitCode.BAD_INPUT


def test_one_way_to_say_how_many_is_enough() -> None:
    with pytest.raises(ExecutorError, match="one of the two"), opened("serial", 2):
        pass


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError) as caught, opened("dask:127.0.0.1:1"):
        pass
    code, message = explained(caught.value)
    assert code is ExitCode.MISSING
    assert "pip install asyncfc-sim[dask]" in message


def test_paths_are_whole_for_a_cluster_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.fc").touch()
    assert as_workers_see("a.fc", "dask:h:1") == str(tmp_path / "a.fc")
    assert as_workers_see("a.fc", "threads:2") == as_workers_see("a.fc", None) == "a.fc"
    assert as_workers_see("bfcl", "dask:h:1") == "bfcl"


# A scheduler and two workers, each a process of its own.


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed (the extra [dask])")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    environment = {**os.environ, "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}

    def start(*args: str) -> subprocess.Popen[Any]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{args[0]}", *args[1:], "--no-dashboard"]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    processes = [start("scheduler", "--host", "127.0.0.1", "--port", str(port))]
    processes += [start("worker", address, "--nthreads", "1", "--no-nanny") for _ in range(2)]
    try:
        with distributed.Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:  # on a busy machine a worker may hang when its scheduler ends first
                process.kill()
                process.wait()


@pytest.mark.slow
def test_a_cluster_gives_the_numbers_of_this_process(cluster: str) -> None:
    arms, models = BASE.study.arms(), models_of("gpt-4o", "default")
    todo = planned("grace=0,auto", "tool_scale=1,2", n=30)
    with opened(f"dask:{cluster}") as executor:
        assert executor is not None
        pids = {pid for _, pid in completed(executor, [os.getpid] * 20)}
        assert pids
        assert os.getpid() not in pids
        assert run_on(executor, load(30), partial(load, 30), arms, models, 3) == run_arms(load(30), arms, models, 3)
        assert run_plan(todo, once(30), on(executor, todo, 30)) == swept("grace=0,auto", "tool_scale=1,2", n=30)


@pytest.mark.slow
def test_a_sweep_on_a_cluster_gives_the_same_bytes(cluster: str, tmp_path: Path) -> None:
    written = []
    for executor in (f"dask:{cluster}", "serial"):
        out = tmp_path / f"{executor.partition(':')[0]}.csv"
        program = os.path.relpath(PROGRAM, tmp_path)  # the workers run in another folder
        args = [
            "simulate",
            program,
            "--n",
            "25",
            "--policy",
            "asyncfc",
            "--sweep",
            "tool_scale=1,2",
            "-q",
            "-o",
            str(out),
        ]
        command = [sys.executable, "-m", "asyncfc_sim", *args, "--executor", executor]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        written.append(out.read_bytes())
    assert written[0] == written[1]
    assert written[0].count(b"\n") > 4


@pytest.mark.slow
def test_what_a_worker_raises_is_raised_here(cluster: str) -> None:
    with opened(f"dask:{cluster}") as executor:
        assert executor is not None
        with pytest.raises(FileNotFoundError):
            dict(completed(executor, [partial(Path.read_bytes, Path("no-such-file"))]))


@pytest.mark.slow
def test_workers_of_another_version_are_refused(cluster: str) -> None:
    distributed = pytest.importorskip("distributed")
    client = distributed.Client(cluster, set_as_default=False)
    with client, pytest.raises(ClusterError, match=r"this process 0\.0\.0"):
        check_workers(client, cluster, "0.0.0")


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "DASK_TIMEOUT_S", 0.5)
    with socket.socket() as silent:  # bound, but nobody listens
        silent.bind(("127.0.0.1", 0))
        nobody = opened(f"dask:127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ClusterError, match="no dask scheduler at") as caught, nobody:
            pass
    assert explained(caught.value)[0] is ExitCode.MISSING
