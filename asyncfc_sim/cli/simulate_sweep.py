"""The work behind `asyncfc simulate --sweep`: every combination of knobs, on an executor, kept as it goes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asyncfc_sim.report.console import progress
from asyncfc_sim.simulate.experiment import ArmResult
from asyncfc_sim.simulate.knobs import RECORDED, Point, SweepError, parse_sweeps, product_of
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.parallel import Serial, Source, completed, digest, source
from asyncfc_sim.simulate.part_file import PartFile
from asyncfc_sim.simulate.precision import Looks, doubling, once
from asyncfc_sim.simulate.sweep import (
    Chunk,
    Plan,
    RunChunks,
    SweepRow,
    chunk_key,
    condition_key,
    plan,
    run_chunk,
    run_plan,
)
from asyncfc_sim.traces.trace import package_version

from . import sweep_plot, sweep_view
from .errors import ExitCode
from .executors import opened
from .output import emit
from .simulate_run import Request, check_folder, study_of, workload_of
from .simulate_workload import DECODER, Workload

MOST = 6400  # samples of a point that is to be precise, unless asked otherwise
FEW_RUNS = 1000  # below this, starting processes costs more than it saves


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """The part of the command line that only sweeps have. `request` is the rest."""

    request: Request
    sweep: tuple[str, ...]
    precision: float | None
    max_n: int | None
    plot: Path | None


def run_sweep(asked: SweepRequest) -> int:
    """Do it; returns the exit code: 1 if a run differs from running in order, 4 if a row is not as precise as asked."""
    request = asked.request
    _check(asked)
    sweeps = parse_sweeps(asked.sweep)
    given = workload_of(request)
    base = Point(
        study_of(request, given),
        request.decoder or (RECORDED if given.recorded else DECODER),
        request.durations or (RECORDED if given.recorded else given.durations),
        request.seed,
    )
    points = product_of(base, sweeps)
    if asked.plot is not None:
        sweep_plot.check(asked.plot, sweeps, points)
    if not given.recorded and any("step" in point.study.messages for point in points):
        raise SweepError("messages=step: this workload was not recorded, so it has no messages of its own")
    looks = once(len(given.tasks)) if asked.precision is None else doubling(asked.precision, asked.max_n or MOST)
    models_of = partial(_models, given, request.await_thinking)
    todo = plan(points, given.tasks, models_of, shuffled=asked.precision is not None)
    with ExitStack() as stack:
        parts = None if request.output is None else stack.enter_context(PartFile(part_path(request.output)))
        rows = _rows(request, given, todo, looks, parts)
        noted = sweep_view.notes(todo, looks, models_of, given)
        _write(asked, sweep_view.Found(request.workload, sweeps, looks, rows, noted))
        if parts is not None:
            parts.remove()
    if any(row.row.different for row in rows):
        return ExitCode.FAILED
    imprecise = any(row.reached is False for row in rows)
    return ExitCode.PARTIAL if imprecise or given.faults else ExitCode.OK


def _rows(request: Request, given: Workload, todo: Plan, looks: Looks, parts: PartFile | None) -> list[SweepRow]:
    """Run it, with progress on stderr; if it ends before its time, say where what is done can be found."""
    conditions, most = len(todo.conditions), looks.at[-1]
    quiet = request.quiet or request.as_json
    with (
        opened(_executor(request, todo, looks), request.workers) as executor,
        progress(f"simulating {conditions} x {most} conversations", conditions * most, quiet=quiet) as advance,
    ):
        work = source(given.tasks, given.load)
        runner = _runner(todo, work, executor or Serial(), parts, _identity(request, given), advance)
        try:
            return run_plan(todo, looks, runner)
        except (KeyboardInterrupt, OSError):
            if parts is not None and parts.finished:
                print(f"{parts.finished} chunks are in {parts.path}: the same command goes on there", file=sys.stderr)
            raise


def part_path(output: Path) -> Path:
    """Where the finished chunks of a sweep are until its output is written."""
    return output.with_name(f"{output.name}.part.jsonl")


def _check(asked: SweepRequest) -> None:
    """What cannot be done is found before the work, not after it."""
    request = asked.request
    for option, given in (("--trace", request.trace), ("--case", request.case)):
        if given is not None:
            raise SweepError(f"{option} shows one conversation: it does not go with a sweep")
    if asked.precision is not None and not 0 < asked.precision < 1:
        raise SweepError(f"--precision {asked.precision:g}: expected a fraction of the speed-up, such as 0.01")
    if asked.max_n is not None and asked.precision is None:
        raise SweepError("--max-n is where a sweep with --precision gives up; --n takes the first N conversations")
    if request.output is not None and request.output.suffix not in (".csv", ".json"):
        raise SweepError(f"--output-file {request.output}: expected a name ending in .csv or .json")
    check_folder("--output-file", request.output)
    check_folder("--plot", asked.plot)


def _models(given: Workload, await_thinking: bool, decoder: str, durations: str) -> Models:
    """The models of two names, `recorded` being what the workload comes with."""
    if durations == RECORDED and not given.recorded:
        raise SweepError("durations=recorded: this workload was not recorded; name a profile")
    return given.models(decoder, None if durations == RECORDED else durations, await_thinking=await_thinking)


def _executor(request: Request, todo: Plan, looks: Looks) -> str | None:
    """By default processes, if there is enough for them to do."""
    if request.executor is not None or request.workers is not None:
        return request.executor
    runs = sum(len(condition.arms) for condition in todo.conditions) * looks.at[-1]
    return "processes" if runs >= FEW_RUNS else None


def _identity(request: Request, given: Workload) -> str:
    """What tells this workload and our code from others: the tasks, the files that say what tools answer, our source.

    The version alone says too little: in a checkout the code changes and the version does not.
    """
    workload = Path(request.workload)
    named = (workload, workload.with_suffix(".tools.toml"), request.tools)
    files = [path for path in named if path is not None and path.is_file()]
    code = sorted(Path(__file__).parents[1].rglob("*.py"))
    return " ".join([package_version(), digest(given.tasks), content_digest(files), content_digest(code)])


def content_digest(files: Iterable[Path]) -> str:
    """A digest of what is in files, in their order. Raises OSError."""
    each = [hashlib.blake2b(path.read_bytes()).digest() for path in files]
    return hashlib.blake2b(b"".join(each), digest_size=16).hexdigest()


def _runner(
    todo: Plan, given: Source, executor: Executor, parts: PartFile | None, identity: str, advance: Callable[[], None]
) -> RunChunks:
    """How chunks are run: those that are in `parts` are not run again, and those that finish are added to it."""
    conditions = [condition_key(identity, condition) for condition in todo.conditions]

    def finished(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, list[ArmResult]]]:
        missing: list[tuple[str, Chunk]] = []
        for chunk in chunks:
            key = chunk_key(conditions[chunk.condition], chunk)
            kept = None if parts is None else parts.take(key, todo.conditions[chunk.condition].arms)
            if kept is None:
                missing.append((key, chunk))
            else:
                yield chunk, kept
        jobs = [partial(run_chunk, given, todo.conditions[chunk.condition], chunk) for _, chunk in missing]
        for number, results in completed(executor, jobs):
            key, chunk = missing[number]
            if parts is not None:
                parts.add(key, results)
            yield chunk, results

    def run(chunks: Sequence[Chunk]) -> Iterable[tuple[Chunk, list[ArmResult]]]:
        for chunk, results in finished(chunks):
            yield chunk, results
            for _ in chunk.picks:
                advance()

    return run


def _write(asked: SweepRequest, found: sweep_view.Found) -> None:
    request = asked.request
    if request.output is not None:
        if request.output.suffix == ".csv":
            sweep_view.write_csv(request.output, found.rows)
        else:
            emit(sweep_view.json_document(found, request.seed), str(request.output))
    if asked.plot is not None:
        sweep_plot.draw(asked.plot, found)
    if request.as_json:
        emit(sweep_view.json_document(found, request.seed))
    else:
        sweep_view.show(found, in_file=request.output is not None)
