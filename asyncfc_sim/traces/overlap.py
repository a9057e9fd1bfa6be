"""How much of a recorded session futures could hide at the most: Eq. 1 of the AsyncFC paper, on what was recorded.

    R = (T_LLM + T_tool) / max(T_LLM, T_cp)          (arXiv 2605.15077, section 4; alpha = 0)

T_cp is the longest path through the calls. What a call had to wait for is recorded in part or not at all, so R is given
under two assumptions. By value flow: a call waits for its `deps` and `reads`, one of which nothing is known waits for
none, and decoding waits for none either; a turn ends by waiting for its calls, so over a conversation the denominator
is the sum over its turns. By steps: every message needs the results of all calls before it, so each step ends by
waiting for its calls, and the denominator is the sum over steps; this bound is the smaller one. A pause of the user is
on no side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .sessions import RecordedCall, RecordedSession, RecordedTurn


@dataclass(frozen=True, slots=True)
class Overlap:
    """The terms of Eq. 1 for one session, in seconds. `unknown_flow` counts calls whose needs nothing says."""

    decode_s: float
    tool_s: float
    least_flow_s: float  # sum over turns of max(T_LLM, T_cp), T_cp by value flow
    least_steps_s: float  # sum over steps of max(T_LLM, T_cp)
    unknown_flow: int

    @property
    def tool_share(self) -> float:
        """T_tool / (T_LLM + T_tool): what is left to hide, and so an upper bound of any saving by overlap."""
        return self.tool_s / (self.decode_s + self.tool_s)

    @property
    def bound_flow(self) -> float:
        """R, a call waiting only for results that are known to have flowed into it."""
        return (self.decode_s + self.tool_s) / self.least_flow_s

    @property
    def bound_steps(self) -> float:
        """R, every message waiting for all calls before it."""
        return (self.decode_s + self.tool_s) / self.least_steps_s


def overlap(session: RecordedSession) -> Overlap | None:
    """The terms of `session`; None if a time that they need was not recorded, or if nothing took any.

    Of the last calls the recording may not have seen the end: there a missing time counts as none.
    """
    steps = list(session.steps())
    if any(step.llm_s is None for step in steps):
        return None
    if any(call.exec_s is None for step in steps[:-1] for call in step.calls):
        return None
    terms = Overlap(
        decode_s=sum(map(_decode_s, session.turns)),
        tool_s=sum(map(_seconds, session.calls())),
        least_flow_s=sum(max(_decode_s(turn), _longest_flow_s(_calls(turn))) for turn in session.turns),
        least_steps_s=sum(max(step.llm_s or 0.0, _longest_flow_s(step.calls)) for step in steps),
        unknown_flow=sum(call.deps is None and call.reads is None for call in session.calls()),
    )
    return terms if terms.decode_s + terms.tool_s > 0 else None


def _decode_s(turn: RecordedTurn) -> float:
    return sum(step.llm_s or 0.0 for step in turn.steps)


def _seconds(call: RecordedCall) -> float:
    return call.exec_s or 0.0


def _longest_flow_s(calls: Iterable[RecordedCall]) -> float:
    """The longest path through calls, each waiting for those among them of which it needs the results."""
    ends: dict[str, float] = {}
    for call in calls:
        needed = (ends[name] for name in (*(call.deps or ()), *(call.reads or ())) if name in ends)
        ends[call.id] = max(needed, default=0.0) + _seconds(call)
    return max(ends.values(), default=0.0)


def _calls(turn: RecordedTurn) -> Iterator[RecordedCall]:
    for step in turn.steps:
        yield from step.calls
