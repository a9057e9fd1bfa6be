"""Do tools keep to what they declare? Random pairs of calls from random reachable states, looked at in three ways.

A trial is one pair of calls from one state. Both are watched (monitor.py): two calls that are declared independent
must not meet. If they may change places, they are run in both orders (swap.py), and if they may overlap, also at once,
taking turns (overlap.py). What is found is shrunk, and comes with the declaration that would be right. It is testing:
no trial proves that there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import Any, Final, Literal

import numpy as np

from asyncfc_sim.core.footprint import indep
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.tools.tool_file import ToolFile

from .access import Access, Location, told
from .advice import Fix, fixes
from .arguments import draw, known_values
from .declared import Declared
from .findings import ENOUGH, Evidence, Finding, PairCount, Report, ToolCount
from .function_subject import function_subject
from .monitor import Seen, Watched, meeting, watch, watch_here
from .overlap import overlap, single_switches
from .schema import NoValues
from .shrink import shrink
from .subject import CannotCheck, Subject
from .swap import Difference, Outcome, difference, settled, swap
from .trial import Call, Trial
from .vocabulary import Vocabulary

EXAMPLES: Final = 100
MOST_TRIALS: Final = 20_000
MOST_BEFORE: Final = 8  # calls that lead to the state of a trial
RELATED: Final = 0.5  # how many of them conflict with the two by declaration, and so may matter to them
MOST_SWITCHES: Final = 60  # schedules tried in the first trial of a pair
SOME_SWITCHES: Final = 2  # and in later ones: where both calls touch one thing, and in every
NOW_AND_THEN: Final = 10  # th trial otherwise, in case they touch what cannot be watched

Check = Literal["access", "order", "overlap"]
ALL: Final[frozenset[Check]] = frozenset({"access", "order", "overlap"})


def check_tools(
    tools: ToolFile | Iterable[Callable[..., Any]],
    *,
    examples: int = EXAMPLES,
    seed: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """Check the tools of a file, or plain functions, with so many trials for each pair of tools.

    Raises CannotCheck if the state cannot be seen or put back, and ToolError for what is no tool.
    """
    with function_subject(tools) as subject:
        return check_subject(subject, examples=examples, seed=seed, advance=advance)


def check_subject(
    subject: Subject,
    *,
    examples: int = EXAMPLES,
    seed: int = 0,
    checks: frozenset[Check] = ALL,
    stop_at_first: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """The same for anything that is a subject. `advance` is told of every trial."""
    return Checking(subject, seed, checks).run(examples, stop_at_first=stop_at_first, advance=advance)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a trial showed: not shrunk yet, and without advice."""

    trial: Trial
    evidence: Evidence
    words: str
    places: tuple[Location, ...]
    pair: tuple[Watched, Watched]
    after: int
    reordered: bool = False


