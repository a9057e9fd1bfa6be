"""What came of checking tools: verdicts for tools and pairs, and for each wrong declaration a small example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .advice import Fix
from .trial import Trial

# `access`: both touched one place, one writing; `order`: the two orders can be told apart; `overlap`: run at once, they
# gave what neither order gives.
Evidence = Literal["access", "order", "overlap"]
Verdict = Literal["no fault", "wrong", "undeclared", "cannot check"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Two calls that are independent by declaration, and are not."""

    trial: Trial
    evidence: Evidence
    key: str  # where they meet
    words: tuple[str, ...]  # what was seen
    fixes: tuple[Fix, ...]
    after: int  # trials
    also: tuple[tuple[str, str], ...] = ()  # other pairs of tools that the same fixes would put right

    @property
    def tools(self) -> tuple[str, str]:
        return self.trial.first.tool, self.trial.second.tool

    def to_json(self) -> dict[str, Any]:
        trial = self.trial
        return {
            "tools": sorted(set(self.tools)),
            "first": str(trial.first),
            "second": str(trial.second),
            "before": list(map(str, trial.prefix)),
            "start": trial.start,
            "probe": None if trial.probe is None else str(trial.probe),
            "switches": list(trial.switches),
            "second_begins": trial.second_begins,
            "evidence": self.evidence,
            "key": self.key,
            "seen": list(self.words),
            "fixes": [str(fix) for fix in self.fixes],
            "after_trials": self.after,
            "also": list(map(list, self.also)),
        }


@dataclass(slots=True)
class ToolCount:
    """One tool: how often it was called as one of the two of a trial, and how often it succeeded."""

    name: str
    trials: int = 0
    calls: int = 0
    succeeded: int = 0
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class PairCount:
    """Two tools: how often two of their calls were tried, and what the declarations said of them."""

    tools: tuple[str, str]
    trials: int = 0
    swaps: int = 0  # of calls that the declarations let change places
    overlaps: int = 0
    waited: int = 0  # overlaps in which one call waited for a lock that the other held
    conflicting: int = 0  # swaps of calls that conflict by declaration, both of which succeeded
    commuted: int = 0  # of these, how many could not be told apart
    wrong: bool = False

    @property
    def overdeclared(self) -> bool:
        """They conflict whenever they meet, and it never mattered."""
        return self.conflicting >= ENOUGH and self.commuted == self.conflicting


ENOUGH = 20


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found, and how much was tried."""

    tools: Mapping[str, ToolCount]
    declared: Mapping[str, str]
    pairs: Sequence[PairCount]
    findings: Sequence[Finding]
    refused: Mapping[str, str]  # the tools that could not be called, or not be checked, and why
    undeclared: frozenset[str]
    seed: int
    examples: int  # trials for each pair of tools
    trials: int
    watched: int

    def verdict(self, tool: str) -> Verdict:
        if any(tool in (fix.tool for fix in finding.fixes) for finding in self.findings):
            return "wrong"
        if tool in self.refused:
            return "cannot check"
        return "undeclared" if tool in self.undeclared else "no fault"

    @property
    def clean(self) -> bool:
        return not self.findings and not self.refused

    @property
    def swaps(self) -> int:
        return sum(pair.swaps for pair in self.pairs)

    @property
    def overlaps(self) -> int:
        return sum(pair.overlaps for pair in self.pairs)

    @property
    def overdeclared(self) -> list[PairCount]:
        """The pairs that conflict by what was declared for them, and never had to."""
        return [pair for pair in self.pairs if pair.overdeclared and self.undeclared.isdisjoint(pair.tools)]

    def to_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "counts": {
                "trials": self.trials, "swaps": self.swaps, "overlaps": self.overlaps, "watched_calls": self.watched
            },
            "tools": [
                {
                    "name": name,
                    "verdict": self.verdict(name),
                    "declared": self.declared[name],
                    "trials": count.trials,
                    "calls": count.calls,
                    "succeeded": count.succeeded,
                    "why": self.refused.get(name),
                }
                for name, count in self.tools.items()
            ],
            "pairs": [
                {
                    "tools": list(pair.tools),
                    "verdict": "wrong" if pair.wrong else "no fault",
                    "trials": pair.trials,
                    "swaps": pair.swaps,
                    "overlaps": pair.overlaps,
                    "conflicting": pair.conflicting,
                    "commuted": pair.commuted,
                }
                for pair in self.pairs
            ],
            "findings": [finding.to_json() for finding in self.findings],
            "overdeclared": [list(pair.tools) for pair in self.overdeclared],
        }  # fmt: skip
