"""From what a search found to what a person needs: the smallest example, the key, and the declaration that is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .access import told
from .advice import Fix, fixes, order_fixes
from .declared import Declared
from .findings import Evidence, Finding, Report
from .monitor import meeting, watch
from .overlap import overlap, single_switches
from .search import MOST_SWITCHES, Found, Search
from .shrink import shrink
from .subject import CannotCheck, Subject
from .swap import AT_ONCE, ORDERS, difference, swap
from .trial import Trial
from .vocabulary import Vocabulary


class Explain:
    """Explains what a search found, on the same subject."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._subject, self._declared = search.subject, search.declared

    def report(self) -> Report:
        search = self._search
        return Report(
            tools=search.tools,
            declared={name: declaration(search.subject, name) for name in search.tools},
            pairs=list(search.pairs.values()),
            findings=self._findings(),
            refused=search.refused,
            undeclared=frozenset(name for name, tool in search.subject.tools.items() if tool.effects is None),
            seed=search.seed,
            examples=search.examples,
            trials=search.trials,
            watched=len(search.seen.calls),
        )

    def _findings(self) -> list[Finding]:
        """One for each set of fixes: the one found first, shrunk."""
        vocabulary = Vocabulary(self._search.seen.calls)
        groups: dict[tuple[Fix, ...], list[Found]] = {}
        for found in self._search.found.values():
            groups.setdefault(_fixes(self._declared, vocabulary, found), []).append(found)
        return [self._finding(found, advice, others) for advice, (found, *others) in groups.items()]

    def _finding(self, found: Found, advice: tuple[Fix, ...], others: Sequence[Found]) -> Finding:
        look = {"access": self._met, "order": self._order_matters, "overlap": self._overlap_matters}[found.evidence]
        trial = shrink(self._subject, found.trial, lambda smaller: _unless_refused(look, smaller) is not None)
        evidence: Evidence = found.evidence
        words = [_unless_refused(look, trial) or found.words]
        if evidence == "access" and (shown := self._shown(trial)) is not None:
            trial, evidence, more = shown
            words.append(more)
        key = told(found.places[0]) if found.places else "?"
        return Finding(
            trial,
            evidence,
            f"the order of {key}" if found.reordered else key,
            tuple(words),
            advice,
            found.after,
            tuple((other.trial.first.tool, other.trial.second.tool) for other in others),
        )

    def _met(self, trial: Trial) -> str | None:
        both = [watch(self._subject, self._declared, each) for each in (trial, trial.reversed())]
        met = meeting(self._declared, *both)
        return None if met is None else met.words()

    def _order_matters(self, trial: Trial) -> str | None:
        if self._declared.relation(trial.first, trial.second) == "ordered":
            return None
        different = difference(trial, *swap(self._subject, trial), ORDERS)
        return None if different is None else different.words

    def _overlap_matters(self, trial: Trial) -> str | None:
        if self._declared.relation(trial.first, trial.second) != "overlap" or self._order_matters(trial) is not None:
            return None
        one, other = overlap(self._subject, trial.atomic()), overlap(self._subject, trial)
        different = difference(trial, one.outcome, other.outcome, AT_ONCE)
        return None if different is None else different.words

    def _shown(self, trial: Trial) -> tuple[Trial, Evidence, str] | None:
        """Can it be noticed that two calls meet? In the two orders, or with one call inside the other."""
        words = _unless_refused(self._order_matters, trial)
        if words is not None:
            return trial, "order", words
        try:
            steps = overlap(self._subject, trial).steps
        except CannotCheck:
            return None
        for switches, second_begins in single_switches(steps)[:MOST_SWITCHES]:
            switched = replace(trial, switches=switches, second_begins=second_begins)
            words = _unless_refused(self._overlap_matters, switched)
            if words is not None:
                return switched, "overlap", words
        return None


def _unless_refused(look: Callable[[Trial], str | None], trial: Trial) -> str | None:
    try:
        return look(trial)
    except CannotCheck:
        return None


def _fixes(declared: Declared, vocabulary: Vocabulary, found: Found) -> tuple[Fix, ...]:
    if found.reordered and found.trial.probe is not None:
        return order_fixes(vocabulary, found.both, found.places[0], found.trial.probe.tool)
    return fixes(declared, vocabulary, found.both, found.places)


def declaration(subject: Subject, tool: str) -> str:
    """What a tool declares, in a few words."""
    effects = subject.tools[tool].effects
    if effects is None:
        return "nothing, so everything"
    parts = []
    for kind, templates in (("reads", effects.reads), ("writes", effects.writes)):
        text = "by a function" if callable(templates) else " ".join(templates)
        if text:
            parts.append(f"{kind} {text}")
    return "; ".join(parts) or "no effects"
