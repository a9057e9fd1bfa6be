"""The six bugs of formal.md 1.7 are found fast, and nothing is found where nothing is wrong.

A trial is one pair of calls from one reachable state, one of them a call of the tool with the bug, its partner any
tool; all three checks look at it.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.verify.effects.check import check_tools
from asyncfc_sim.verify.effects.findings import Report
from asyncfc_sim.verify.effects.function_subject import FunctionSubject, function_subject
from asyncfc_sim.verify.effects.search import Check, Search
from tests.verify.effects import planted_tools as planted

SEEDS = 15
FIXES = {
    "fetch_cached": 'fetch_cached: add writes=["cache:*"]',
    "read_lru": 'read_lru: add writes=["stats:reads"]',
    "write_quota": 'write_quota: add writes=["quota:used"]',
    "hits": 'hits: add writes=["stats:hits"]',
    "now_undeclared": 'now_undeclared: add writes=["clock"]',
    "ci_read": 'ci_read: add reads=["file:*"]',
}


def trials_until_found(
    subject: FunctionSubject, tool: str, seed: int, checks: frozenset[Check], most: int
) -> int | None:
    search = Search(subject, seed, checks)
    pairs = [pair for names, pair in search.pairs.items() if tool in names]
    rng = np.random.default_rng(seed)
    while search.trials < most:
        search.trial(pairs[int(rng.integers(len(pairs)))])
        if search.found:
            return search.trials
    return None


@pytest.mark.parametrize("bad", planted.BAD, ids=lambda function: function.__name__)
def test_a_planted_bug_is_found_within_25_trials(bad: Any):
    with function_subject([*planted.GOOD, bad]) as subject:
        found = [
            trials_until_found(subject, bad.__name__, seed, frozenset({"access", "order", "overlap"}), 150)
            for seed in range(SEEDS)
        ]
    counts = [150 if trials is None else trials for trials in found]
    assert median(counts) <= 25, counts


@pytest.mark.parametrize(
    ("bad", "check", "finds"),
    [
        (planted.now_undeclared, "order", True),
        (planted.hits, "order", False),  # commutes, as long as each call is one step
        (planted.hits, "overlap", True),
        (planted.read_lru, "order", False),
        (planted.read_lru, "overlap", True),
    ],
)
def test_what_one_check_cannot_see_another_sees(bad: Callable[..., Any], check: Check, finds: bool):
    with function_subject([bad]) as subject:
        assert (trials_until_found(subject, bad.__name__, 0, frozenset({check}), 30) is not None) == finds


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    good = [planted.read, planted.write, planted.ls, planted.now]
    return {bad.__name__: check_tools([*good, bad], examples=10) for bad in planted.BAD}


@pytest.mark.parametrize("tool", FIXES)
def test_the_declaration_that_would_be_right_is_told(reports: dict[str, Report], tool: str):
    report = reports[tool]
    assert [name for name in report.tools if report.verdict(name) == "wrong"] == [tool]
    fixes = {str(fix).partition(" (")[0] for finding in report.findings for fix in finding.fixes}
    assert FIXES[tool] in fixes


def test_examples_are_shrunk(reports: dict[str, Report]):
    for report in reports.values():
        for finding in report.findings:
            assert len(finding.trial.prefix) <= 1, finding
    (finding,) = [each for each in reports["write_quota"].findings if each.tools == ("write_quota", "write_quota")]
    assert finding.trial.prefix == ()
    assert {call.args["path"] for call in (finding.trial.first, finding.trial.second)} == {"a", "b"}


def test_correct_tools_give_no_alarm():
    report = check_tools([*planted.GOOD, planted.add_wo, planted.add_commuting], examples=4, seed=3)
    assert report.findings == []
    assert report.refused == {}
    assert report.swaps > 350
    assert report.overlaps > 150


def test_two_tools_that_conflict_by_declaration_and_always_commute_are_told():
    with function_subject([planted.add, planted.incr]) as subject:
        search = Search(subject)
        for _ in range(170):
            for pair in (("add", "add"), ("add", "incr")):
                search.trial(search.pairs[pair])
    assert search.found == {}
    assert search.pairs["add", "add"].overdeclared
    assert not search.pairs["add", "incr"].overdeclared