class Checking:
    """One check: what has been tried, seen and found so far."""

    def __init__(self, subject: Subject, seed: int, checks: frozenset[Check] = ALL) -> None:
        self.subject, self.seed, self.checks = subject, seed, checks
        self.declared = Declared(subject.tools)
        self.seen = Seen(self.declared)
        self.trials = 0
        self._rng = np.random.default_rng(seed)
        self._found: dict[tuple[str, str], _Found] = {}
        self.tools = {name: ToolCount(name, _declaration(subject, name)) for name in subject.tools}
        names = list(subject.tools)
        self.pairs = {pair: PairCount(pair) for pair in combinations_with_replacement(names, 2)}
        for name in names:
            try:
                subject.pools(name)
            except NoValues as why:
                self._refuse(name, f"it cannot be called: no arguments fit its schema: {why}; {EXAMPLES_HINT}")
        regions = {
            name: self.declared.region(name, subject.pools(name)) for name in names if not self.tools[name].refused
        }
        self._related = {
            name: {other for other, there in regions.items() if not indep(here, there)}
            for name, here in regions.items()
        }

    def run(self, examples: int, *, stop_at_first: bool = False, advance: Callable[[int], None]) -> Report:
        examples = max(1, min(examples, max(ENOUGH, MOST_TRIALS // max(1, len(self.pairs)))))
        pairs = list(self.pairs.values())
        for _ in range(examples):
            for number in self._rng.permutation(len(pairs)):
                if not self._done(pairs[number]):
                    self.trial(pairs[number])
                    if stop_at_first and self._found:
                        return self.report(examples)
                advance(1)
        self._uncallable()
        return self.report(examples)

    def trial(self, pair: PairCount) -> None:
        """One trial of a pair of tools."""
        try:
            drawn = self._draw(pair)
            if drawn is None:
                return
            self.trials += 1
            pair.trials += 1
            for name in set(pair.tools):
                self.tools[name].trials += 1
            self._examine(pair, *drawn)
        except CannotCheck as why:
            if why.tool is None:
                raise
            self._refuse(why.tool, why.why)

    def _done(self, pair: PairCount) -> bool:
        never_free = pair.swaps == 0 and pair.conflicting >= 2 * ENOUGH
        return pair.wrong or never_free or any(self.tools[name].refused for name in pair.tools)

    def _refuse(self, tool: str, why: str) -> None:
        self.tools[tool].refused = self.tools[tool].refused or why

    def _draw(self, pair: PairCount) -> tuple[Trial, int] | None:
        """Two calls and a state, in which the subject then is. The second value is the number of calls before."""
        rng, subject = self._rng, self.subject
        start = int(rng.integers(subject.starts))
        subject.reset(start)
        tools = [name for name, count in self.tools.items() if not count.refused]
        related = [name for name in tools if any(name in self._related[tool] for tool in pair.tools)]
        prefix: list[Call] = []
        values: list[Value] = []
        for _ in range(int(rng.integers(MOST_BEFORE + 1))):
            among = related if related and rng.random() < RELATED else tools
            call = self._call(among[int(rng.integers(len(among)))], values)
            if call is not None:
                prefix.append(call)
                values.append(subject.call(len(prefix), call))
        first, second = (self._call(tool, values) for tool in pair.tools)
        if first is None or second is None:
            return None
        if rng.random() < 0.5:
            first, second = second, first
        return Trial(tuple(prefix), first, second, start), len(prefix)

    def _call(self, tool: str, values: Sequence[Value]) -> Call | None:
        call = draw(self.subject, tool, known_values(values, self.subject.observe()), self._rng)
        if call is None:
            self._refuse(tool, f"it cannot be called: it accepts none of the arguments tried; {EXAMPLES_HINT}")
        return call

    def _examine(self, pair: PairCount, trial: Trial, before: int) -> None:
        both = self._watch(trial, before)
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
        if relation == "overlap" and "overlap" in self.checks and not pair.wrong and any(map(_wrote, both)):
            first = pair.overlaps == 0
            if first or pair.trials % NOW_AND_THEN == 0 or _shared(both):
                self._overlap(pair, trial, both, outcome, MOST_SWITCHES if first else SOME_SWITCHES)

    def _watch(self, trial: Trial, before: int) -> tuple[Watched, Watched]:
        """Watch both calls, each from the state of the trial, in which the subject is."""
        one = watch_here(self.subject, self.declared, trial, before)
        other = watch(self.subject, self.declared, replace(trial, first=trial.second, second=trial.first))
        for watched in (one, other):
            count = self.tools[watched.call.tool]
            count.calls += 1
            if isinstance(watched.value, ErrorValue):
                count.failures[watched.value.message] = count.failures.get(watched.value.message, 0) + 1
            else:
                count.succeeded += 1
        return one, other

    def _suspect(self, both: tuple[Watched, Watched]) -> None:
        """Do these two meet, or one of them itself, or any that was seen before?"""
        one, other = both
        for left, right in (both, (one, one), (other, other)):
            self._met(left, right)
        for watched in both:
            for earlier in list(self.seen.suspicions(watched)):
                if self.pairs[self._pair(watched.call, earlier.call)].wrong:
                    continue
                for trial in (watched.trial, earlier.trial):
                    here = replace(trial, first=watched.call, second=earlier.call)
                    there = replace(here, first=here.second, second=here.first)
                    self._met(watch(self.subject, self.declared, here), watch(self.subject, self.declared, there))
            self.seen.add(watched)

    def _met(self, left: Watched, right: Watched) -> None:
        accesses = meeting(self.declared, left, right)
        if accesses is not None:
            trial = replace(left.trial, first=left.call, second=right.call)
            self._find(trial, "access", _meeting_words((left, right), accesses), (_place(accesses),), (left, right))

    def _count_commuting(self, pair: PairCount, trial: Trial, both: tuple[Watched, Watched]) -> None:
        if any(isinstance(watched.value, ErrorValue) for watched in both) or pair.conflicting >= 2 * ENOUGH:
            return
        one, other = swap(self.subject, trial)
        if difference(trial, one, other, ORDERS) is None and not one.state.reordered(other.state):
            pair.commuted += 1
        pair.conflicting += 1

    def _swap(self, pair: PairCount, trial: Trial, both: tuple[Watched, Watched]) -> Outcome:
        pair.swaps += 1
        one, other = swap(self.subject, trial)
        different = difference(trial, one, other, ORDERS)
        if different is not None:
            settled(self.subject, trial, one)
            self._find(trial, "order", different.words, self._where(both, different), both)
        elif reordered := one.state.reordered(other.state):
            self._probe(trial, tuple(reordered), both)
        return one

    def _probe(self, trial: Trial, reordered: tuple[Location, ...], both: tuple[Watched, Watched]) -> None:
        """The states are equal but for the order of keys: does any tool let it be noticed?"""
        for name in sorted({tool for where in reordered for tool in self.seen.listing(where)}):
            call = None if self.tools[name].refused else self._call(name, [])
            if call is None:
                continue
            probed = replace(trial, probe=call)
            one, other = swap(self.subject, probed)
            different = difference(probed, one, other, ORDERS)
            if different is not None:
                settled(self.subject, probed, one)
                self._find(probed, "order", different.words, reordered, both, reordered=True)
                return

    def _overlap(
        self, pair: PairCount, trial: Trial, both: tuple[Watched, Watched], outcome: Outcome | None, most: int
    ) -> None:
        """Run both at once, under the schedules with one switch, or some of them, and a few with more."""
        one, steps = overlap(self.subject, trial)
        if outcome is not None and difference(trial, outcome, one, ORDERS) is not None:
            settled(self.subject, trial, outcome)
        schedules = single_switches(steps)
        if len(schedules) > most:
            schedules = [schedules[number] for number in sorted(self._rng.permutation(len(schedules))[:most])]
        if sum(steps) > 2:
            schedules += [self._schedule(steps) for _ in range(SOME_SWITCHES)]
        for switches, second_begins in schedules:
            pair.overlaps += 1
            switched = replace(trial, switches=switches, second_begins=second_begins)
            different = difference(trial, one, overlap(self.subject, switched)[0], AT_ONCE)
            if different is not None:
                settled(self.subject, trial, one)
                self._find(switched, "overlap", different.words, self._where(both, different), both)
                return

    def _schedule(self, steps: tuple[int, int]) -> tuple[tuple[int, ...], bool]:
        """Some switches, at random."""
        lengths = 1 + self._rng.integers(max(steps), size=int(self._rng.integers(2, 5)))
        return tuple(int(length) for length in lengths), bool(self._rng.integers(2))

    def _where(self, both: tuple[Watched, Watched], different: Difference) -> tuple[Location, ...]:
        """Where two calls that can be told apart meet, certainly or maybe; else where the difference shows."""
        return (*different.places, *_shared(both))

    def _find(
        self, trial: Trial, evidence: Evidence, words: str, places: tuple[Location, ...],
        pair: tuple[Watched, Watched], *, reordered: bool = False,
    ) -> None:  # fmt: skip
        key = self._pair(trial.first, trial.second)
        if not self.pairs[key].wrong:
            self.pairs[key].wrong = True
            self._found[key] = _Found(trial, evidence, words, places, pair, self.trials, reordered)

    def _pair(self, first: Call, second: Call) -> tuple[str, str]:
        pair = (first.tool, second.tool)
        return pair if pair in self.pairs else (second.tool, first.tool)

    def _uncallable(self) -> None:
        for name, count in self.tools.items():
            if count.calls and not count.succeeded and not count.refused:
                common = max(count.failures, key=lambda message: count.failures[message])
                why = f"it cannot be called: all of {count.calls} calls failed, mostly with: {common}; {EXAMPLES_HINT}"
                self._refuse(name, why)

    def report(self, examples: int) -> Report:
        return Report(
            self.tools, list(self.pairs.values()), self._findings(),
            frozenset(name for name, tool in self.subject.tools.items() if tool.effects is None),
            self.seed, examples, self.trials, len(self.seen.calls),
        )  # fmt: skip

    def _findings(self) -> list[Finding]:
        """One for each set of fixes, the one found first, shrunk."""
        vocabulary = Vocabulary(self.seen.calls)
        groups: dict[tuple[Fix, ...], list[_Found]] = {}
        for found in self._found.values():
            groups.setdefault(_fixes(vocabulary, found), []).append(found)
        findings = []
        for advice, (found, *others) in groups.items():
            also = tuple((other.trial.first.tool, other.trial.second.tool) for other in others)
            findings.append(self._finding(found, advice, also))
        return findings

    def _finding(self, found: _Found, advice: tuple[Fix, ...], also: tuple[tuple[str, str], ...]) -> Finding:
        seen = {"access": self._meet, "order": self._differ, "overlap": self._differ_at_once}
        small = shrink(self.subject, found.trial, lambda trial: self._quiet(seen[found.evidence], trial) is not None)
        words = (self._quiet(seen[found.evidence], small) or found.words,)
        evidence, trial = found.evidence, small
        if evidence == "access":
            shown = self._shown(small)
            if shown is not None:
                trial, evidence, more = shown
                words = (*words, more)
        key = told(found.places[0]) if found.places else "?"
        if found.reordered:
            key = f"the order of {key}"
        return Finding(trial, evidence, key, words, advice, found.after, also)

    def _quiet(self, look: Callable[[Trial], str | None], trial: Trial) -> str | None:
        try:
            return look(trial)
        except CannotCheck:
            return None

    def _meet(self, trial: Trial) -> str | None:
        there = replace(trial, first=trial.second, second=trial.first)
        both = watch(self.subject, self.declared, trial), watch(self.subject, self.declared, there)
        accesses = meeting(self.declared, *both)
        return None if accesses is None else _meeting_words(both, accesses)

    def _differ(self, trial: Trial) -> str | None:
        if self.declared.relation(trial.first, trial.second) == "ordered":
            return None
        different = difference(trial, *swap(self.subject, trial), ORDERS)
        return None if different is None else different.words

    def _differ_at_once(self, trial: Trial) -> str | None:
        if self.declared.relation(trial.first, trial.second) != "overlap":
            return None
        if difference(trial, *swap(self.subject, trial), ORDERS) is not None:
            return None
        one, _ = overlap(self.subject, trial.atomic())
        different = difference(trial, one, overlap(self.subject, trial)[0], AT_ONCE)
        return None if different is None else different.words

    def _shown(self, trial: Trial) -> tuple[Trial, Evidence, str] | None:
        """Can the meeting of two calls be noticed? In the two orders, or with one call inside the other."""
        words = self._quiet(self._differ, trial)
        if words is not None:
            return trial, "order", words
        try:
            _, steps = overlap(self.subject, trial)
        except CannotCheck:
            return None
        for switches, second_begins in single_switches(steps)[:MOST_SWITCHES]:
            switched = replace(trial, switches=switches, second_begins=second_begins)
            words = self._quiet(self._differ_at_once, switched)
            if words is not None:
                return switched, "overlap", words
        return None


ORDERS: Final = ("in this order", "in the other order")
AT_ONCE: Final = ("one after the other", "at once")
EXAMPLES_HINT: Final = 'give arguments that work: a function examples() that returns {"tool": [{"parameter": value}]}'
_VERBS: Final = {"r": "reads", "w": "writes", "add": "adds to"}


def _declaration(subject: Subject, name: str) -> str:
    effects = subject.tools[name].effects
    if effects is None:
        return "nothing: reads and writes everything"
    parts = []
    for kind, templates in (("reads", effects.reads), ("writes", effects.writes)):
        text = "by a function" if callable(templates) else " ".join(templates)
        if text:
            parts.append(f"{kind} {text}")
    return "; ".join(parts) or "no effects"


def _wrote(watched: Watched) -> bool:
    return any(access.writes for access in watched.accesses)


def _place(accesses: tuple[Access, Access]) -> Location:
    return max((access.where for access in accesses), key=len)


def _meeting_words(pair: Sequence[Watched], accesses: tuple[Access, Access]) -> str:
    place = told(_place(accesses))
    one, other = accesses
    if pair[0].call.key == pair[1].call.key:
        return f"{pair[0].call.tool} {_VERBS[one.kind]} {place}"
    if one.kind == other.kind:
        return f"both {_VERBS[one.kind].rstrip('s')} {place}" if one.kind == "w" else f"both change {place}"
    return f"{pair[0].call.tool} {_VERBS[one.kind]} {place}, which {pair[1].call.tool} {_VERBS[other.kind]}"


def _shared(both: tuple[Watched, Watched]) -> list[Location]:
    from .access import conflict

    meeting_places = [
        max(here.where, there.where, key=len)
        for here in both[0].accesses
        for there in both[1].accesses
        if conflict(here, there)
    ]
    return sorted(dict.fromkeys(meeting_places), key=len, reverse=True)


def _fixes(vocabulary: Vocabulary, found: _Found) -> tuple[Fix, ...]:
    if not found.reordered:
        return fixes(vocabulary, found.pair, found.places)
    from .access import store_of

    word = ":".join(vocabulary.word(store_of(found.places[0])).prefix) + "-order"
    assert found.trial.probe is not None
    remark = f"or let {found.trial.probe.tool} sort what it shows"
    return tuple(Fix(tool, writes=(word,), remark=remark) for tool in sorted({each.call.tool for each in found.pair}))
