"""A sweep on two processes against a bare `multiprocessing.Pool` that runs the same chunks: wall time, as a ratio.

The chunks are those of the sweep, made to take about 50 ms each. The sweep submits them to a `ProcessPool`, takes them
as they come, keeps each in a part file and sums up; the bare pool maps and drops the results. Both pools are warm, and
have loaded the tasks. Rounds are interleaved and the median of the ratios of each round is reported, since machines are
noisy. Goal: at least 0.9 of the bare pool's speed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import ArmResult
from asyncfc_sim.simulate.knobs import Point, parse_sweeps, product_of
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.parallel import Source, completed, source
from asyncfc_sim.simulate.part_file import PartFile
from asyncfc_sim.simulate.precision import once
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.simulate.sweep import Chunk, Plan, chunk_key, condition_key, plan, run_chunk, run_plan
from asyncfc_sim.workloads.processes import ProcessPool
from asyncfc_sim.workloads.program_file import load_program
from asyncfc_sim.workloads.workload import Task

WORKERS, CASES, ROUNDS, CHUNK_S = 2, 120, 7, 0.05
PROGRAM = Path(__file__).parents[1] / "examples" / "01_two_lookups.fc"


def load() -> Sequence[Task]:
    """One program as many cases, which differ in their draws."""
    task = load_program(str(PROGRAM))
    return [replace(task, name=f"{task.name}#{number}") for number in range(CASES)]


def models_of(decoder: str, durations: str) -> Models:
    return Models(load_decoder(decoder), load_durations(durations))


def run_job(job: Callable[[], list[ArmResult]]) -> list[ArmResult]:
    return job()


def sized(todo: Plan, tasks: Source) -> Plan:
    """The plan with chunks of about `CHUNK_S`, timed in this process."""
    trial = Chunk(0, tuple((place, 0) for place in range(20)))
    run_chunk(tasks, todo.conditions[0], trial)  # once to warm up
    started = time.perf_counter()
    run_chunk(tasks, todo.conditions[0], trial)
    runs = 20 * len(todo.conditions[0].arms)
    return replace(todo, runs_a_chunk=round(runs * CHUNK_S / (time.perf_counter() - started)))


def sweep(todo: Plan, tasks: Source, pool: ProcessPool, path: Path) -> None:
    """As `asyncfc simulate --sweep -o` does it."""
    keys = [condition_key("benchmark", condition) for condition in todo.conditions]

    def run(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, list[ArmResult]]]:
        jobs = [partial(run_chunk, tasks, todo.conditions[chunk.condition], chunk) for chunk in chunks]
        for number, results in completed(pool, jobs):
            parts.add(chunk_key(keys[chunks[number].condition], chunks[number]), results)
            yield chunks[number], results

    with PartFile(path) as parts:
        assert run_plan(todo, once(CASES), run)
        parts.remove()


def main() -> None:
    study = Study(("sync", "asyncfc"), (0.0,), messages=("call",), dependence=("values",))
    points = product_of(Point(study, "gpt-4o", "default"), parse_sweeps(["tool_scale=0.5,1,2,4"]))
    tasks = load()
    todo = plan(points, tasks, models_of, shuffled=False)
    given = source(tasks, load)
    todo = sized(todo, given)
    chunks = [chunk for number in range(len(todo.conditions)) for chunk in todo.chunks(number, 0, CASES)]
    jobs = [partial(run_chunk, given, todo.conditions[chunk.condition], chunk) for chunk in chunks]
    spent: dict[str, list[float]] = {"bare mp.Pool": [], "sweep": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        get_context("spawn").Pool(WORKERS) as bare,
        ProcessPool(WORKERS) as pool,
    ):
        ways: dict[str, Callable[[], object]] = {
            "bare mp.Pool": lambda: bare.map(run_job, jobs, chunksize=1),
            "sweep": lambda: sweep(todo, given, pool, Path(folder) / "out.csv.part.jsonl"),
        }
        for number in range(-1, ROUNDS):  # the first warms up
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                if number >= 0:
                    spent[name].append(time.perf_counter() - started)
    size_s = WORKERS * median(spent["bare mp.Pool"]) / len(chunks)
    print(f"{len(chunks)} chunks of about {1000 * size_s:.0f} ms, {WORKERS} processes, {ROUNDS} rounds")
    for name, seconds in spent.items():
        ratio = median(one / other for one, other in zip(spent["bare mp.Pool"], seconds, strict=True))
        print(f"{name:14} {median(seconds):6.2f} s   {ratio:5.2f} x the bare pool's speed")
    print("goal: the sweep at 0.90 x or more")


if __name__ == "__main__":
    main()
