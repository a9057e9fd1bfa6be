"""Recorded messages as columns of numbers: tokens, times, and which session each is from.

How many prompt tokens were not in the prefix cache is recorded by few. Where it is not, it is derived: what the prompt
has grown by since the message before, or all of it after a pause longer than a provider keeps a cache (the rule of
models/decoders/claude-opus-4.5.toml, where without it the prompt explains a third of what it does with it).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asyncfc_sim.traces.sessions import RecordedSession, RecordedStep

CACHE_S: Final = 300.0
MIN_STEPS: Final = 30


class FitError(ValueError):
    """Data that cannot carry a fit: why, and what would be needed."""


@dataclass(frozen=True, slots=True)
class Samples:
    """One row a message that has output tokens and a time. What is not recorded is NaN.

    `text` is the share of its output tokens that are text, not calls; `cached` says whether its cached tokens were
    recorded.
    """

    out: NDArray[np.float64]
    text: NDArray[np.float64]
    llm_s: NDArray[np.float64]
    ttft_s: NDArray[np.float64]
    prompt: NDArray[np.float64]
    uncached: NDArray[np.float64]
    session: NDArray[np.int64]
    cached: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.out)

    def where(self, chosen: NDArray[np.bool_]) -> Samples:
        """The rows chosen."""
        return Samples(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def read_whole(self) -> Samples:
        """The rows of a server that keeps no prefix: each prompt is read from its beginning."""
        return replace(self, uncached=self.prompt)


def models_of(sessions: Sequence[RecordedSession]) -> Counter[str]:
    """The models that sessions name, with their steps."""
    return Counter(step.model for session in sessions for step in session.steps() if step.model is not None)


def model_meant(sessions: Sequence[RecordedSession], wanted: str | None) -> str | None:
    """The model to fit; None where sessions name none. Raises FitError if it is not clear which."""
    models = models_of(sessions)
    known = ", ".join(f"{name} ({n} steps)" for name, n in models.most_common())
    if wanted is None:
        if len(models) > 1:
            raise FitError(f"the sessions are of several models; choose one by --model: {known}")
        return next(iter(models), None)
    if wanted not in models:
        raise FitError(f"no step is of the model {wanted!r}; there are: {known or 'none that is named'}")
    return wanted


def samples(sessions: Sequence[RecordedSession], model: str | None, *, sampled: bool = False) -> Samples:
    """The messages of `model` (of any, if None) that say how many tokens were decoded, and how long that took.

    What was sampled from a distribution is no measurement, and left out, unless `sampled` asks for it.
    """
    rows: list[tuple[float, float, float, float, float, float, int, bool]] = []
    for number, session in enumerate(sessions):
        marks = (session.provenance.get("step.llm_s"), session.provenance.get("step.out_tokens"))
        if "sampled" in marks and not sampled:
            continue  # drawn from a distribution: a fit would find that one again
        for step, uncached in with_uncached(session):
            if (model is not None and step.model != model) or not step.out_tokens or step.llm_s is None:
                continue
            known = (step.text_share, step.llm_s, step.ttft_s, step.prompt_tokens)
            text, llm_s, ttft_s, prompt = (math.nan if value is None else value for value in known)
            cached = step.cached_tokens is not None
            rows.append((step.out_tokens, text, llm_s, ttft_s, prompt, uncached, number, cached))
    out, texts, seconds, ttfts_s, prompts, uncacheds, numbers, recorded = np.array(rows, np.float64).reshape(-1, 8).T
    known_cached = recorded.astype(np.bool_)
    return Samples(out, texts, seconds, ttfts_s, prompts, uncacheds, numbers.astype(np.int64), known_cached)


def with_uncached(session: RecordedSession) -> Iterator[tuple[RecordedStep, float]]:
    """Each step with the tokens of its prompt that were in no cache; NaN if nothing says so."""
    held = 0  # tokens of the prompt before
    idle_s = math.inf
    for turn in session.turns:
        idle_s += turn.user_gap_s or 0.0
        for step in turn.steps:
            if step.prompt_tokens is None:
                yield step, math.nan
            elif step.cached_tokens is not None:
                yield step, step.prompt_tokens - step.cached_tokens
            else:
                yield step, step.prompt_tokens if idle_s > CACHE_S else max(0, step.prompt_tokens - held)
            held = step.prompt_tokens or held
            idle_s = max((call.exec_s or 0.0 for call in step.calls), default=0.0)
