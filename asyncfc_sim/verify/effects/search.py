"""Random pairs of calls from random reachable states, looked at in three ways.

A trial is one pair of calls from one state. Both are watched (monitor.py): two calls that are declared independent
must not meet. If they may change places, they are run in both orders (swap.py), and if they may overlap, also at once,
taking turns (overlap.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import Final, Literal

import numpy as np

from asyncfc_sim.core.values import ErrorValue

from .access import Location
from .declared import Declared
from .findings import ENOUGH, Evidence, PairCount, ToolCount
from .monitor import Seen, Watched, meeting, places_shared, watch, watch_here
from .overlap import Schedule, overlap, single_switches
from .reaching import HINT, Trials
from .subject import CannotCheck, Subject
from .swap import AT_ONCE, ORDERS, Outcome, difference, settled, swap
from .trial import Call, Trial

EXAMPLES: Final = 100
MOST_TRIALS: Final = 20_000
MOST_SWITCHES: Final = 60  # schedules tried in the first trial of a pair
SOME_SWITCHES: Final = 2  # and in later ones: where both calls touch one thing, and in every
MOST_WAITS: Final = 4  # for locks: then it is clear enough that two tools exclude each other
NOW_AND_THEN: Final = 10  # th trial otherwise, in case they touch what cannot be watched

Check = Literal["access", "order", "overlap"]
ALL: Final[frozenset[Check]] = frozenset({"access", "order", "overlap"})
Both = tuple[Watched, Watched]


@dataclass(frozen=True, slots=True)
class Found:
    """Two calls that are independent by declaration, and are not: as a trial showed it.

    `places`, likeliest first, are those in which they meet; if they only left keys in another order, those dicts.
    """

    trial: Trial
    evidence: Evidence
    words: str
    places: tuple[Location, ...]
    both: Both
    after: int
    reordered: bool = False


class Search:
    """What has been tried, seen and found so far. At most one finding for each pair of tools."""

    def __init__(self, subject: Subject, seed: int = 0, checks: frozenset[Check] = ALL) -> None:
        self.subject, self.seed, self.checks = subject, seed, checks
        self.declared = Declared(subject.tools)
        self.seen = Seen(self.declared)
        self.trials = 0
        self.examples = 0
        self.found: dict[tuple[str, str], Found] = {}
        self.tools = {name: ToolCount(name) for name in subject.tools}
        self.pairs = {pair: PairCount(pair) for pair in combinations_with_replacement(subject.tools, 2)}
        self._rng = np.random.default_rng(seed)
        self._source = Trials(subject, self.declared, self._rng)

    @property
    def refused(self) -> dict[str, str]:
        """The tools that cannot be called, or not be checked, and why."""
        return self._source.refused

    def run(self, examples: int, advance: Callable[[int], None] = lambda _: None) -> None:
        """So many trials for each pair of tools; fewer where there are very many pairs."""
        self.examples = min(examples, max(ENOUGH, MOST_TRIALS // max(1, len(self.pairs))))
        pairs = list(self.pairs.values())
        for _ in range(self.examples):
            for number in self._rng.permutation(len(pairs)):
                if not self._done(pairs[number]):
                    self.trial(pairs[number])
                advance(1)
        for name, count in self.tools.items():
            if count.calls and not count.succeeded:
                often = max(count.failures, key=lambda message: count.failures[message])
                why = f"it cannot be called: all of {count.calls} calls failed, most with: {often}; {HINT}"
                self._source.refuse(name, why)

    def trial(self, pair: PairCount) -> None:
        """One trial of a pair of tools."""
        try:
            trial = self._source.draw(pair.tools)
            self.trials += 1
            pair.trials += 1
            for name in set(pair.tools):
                self.tools[name].trials += 1
            self._examine(pair, trial)
        except CannotCheck as why:
            if why.tool is None:
                raise
            self._source.refuse(why.tool, why.why)

    def _done(self, pair: PairCount) -> bool:
        never_free = pair.swaps == 0 and pair.conflicting >= 2 * ENOUGH
        return pair.wrong or never_free or any(name in self.refused for name in pair.tools)

    def _examine(self, pair: PairCount, trial: Trial) -> None:
        both = self._watch(trial)
        one, other = both
        relation = self.declared.related(one.call.tool, one.footprint, other.call.tool, other.footprint)
        if "access" in self.checks:
            self._suspect(both)
        if pair.wrong:
            return
        if relation == "ordered":
            self._count_commuting(pair, trial, both)
            return
        outcome = self._swap(pair, trial, both) if "order" in self.checks else None
        # Calls of which none writes anything cannot disturb each other.
        may_overlap = relation == "overlap" and not pair.wrong and pair.waited < MOST_WAITS
        if may_overlap and "overlap" in self.checks and (one.wrote or other.wrote):
            first = pair.overlaps == 0
            if first or pair.trials % NOW_AND_THEN == 0 or places_shared(both):
                self._overlap(pair, trial, both, outcome, MOST_SWITCHES if first else SOME_SWITCHES)

    def _watch(self, trial: Trial) -> Both:
        """Watch both calls, each from the state of the trial, in which the subject is."""
        one = watch_here(self.subject, self.declared, trial)
        other = watch(self.subject, self.declared, trial.reversed())
        for watched in (one, other):
            count = self.tools[watched.call.tool]
            count.calls += 1
            if isinstance(watched.value, ErrorValue):
                count.failures[watched.value.message] = count.failures.get(watched.value.message, 0) + 1
            else:
                count.succeeded += 1
        return one, other

    def _suspect(self, both: Both) -> None:
        """Do these two meet, or one of them its like, or any that was seen before?"""
        one, other = both
        for left, right in (both, (one, one), (other, other)):
            self._meet(left, right)
        for watched in both:
            for earlier in list(self.seen.suspicions(watched)):
                if self.pairs[self._pair(watched.call, earlier.call)].wrong:
                    continue
                for trial in (watched.trial, earlier.trial):
                    again = replace(trial, first=watched.call, second=earlier.call)
                    left = watch(self.subject, self.declared, again)
                    self._meet(left, watch(self.subject, self.declared, again.reversed()))
            self.seen.add(watched)

    def _meet(self, left: Watched, right: Watched) -> None:
        met = meeting(self.declared, left, right)
        if met is not None:
            trial = replace(left.trial, first=left.call, second=right.call)
            self._find(Found(trial, "access", met.words(), (met.place,), (left, right), self.trials))

    def _count_commuting(self, pair: PairCount, trial: Trial, both: Both) -> None:
        """Do calls that conflict by declaration conflict? A call that fails says little of it, nor do keys in another
        order, which some tool may show.
        """
        if any(isinstance(watched.value, ErrorValue) for watched in both) or pair.conflicting >= 2 * ENOUGH:
            return
        one, other = swap(self.subject, trial)
        if not one.state.reordered(other.state):
            pair.conflicting += 1
            pair.commuted += difference(trial, one, other, ORDERS) is None

    def _swap(self, pair: PairCount, trial: Trial, both: Both) -> Outcome:
        pair.swaps += 1
        one, other = swap(self.subject, trial)
        different = difference(trial, one, other, ORDERS)
        if different is not None:
            settled(self.subject, trial, one)
            places = (*different.places, *places_shared(both))
            self._find(Found(trial, "order", different.words, places, both, self.trials))
        elif reordered := one.state.reordered(other.state):
            self._probe(trial, tuple(reordered), both)
        return one

    def _probe(self, trial: Trial, reordered: tuple[Location, ...], both: Both) -> None:
        """The states are equal but for the order of keys: does any tool that goes through them let it be noticed?"""
        for name in sorted({tool for where in reordered for tool in self.seen.listing(where)} - self.refused.keys()):
            probed = replace(trial, probe=self._source.call(name))
            one, other = swap(self.subject, probed)
            different = difference(probed, one, other, ORDERS)
            if different is not None:
                settled(self.subject, probed, one)
                self._find(Found(probed, "order", different.words, reordered, both, self.trials, reordered=True))
                return

    def _overlap(self, pair: PairCount, trial: Trial, both: Both, outcome: Outcome | None, most: int) -> None:
        """Run both at once, under the schedules with one switch, or some of them, and a few with more."""
        alone = overlap(self.subject, trial)
        one, steps = alone.outcome, alone.steps
        if outcome is not None and difference(trial, outcome, one, ORDERS) is not None:
            settled(self.subject, trial, outcome)
        schedules = single_switches(steps)
        if len(schedules) > most:
            schedules = [schedules[number] for number in sorted(self._rng.permutation(len(schedules))[:most])]
        if min(steps) > 0:
            schedules += [self._schedule(steps) for _ in range(SOME_SWITCHES)]
        for switches, second_begins in schedules:
            pair.overlaps += 1
            switched = replace(trial, switches=switches, second_begins=second_begins)
            other = overlap(self.subject, switched)
            pair.waited += other.waited
            different = difference(trial, one, other.outcome, AT_ONCE)
            if different is not None:
                settled(self.subject, trial, one)
                places = (*different.places, *places_shared(both))
                self._find(Found(switched, "overlap", different.words, places, both, self.trials))
            if different is not None or pair.waited >= MOST_WAITS:
                return

    def _schedule(self, steps: tuple[int, int]) -> Schedule:
        """Some switches, at random."""
        lengths = 1 + self._rng.integers(max(steps), size=int(self._rng.integers(2, 5)))
        return tuple(int(length) for length in lengths), bool(self._rng.integers(2))

    def _find(self, found: Found) -> None:
        pair = self._pair(found.trial.first, found.trial.second)
        if not self.pairs[pair].wrong:
            self.pairs[pair].wrong = True
            self.found[pair] = found

    def _pair(self, first: Call, second: Call) -> tuple[str, str]:
        pair = (first.tool, second.tool)
        return pair if pair in self.pairs else (second.tool, first.tool)
