"""Run a litmus test: all schedules under each scheduler for which it expects something, and what of that surprises."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Final

from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.language.litmus import Column, Expectation, LitmusTest, SchedulerName
from asyncfc_sim.workloads.litmus_file import litmus_world

from .baselines import Locks, Naive
from .configuration import UNCAPPED, Configuration, MakeScheduler, Stuck
from .counterexample import counterexample
from .exhaust import DEFAULT_LIMIT, Explored, TooManyStates, exhaust
from .fates import explained
from .moves import Granularity, Move
from .mutants import NoBarrier
from .replay import replay
from .schedules import ScheduleError, parse_schedule
from .setting import Ending, Setting

SCHEDULERS: Final[Mapping[SchedulerName, tuple[MakeScheduler, Failure]]] = {
    "naive": (Naive, "poison"),
    "locks": (Locks, "poison"),
    "effect": (Scheduler, "poison"),
    "barrier": (Scheduler, "barrier"),
    "strict": (Scheduler, "strict"),
    "naive/failstop": (Naive, "strict"),
    "effect/failstop": (NoBarrier, "strict"),
}


@dataclass(frozen=True, slots=True)
class Surprise:
    """What a test did not expect: at which line it expected otherwise, and a schedule of `column` that shows it."""

    line: int
    message: str
    column: Column
    schedule: tuple[Move, ...] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What exploring every schedule came to, where something was expected of that.

    `differing` is a schedule that ends otherwise than running in order; None if all are equal.
    """

    expectation: Expectation
    states: int
    endings: int
    differing: tuple[Move, ...] | None


@dataclass(frozen=True, slots=True)
class LitmusResult:
    """One test, run."""

    test: LitmusTest
    findings: tuple[Finding, ...]
    surprises: tuple[Surprise, ...]


def run_litmus(test: LitmusTest, limit: int = DEFAULT_LIMIT) -> LitmusResult:
    """Explore every schedule for each expectation of the test.

    Raises TooManyStates, and ScheduleError if a witness is no schedule at all.
    """
    for expectation in test.expectations:
        _witness(test, expectation)
    findings = tuple(_explore(test, expectation, limit) for expectation in test.expectations)
    surprises = [surprise for finding in findings for surprise in _judge(test, finding)]
    return LitmusResult(test, findings, (*surprises, *_judge_overlaps(test, limit)))


def litmus_setting(test: LitmusTest, scheduler: SchedulerName, granularity: Granularity) -> Setting:
    make, failure = SCHEDULERS[scheduler]
    return Setting(
        test.program,
        test.tools,
        partial(litmus_world, test),
        granularity=granularity,
        failure=failure,
        workers=test.workers or UNCAPPED,
        scheduler=make,
        environment=test.environment,
    )


def differs(setting: Setting, ending: Ending) -> bool:
    """Whether this is no ending of running in order, where the environment may do its moves wherever it likes."""
    if ending.text() == setting.in_order().text():
        return False
    return not (setting.environment and explained(setting, ending))


def _explore(test: LitmusTest, expectation: Expectation, limit: int) -> Finding:
    setting = litmus_setting(test, *expectation.column)
    explored = exhaust(setting, limit=limit)
    return Finding(expectation, explored.states, len(explored.endings), _first_otherwise(setting, explored))


def ending_otherwise(setting: Setting, limit: int = DEFAULT_LIMIT) -> tuple[Move, ...] | None:
    """A schedule that ends otherwise than running in order, or gets stuck; None if all are equal to it.

    Raises TooManyStates.
    """
    return _first_otherwise(setting, exhaust(setting, limit=limit))


def _first_otherwise(setting: Setting, explored: Explored) -> tuple[Move, ...] | None:
    if explored.stuck is not None:
        return explored.stuck
    return next((schedule for ending, schedule in explored.endings if differs(setting, ending)), None)


