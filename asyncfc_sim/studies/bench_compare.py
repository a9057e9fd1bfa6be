"""Two arms of a benchmark, pair by pair: the same prompt, in the same repeat, answered under both.

Latency is the executor's matter and accuracy the model's. A comparison holds both, and a part of an accuracy experiment
says which of the two it is about (see `bench_arms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import fsum
from statistics import fmean
from typing import Any, Literal

import numpy as np

from asyncfc_sim.simulate.metrics import Speedup, paired_speedup

from .bench import Found, Plan
from .bench_arms import PARTS, Part
from .bench_measures import Measures
from .bench_rows import Place, normal, verdicts
from .paired import Difference, difference
from .proportion import Share, wilson


@dataclass(frozen=True, slots=True)
class Comparison:
    """`arm` against `base`, over `pairs` that both answered; None where there is nothing to compare.

    `speedup` is of end-to-end latency; its interval is over `cases`, prompts or, if there is one prompt only, its
    repeats. `extra_requests` are requests to the model beyond the base's, a conversation; `alpha` is decoding time
    beyond the base's, as a fraction of it (the paper's alpha, and that of `asyncfc simulate`, if the base is sync).
    `accuracy` is the difference of the share of right answers, over prompts. `agreement` is the share of pairs with
    the same answer, white space aside; `same_transcript` is that of pairs in which the model saw and said the same.
    """

    base: str
    arm: str
    part: Part | None
    pairs: int
    cases: Literal["prompts", "repeats"]
    speedup: Speedup | None
    extra_requests: float | None
    alpha: float | None
    accuracy: Difference | None
    agreement: Share | None
    same_transcript: Share | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def comparisons(plan: Plan, found: Found, runs: Mapping[str, Mapping[Place, Measures]]) -> list[Comparison]:
    """Every arm against the first; those of an accuracy experiment each against the arm that it differs from in one
    thing. `runs` are the answered runs of each arm."""
    pairs = [pair for pair in PARTS if set(pair) <= set(plan.arms)]
    if not pairs:
        pairs = [(plan.arms[0], arm) for arm in plan.arms[1:]]
    return [_compared(plan, found, base, arm, runs) for base, arm in pairs]


def _compared(
    plan: Plan, found: Found, base: str, arm: str, runs: Mapping[str, Mapping[Place, Measures]]
) -> Comparison:
    places = sorted(runs[base].keys() & runs[arm].keys())
    pairs = [(runs[base][place], runs[arm][place]) for place in places]
    cases: Literal["prompts", "repeats"] = "prompts" if len(plan.prompts) > 1 else "repeats"
    decode_s = fsum(a.decode_s for a, _ in pairs)
    return Comparison(
        base,
        arm,
        PARTS.get((base, arm)),
        len(pairs),
        cases,
        _speedup(places, pairs, cases, plan.seed),
        fmean(b.requests - a.requests for a, b in pairs) if pairs else None,
        fsum(b.decode_s for _, b in pairs) / decode_s - 1 if decode_s else None,
        _accuracy(plan, verdicts(plan, found, base), verdicts(plan, found, arm)),
        _share(normal(a.answer) == normal(b.answer) for a, b in pairs),
        _share(a.transcript == b.transcript for a, b in pairs),
    )


def _speedup(
    places: Sequence[Place], pairs: Sequence[tuple[Measures, Measures]], cases: str, seed: int
) -> Speedup | None:
    """Of total times. A prompt is a case with all its repeats: they are no new evidence of how prompts differ."""
    if not pairs:
        return None
    of_case: dict[int, list[tuple[float, float]]] = {}
    for (prompt, repeat), (a, b) in zip(places, pairs, strict=True):
        of_case.setdefault(prompt if cases == "prompts" else repeat, []).append((a.e2el_s, b.e2el_s))
    base_s, arm_s = ([fsum(pair[side] for pair in case) for case in of_case.values()] for side in (0, 1))
    return paired_speedup(base_s, arm_s, np.random.default_rng(seed))


def _accuracy(plan: Plan, base: Mapping[Place, bool], arm: Mapping[Place, bool]) -> Difference | None:
    """Over prompts, each with the share of its repeats that was right."""
    places = base.keys() & arm.keys()
    if not places:
        return None
    of_prompt = [[place for place in places if place[0] == prompt] for prompt in range(len(plan.prompts))]
    scores = [[fmean(judged[place] for place in case) for case in of_prompt if case] for judged in (base, arm)]
    return difference(scores[0], scores[1], np.random.default_rng(plan.seed))


def _share(cases: Iterable[bool]) -> Share | None:
    found = list(cases)
    return wilson(sum(found), len(found)) if found else None
