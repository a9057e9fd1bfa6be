"""The rows of a robustness study: one for each policy, kind of fault and rate, over conversations and labellings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any, Final

import numpy as np

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.simulate.metrics import Speedup, paired_speedup

from .labels import NONE, TRUE, Labelling
from .proportion import Share, wilson
from .robustness import Conversation, Robustness, called_tools, tasks_of

TRUE_LABELS: Final = "true labels"
NO_LABELS: Final = "no labels"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one kind of fault at one rate under one policy. Shares are of all runs, or of all their calls.

    `hit` is the share of the tools called that are labelled otherwise than they should be, the mean over `labellings`
    draws; draws that come to the same labels count once. `time` is the total makespan as a multiple of that with true
    labels. The interval of the speed-up is over conversations, each taken with all its labellings.
    """

    policy: str
    fault: str  # or TRUE_LABELS, NO_LABELS
    rate: float
    labellings: int
    hit: float
    wrong: Share
    raced: Share
    could: Share
    wrong_calls: Share
    wrong_by_labelling: tuple[float, ...]
    speedup: Speedup  # over sync
    time: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def rows(study: Robustness, found: Sequence[Conversation]) -> list[Row]:
    """All rows, policy by policy, those of true labels and of none first."""
    called = {task.kinds[name]: task.tools[name] for task in tasks_of(study) for name in called_tools(task)}
    labelled = [_labels(called, labelling) for labelling in study.labellings()]
    groups = _groups(study)
    return [
        _row(study, found, number, group, labelled, places)
        for number in range(len(study.policies))
        for group, places in groups.items()
    ]


def safe(row: Row) -> bool:
    """Whether the labels of this row must not do harm: they are true, or missing."""
    return row.fault in (TRUE_LABELS, NO_LABELS, "missing")


def _groups(study: Robustness) -> dict[tuple[str, float], list[int]]:
    """The labellings of each row, by their places in the study."""
    groups: dict[tuple[str, float], list[int]] = {(TRUE_LABELS, TRUE.rate): [0], (NO_LABELS, NONE.rate): [1]}
    for place, labelling in enumerate(study.labellings()[2:], 2):
        groups.setdefault((labelling.fault, labelling.rate), []).append(place)
    return groups


def _labels(called: dict[str, Tool], labelling: Labelling) -> tuple[Tool, ...]:
    return tuple(labelling.label(kind, tool) for kind, tool in called.items())


def _row(
    study: Robustness,
    found: Sequence[Conversation],
    policy: int,
    group: tuple[str, float],
    labelled: Sequence[tuple[Tool, ...]],
    places: Sequence[int],
) -> Row:
    first: dict[tuple[Tool, ...], int] = {}
    for place in places:
        first.setdefault(labelled[place], place)
    distinct = list(first.values())
    by_labelling = [[each.outcomes[place][policy] for each in found] for place in distinct]
    runs = [run for one in by_labelling for run in one]
    judged = [each.judged[place] for place in distinct for each in found]
    calls = len(distinct) * sum(each.calls for each in found)
    times_s = np.array([[run.makespan_s for run in one] for one in by_labelling])
    true_s = fsum(each.outcomes[0][policy].makespan_s for each in found)
    hits = [sum(a != b for a, b in zip(labels, labelled[0], strict=True)) / len(labelled[0]) for labels in first]
    return Row(
        study.policies[policy],
        *group,
        len(distinct),
        sum(hits) / len(hits),
        wilson(sum(run.wrong for run in runs), len(runs)),
        wilson(sum(run.raced for run in runs), len(runs)),
        wilson(sum(one.wrong for one in judged), len(runs)),
        wilson(sum(run.wrong_calls for run in runs), calls),
        tuple(sum(run.wrong for run in one) / len(one) for one in by_labelling),
        paired_speedup(
            np.array([len(distinct) * each.sync_s for each in found]),
            times_s.sum(axis=0),
            np.random.default_rng(study.seed),
        ),
        fsum(run.makespan_s for run in runs) / (len(distinct) * true_s),
    )