def missing_overlap(setting: Setting, futures: tuple[int, int], limit: int = DEFAULT_LIMIT) -> bool:
    """Whether in no state of any schedule both of these calls are under way. Raises TooManyStates."""
    return futures not in under_way_together(setting, limit)


def _judge(test: LitmusTest, finding: Finding) -> Iterator[Surprise]:
    expectation, differing = finding.expectation, finding.differing
    setting = litmus_setting(test, *expectation.column)

    def surprise(message: str, schedule: tuple[Move, ...] | None = None) -> Surprise:
        return Surprise(expectation.line, f"{' '.join(expectation.column)}: {message}", expectation.column, schedule)

    if expectation.equal and differing is not None:
        why = _first_difference(setting, differing)
        yield surprise(f"expected every schedule to be equal to running in order, but in one {why}", differing)
    if not expectation.equal and differing is None:
        yield surprise("expected some schedule to differ from running in order, but all are equal to it")
    if expectation.states not in (None, finding.states):
        yield surprise(f"expected {expectation.states} states, found {finding.states}")
    witness = _witness(test, expectation)
    if witness is not None and (fault := _fault_of_witness(setting, witness)):
        yield surprise(f"the schedule {expectation.witness!r} does not differ: {fault}")


def _first_difference(setting: Setting, schedule: tuple[Move, ...]) -> str:
    if setting.environment:
        return "the end is none that running in order explains, whatever the environment does"
    told = counterexample(setting, schedule)
    here, there = told.first
    found = None if here is None else told.happened[here].text.strip()
    wanted = None if there is None else told.in_order[there].text.strip()
    return f"`{found or 'nothing'}` stands where in order there is `{wanted or 'nothing'}`"


def _witness(test: LitmusTest, expectation: Expectation) -> tuple[Move, ...] | None:
    if expectation.witness is None:
        return None
    try:
        return parse_schedule(expectation.witness)
    except ScheduleError as error:
        raise ScheduleError(f"{test.source}:{expectation.line}: {error}") from None


def _fault_of_witness(setting: Setting, witness: tuple[Move, ...]) -> str:
    try:
        run = replay(setting, witness)
    except ScheduleError as error:
        return str(error)
    return "" if differs(setting, Ending(run.outcome(), run.world.state())) else "it ends as running in order does"


def _judge_overlaps(test: LitmusTest, limit: int) -> Iterator[Surprise]:
    if not test.overlaps:
        return
    column: Column = ("effect", "atomic")
    met = under_way_together(litmus_setting(test, *column), limit)
    for overlap in test.overlaps:
        schedule = met.get(overlap.futures)
        if overlap.sometimes and schedule is None:
            yield Surprise(overlap.line, f"{overlap}: in no schedule are both under way at once", column)
        if not overlap.sometimes and schedule is not None:
            yield Surprise(overlap.line, f"{overlap}: in one schedule both are under way at once", column, schedule)


def under_way_together(setting: Setting, limit: int) -> dict[tuple[int, int], tuple[Move, ...]]:
    """The pairs of calls whose tools are under way at the same time in some state, and a shortest way there.

    Nothing is left out as redundant: that would keep all endings, and not all of the states on the way.
    """
    start = setting.start()
    waiting: deque[tuple[Configuration, tuple[Move, ...]]] = deque([(start, ())])
    reached = {start.key()}
    met: dict[tuple[int, int], tuple[Move, ...]] = {}
    while waiting:
        run, schedule = waiting.popleft()
        for first, second in combinations(sorted(run.under_way), 2):
            met.setdefault((first, second), schedule)
        for move in _moves(run):
            after = run.fork()
            after.make(move)
            if after.key() not in reached:
                reached.add(after.key())
                waiting.append((after, (*schedule, move)))
        if len(reached) > limit:
            raise TooManyStates(f"more than {limit} states")
    return met


def _moves(run: Configuration) -> list[Move]:
    try:
        return [] if run.over() else run.moves()
    except Stuck:
        return []
