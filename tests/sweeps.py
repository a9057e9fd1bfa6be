"""Small sweeps over a program of two lookups, for tests of whatever runs or shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path

from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import ArmResult
from asyncfc_sim.simulate.knobs import Point, parse_sweeps, product_of
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.parallel import Serial, completed, source
from asyncfc_sim.simulate.precision import Looks, once
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.simulate.sweep import Chunk, Plan, SweepRow, plan, run_chunk, run_plan
from asyncfc_sim.workloads.program_file import load_program
from asyncfc_sim.workloads.workload import Task

PROGRAM = Path(__file__).parents[1] / "examples" / "01_two_lookups.fc"
STUDY = Study(("sync", "asyncfc", "bound"), (0.0,), messages=("call",), dependence=("values",))
BASE = Point(STUDY, "gpt-4o", "default")


def load(n: int) -> list[Task]:
    """The program as `n` cases, which differ in their draws."""
    task = load_program(str(PROGRAM))
    return [replace(task, name=f"{task.name}#{number}") for number in range(n)]


def models_of(decoder: str, durations: str) -> Models:
    return Models(load_decoder(decoder), load_durations(durations))


def planned(*sweeps: str, n: int = 12, base: Point = BASE, shuffled: bool = False) -> Plan:
    return plan(product_of(base, parse_sweeps(sweeps)), load(n), models_of, shuffled=shuffled)


def on(executor: Executor, todo: Plan, n: int) -> Callable[[Sequence[Chunk]], Iterable[tuple[Chunk, list[ArmResult]]]]:
    """Runs chunks on an executor."""
    given = source(load(n), partial(load, n))

    def run(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, list[ArmResult]]]:
        jobs = [partial(run_chunk, given, todo.conditions[chunk.condition], chunk) for chunk in chunks]
        for number, results in completed(executor, jobs):
            yield chunks[number], results

    return run


def swept(*sweeps: str, n: int = 12, base: Point = BASE, looks: Looks | None = None) -> list[SweepRow]:
    """The rows of a sweep, run in this process."""
    todo = planned(*sweeps, n=n, base=base, shuffled=looks is not None)
    return run_plan(todo, looks or once(n), on(Serial(), todo, n))
