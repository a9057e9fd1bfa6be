"""How far a certificate can be trusted: runs that really race, each certified or not, and equal to its order or not.

A scheduler that ignores conflicts runs random programs whose tools are not atomic: the decoder goes on as far as it
can, and the tools under way take random turns, one read or write at a time. The log of accesses of such a run may be
certified, and then the run must have come to the same end as running the calls in order: values, world, and all that
the decoder saw. The other way round it need not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from asyncfc_sim.core.certificate import Access, Certified, Verdict, certify
from asyncfc_sim.core.events import Action, Event
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.random_programs import random_program
from asyncfc_sim.workloads.toolbox import TOOLBOX

from .baselines import Naive
from .configuration import MakeScheduler
from .moves import DECODE
from .setting import Ending, Setting

CALLS = 5
Judge = Callable[[Sequence[Access]], Verdict]


@dataclass(slots=True)
class Tally:
    """Runs by verdict and by whether they came to the same end as running in order."""

    sound: int = 0  # certified, and equal
    unsound: int = 0  # certified, and not equal: must not be
    benign: int = 0  # equal, and not certified
    caught: int = 0  # not equal, and not certified

    @property
    def runs(self) -> int:
        return self.sound + self.unsound + self.benign + self.caught

    def add(self, *, certified: bool, equal: bool) -> None:
        match certified, equal:
            case True, True:
                self.sound += 1
            case True, False:
                self.unsound += 1
            case False, True:
                self.benign += 1
            case _:
                self.caught += 1

    def __str__(self) -> str:
        certified = self.sound + self.unsound
        return (
            f"{self.runs} racy runs: {certified} certified, of which {self.unsound} differ from running in order; "
            f"{self.caught + self.benign} not certified, of which {self.benign} are equal all the same"
        )


def racy_runs(
    n: int,
    rng: np.random.Generator,
    *,
    calls: int = CALLS,
    make: MakeScheduler = Naive,
    judge: Judge = certify,
    advance: Callable[[], None] = lambda: None,
) -> Tally:
    """Make `n` runs, and have each judged; `advance` is called after each."""
    tally = Tally()
    for _ in range(n):
        run = race(rng, calls=calls, make=make)
        tally.add(certified=isinstance(judge(run.log), Certified), equal=run.equal)
        advance()
    return tally


@dataclass(frozen=True, slots=True)
class Race:
    """One run: what its tools did in which order, how it ended, and how it would have ended in order."""

    log: list[Access]
    ended: Ending
    in_order: Ending

    @property
    def equal(self) -> bool:
        return self.ended == self.in_order


def race(rng: np.random.Generator, *, calls: int = CALLS, make: MakeScheduler = Naive) -> Race:
    """Run a random program under a random schedule."""
    program, tools, values = random_program(rng, calls)
    setting = Setting(program, tools, lambda: KeyWorld(TOOLBOX, values), granularity="steps", scheduler=make)
    log: list[Access] = []

    def note(happened: Event | Access | Action) -> None:
        if isinstance(happened, Access):
            log.append(happened)

    run = setting.start()
    run.observer = note
    while not run.over():
        moves = run.moves()
        run.make(DECODE if DECODE in moves else moves[int(rng.integers(len(moves)))])
    return Race(log, Ending(run.outcome(), run.world.state()), setting.in_order())
