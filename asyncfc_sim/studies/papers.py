"""Reproduce the figures of a paper: run what its files ask for, and say of each claim whether ours agrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .agreement import Band, Span, Verdict, nearest, spans, verdict
from .closed_forms import Compared, compare
from .paper_files import Paper, Reproduction
from .paper_run import SEED, Estimate, estimates
from .setting import Setting


@dataclass(frozen=True, slots=True)
class Line:
    """The estimates along the last scanned input, all others fixed, and where the claim holds among them."""

    setting: Setting
    estimates: tuple[Estimate, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one reproduction. `nearest` is the estimate that is nearest to the claim."""

    reproduction: Reproduction
    lines: tuple[Line, ...]
    nearest: Estimate
    verdict: Verdict

    @property
    def band(self) -> Band:
        return band_of(self.reproduction)

    @property
    def estimates(self) -> list[Estimate]:
        return [each for line in self.lines for each in line.estimates]


@dataclass(frozen=True, slots=True)
class Joint:
    """Several claims that rest on the same inputs: the points at which all of them agree, of so many; and the point at
    which the worst of them is nearest."""

    name: str
    outcomes: tuple[Outcome, ...]
    agreeing: tuple[int, ...]
    points: int
    nearest: int


@dataclass(frozen=True, slots=True)
class Result:
    """All that became of a paper."""

    paper: Paper
    outcomes: tuple[Outcome, ...]
    joints: tuple[Joint, ...]
    compared: tuple[Compared, ...]

    @property
    def runs(self) -> int:
        return sum(each.runs for outcome in self.outcomes for each in outcome.estimates)

    @property
    def different(self) -> int:
        """Runs that differ in a value or the final state from running in order."""
        return sum(each.different for outcome in self.outcomes for each in outcome.estimates)

    def to_json(self) -> dict[str, Any]:
        return {
            "paper": self.paper.name,
            "reference": self.paper.reference,
            "runs": self.runs,
            "different": self.different,
            "reproductions": [_outcome_json(outcome) for outcome in self.outcomes],
            "together": [
                {
                    "name": joint.name,
                    "claims": [outcome.reproduction.claim.id for outcome in joint.outcomes],
                    "points": joint.points,
                    "agreeing": [dict(joint.outcomes[0].estimates[place].setting) for place in joint.agreeing],
                }
                for joint in self.joints
            ],
            "closed_forms": [asdict(each) for each in self.compared],
            "not_reproducible": [
                {"claim": claim.id, "value": claim.value, "unit": claim.unit, "reason": claim.reason}
                for claim in self.paper.not_reproducible
            ],
        }


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    each = outcome.reproduction
    return {
        "claim": each.claim.id,
        "name": each.name,
        "claimed": each.claim.value,
        "unit": each.claim.unit,
        "tolerance": each.tolerance,
        "verdict": outcome.verdict,
        "estimates": [asdict(estimate) for estimate in outcome.estimates],
        "inputs": {"known": each.known, "assumed": each.assumed, "scanned": each.scanned},
    }


def reproduce(
    paper: Paper, workers: int | None = None, advance: Callable[[], None] = lambda: None, most: int | None = None
) -> Result:
    """Run everything; the result does not depend on the number of processes. `most` cuts workloads short, for tests.

    Raises what reading models and shapes raises, StudyError, and MissingBfcl.
    """
    found = estimates(paper, workers, advance, most)
    outcomes = tuple(_outcome(each, some) for each, some in zip(paper.reproductions, found, strict=True))
    compared = compare(paper.closed_forms, np.random.default_rng(SEED)) if paper.closed_forms else ()
    return Result(paper, outcomes, tuple(_joints(outcomes)), tuple(compared))


def band_of(each: Reproduction) -> Band:
    """The claim and its tolerance."""
    return Band(float(each.claim.value), each.tolerance)


def _outcome(each: Reproduction, found: Sequence[Estimate]) -> Outcome:
    band = band_of(each)
    last = each.scan[-1] if each.scan else None
    length = len(last.values) if last else 1
    lines = []
    for first in range(0, len(found), length):
        some = tuple(found[first : first + length])
        where = spans([one.value for one in some], band, between=last is not None and last.numeric)
        setting = {axis.key: some[0].setting[axis.key] for axis in each.scan[:-1]}
        lines.append(Line(setting, some, tuple(where)))
    closest = found[nearest([one.value for one in found], band)]
    reached = any(band.reached(one.low, one.high) for one in found)
    said = verdict([line.spans for line in lines], scanned=last is not None, reached=reached)
    return Outcome(each, tuple(lines), closest, said)


def _joints(outcomes: Sequence[Outcome]) -> list[Joint]:
    names = list(dict.fromkeys(each.reproduction.together for each in outcomes if each.reproduction.together))
    return [_joint(name, [each for each in outcomes if each.reproduction.together == name]) for name in names]


def _joint(name: str, outcomes: Sequence[Outcome]) -> Joint:
    values = list(zip(*([one.value for one in outcome.estimates] for outcome in outcomes), strict=True))
    bands = [outcome.band for outcome in outcomes]
    agreeing = [
        place
        for place, point in enumerate(values)
        if all(band.holds(value) for band, value in zip(bands, point, strict=True))
    ]
    off = [max(abs(band.off(value)) for band, value in zip(bands, point, strict=True)) for point in values]
    return Joint(name, tuple(outcomes), tuple(agreeing), len(values), off.index(min(off)))
