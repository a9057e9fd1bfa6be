"""What recorded sessions are made of, as distributions; and of each figure, where it comes from and who lacks it.

All quantiles are those of the sample, by linear interpolation between its order statistics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import Final

from .overlap import Overlap, overlap
from .sessions import Provenance, RecordedSession, RecordedStep

Values = Sequence[float | None]

PERCENTILES: Final = (10, 50, 90, 99)
WEAKEST: Final[tuple[Provenance, ...]] = ("sampled", "derived", "measured")


@dataclass(frozen=True, slots=True)
class Distribution:
    """Mean and quantiles of `n` values."""

    n: int
    mean: float
    p10: float
    p50: float
    p90: float
    p99: float


def distribution(values: Sequence[float]) -> Distribution | None:
    """The distribution of values; None if there are none."""
    if not values:
        return None
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else [values[0]] * 99
    p10, p50, p90, p99 = (cuts[percent - 1] for percent in PERCENTILES)
    return Distribution(len(values), fmean(values), p10, p50, p90, p99)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over all sessions.

    `of` is in how many places it could stand (the steps, the calls, ...), of which `distribution.n` have it; `lacking`
    counts the sessions in which it is missing somewhere; `provenance` the sessions that have it, by where it is from:
    of a figure made of several fields, the weakest.
    """

    name: str
    unit: str
    distribution: Distribution | None
    of: int
    lacking: int
    provenance: Mapping[Provenance, int]


@dataclass(frozen=True, slots=True)
class OverlapFigures:
    """Over the sessions that have all times that it takes: the share of tools, and the bounds of Eq. 1 (overlap.py)."""

    tool_share: Distribution | None
    bound_flow: Distribution | None
    bound_steps: Distribution | None
    lacking: int  # sessions that lack a time
    unknown_flow: int  # calls, in the sessions counted, of which nothing says what they waited for
    calls: int


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """What a collection of sessions holds. `tools` has the seconds of each kind, or of each tool that has no kind."""

    sessions: int
    sub_agents: int
    turns: int
    steps: int
    calls: int
    models: Mapping[str, int]  # steps
    calls_per_step: Mapping[int, int]  # steps, by how many calls they have
    figures: tuple[Figure, ...]
    tools: tuple[Figure, ...]
    overlap: OverlapFigures


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    unit: str
    fields: tuple[str, ...]  # of MARKED, that it is made of
    values: Callable[[RecordedSession], Values]


def _of_steps(value: Callable[[RecordedStep], float | None]) -> Callable[[RecordedSession], Values]:
    return lambda session: [value(step) for step in session.steps()]


def _decode_rate(step: RecordedStep) -> float | None:
    if step.out_tokens is None or step.ttft_s is None or step.llm_s is None or step.llm_s <= step.ttft_s:
        return None
    return step.out_tokens / (step.llm_s - step.ttft_s)


def _overall_rate(step: RecordedStep) -> float | None:
    return step.out_tokens / step.llm_s if step.out_tokens is not None and step.llm_s else None


def _result_chars(session: RecordedSession) -> Values:
    return [call.result_chars for call in session.calls()]


FIGURES: Final = (
    _Kind("turns", "a session", (), lambda session: [len(session.turns)]),
    _Kind("steps", "a turn", (), lambda session: [len(turn.steps) for turn in session.turns]),
    _Kind("prompt_tokens", "tokens", ("step.prompt_tokens",), _of_steps(lambda step: step.prompt_tokens)),
    _Kind("cached_tokens", "tokens", ("step.cached_tokens",), _of_steps(lambda step: step.cached_tokens)),
    _Kind("out_tokens", "tokens", ("step.out_tokens",), _of_steps(lambda step: step.out_tokens)),
    _Kind("ttft_s", "s", ("step.ttft_s",), _of_steps(lambda step: step.ttft_s)),
    _Kind("llm_s", "s", ("step.llm_s",), _of_steps(lambda step: step.llm_s)),
    _Kind("decode_rate", "tokens/s", ("step.out_tokens", "step.ttft_s", "step.llm_s"), _of_steps(_decode_rate)),
    _Kind("overall_rate", "tokens/s", ("step.out_tokens", "step.llm_s"), _of_steps(_overall_rate)),
    _Kind("exec_s", "s", ("call.exec_s",), lambda session: [call.exec_s for call in session.calls()]),
    _Kind("result_chars", "characters", ("call.result_chars",), _result_chars),
    # No answer stands before the first message.
    _Kind("user_gap_s", "s", ("turn.user_gap_s",), lambda session: [turn.user_gap_s for turn in session.turns[1:]]),
)  # fmt: skip


def session_statistics(sessions: Sequence[RecordedSession]) -> SessionStatistics:
    """The statistics of sessions."""
    steps = [step for session in sessions for step in session.steps()]
    models = Counter(step.model for step in steps if step.model is not None)
    widths = Counter(len(step.calls) for step in steps)
    return SessionStatistics(
        sessions=len(sessions),
        sub_agents=sum(session.parent is not None for session in sessions),
        turns=sum(len(session.turns) for session in sessions),
        steps=len(steps),
        calls=sum(width * count for width, count in widths.items()),
        models=dict(models.most_common()),
        calls_per_step=dict(sorted(widths.items())),
        figures=tuple(_figure(kind, sessions) for kind in FIGURES),
        tools=tuple(_tools(sessions)),
        overlap=_overlap(sessions),
    )


def _figure(kind: _Kind, sessions: Iterable[RecordedSession]) -> Figure:
    found: list[float] = []
    of = lacking = 0
    marks: Counter[Provenance] = Counter()
    for session in sessions:
        values = kind.values(session)
        known = [value for value in values if value is not None]
        of += len(values)
        lacking += len(known) < len(values)
        found += known
        if known and kind.fields:
            given = {session.provenance[field] for field in kind.fields}
            marks[next(mark for mark in WEAKEST if mark in given)] += 1
    return Figure(kind.name, kind.unit, distribution(found), of, lacking, dict(marks))


def _tools(sessions: Sequence[RecordedSession]) -> Iterable[Figure]:
    names = Counter(call.kind or call.tool for session in sessions for call in session.calls())
    for name, _ in names.most_common():
        # The default binds the name of this round, not the last.
        def seconds(session: RecordedSession, name: str = name) -> Values:
            return [call.exec_s for call in session.calls() if (call.kind or call.tool) == name]

        yield _figure(_Kind(name, "s", ("call.exec_s",), seconds), sessions)


def _overlap(sessions: Sequence[RecordedSession]) -> OverlapFigures:
    with_calls = [session for session in sessions if any(session.calls())]
    terms: list[Overlap] = []
    calls = 0
    for session in with_calls:
        if (found := overlap(session)) is not None:
            terms.append(found)
            calls += sum(1 for _ in session.calls())
    return OverlapFigures(
        tool_share=distribution([term.tool_share for term in terms]),
        bound_flow=distribution([term.bound_flow for term in terms]),
        bound_steps=distribution([term.bound_steps for term in terms]),
        lacking=len(with_calls) - len(terms),
        unknown_flow=sum(term.unknown_flow for term in terms),
        calls=calls,
    )
