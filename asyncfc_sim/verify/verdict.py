"""Is every schedule of a program the same as running it in order? All of them where there are few, else many."""

from __future__ import annotations

from dataclasses import dataclass

from .exhaust import DEFAULT_LIMIT, TooManyStates, exhaust
from .moves import Move
from .setting import Setting
from .traces import TooManyExecutions, Traces, explore_traces
from .walk import search

TRACE_LIMIT = 5_000  # steps; traces are a figure of interest, not worth minutes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one setting.

    `states` and `outcomes` are None if there were too many states to see all schedules, and `sampled` random ones were
    run instead. `traces` is None if there are too many, or if it is not known which steps are independent (traces.py).
    """

    states: int | None
    outcomes: int | None
    reduced: bool
    sampled: int
    traces: Traces | None
    differing: tuple[Move, ...] | None  # a schedule that does not end as running in order does

    @property
    def equal(self) -> bool:
        return self.differing is None


def judge(setting: Setting, *, limit: int = DEFAULT_LIMIT, schedules: int = 500, seed: int = 0) -> Verdict:
    """Compare all schedules of `setting` with running in order; beyond `limit` states, `schedules` random ones.

    A schedule that differs is shrunk to a simple one, if random search finds one too.
    """
    expected = setting.in_order()
    try:
        found = exhaust(setting, limit=limit)
    except TooManyStates:
        differing = search(setting, expected, schedules=schedules, seed=seed)
        return Verdict(None, None, False, schedules, None, differing)
    differing = found.differing(expected)
    if differing is not None:
        differing = search(setting, expected, schedules=schedules, seed=seed) or differing
    outcomes = len(found.endings) + (found.stuck is not None)
    return Verdict(found.states, outcomes, found.reduced, 0, _traces(setting), differing)


def _traces(setting: Setting) -> Traces | None:
    if not hasattr(setting.make_world(), "step"):
        return None
    try:
        return explore_traces(setting, limit=TRACE_LIMIT)
    except TooManyExecutions:
        return None
