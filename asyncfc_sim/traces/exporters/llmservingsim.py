"""Recorded sessions as agentic sessions of LLMServingSim, one line a session: a strict chain of requests.

    {"session_id", "arrival_time_ns", "sub_requests": [{"input_toks", "output_toks", "tool_duration_ns"}]}

Its simulator knows no calls, only a wait between one request and the next. The wait after a step is the time of its
calls one after another, as an agent without futures runs them, and after the last step of a turn the user's pause too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep

from .fault import ExportFault


def llmservingsim_lines(sessions: Iterable[RecordedSession]) -> Iterator[str]:
    """A line for each session. Raises ExportFault for a step of which the tokens are not known."""
    for session in sessions:
        yield json.dumps(
            {
                "session_id": session.session,
                "arrival_time_ns": _ns(session.arrival_s),
                "sub_requests": list(_sub_requests(session)),
            }
        )


def _sub_requests(session: RecordedSession) -> Iterator[dict[str, int]]:
    for number, turn in enumerate(session.turns, 1):
        pause_s = session.turns[number].user_gap_s if number < len(session.turns) else None
        for place, step in enumerate(turn.steps, 1):
            if step.prompt_tokens is None or step.out_tokens is None:
                name = "prompt_tokens" if step.prompt_tokens is None else "out_tokens"
                raise ExportFault(
                    f"session {session.session!r}, turn {number}, step {place}: {name} is not known, "
                    "and LLMServingSim needs it"
                )
            wait_ns = sum(_ns(call.exec_s) for call in step.calls)
            yield {
                "input_toks": step.prompt_tokens,
                "output_toks": step.out_tokens,
                "tool_duration_ns": wait_ns + (_ns(pause_s) if place == len(turn.steps) else 0),
            }


def _ns(seconds: float | None) -> int:
    return round((seconds or 0.0) * 1e9)


def lost(sessions: Iterable[RecordedSession]) -> list[str]:
    """What of these sessions is not in the lines, in words."""
    sessions = list(sessions)
    steps = [step for session in sessions for step in session.steps()]
    calls = [call for step in steps for call in step.calls]
    tallies = [
        (sum(len(step.calls) > 1 for step in steps), "steps of several calls, whose times were added up"),
        (sum(call.exec_s is None for call in calls), "calls without a time, written as 0"),
        (sum(session.arrival_s is None for session in sessions), "sessions without an arrival, written as 0"),
        (
            sum(len(session.turns) > 1 for session in sessions),
            "sessions of several turns, a user's pause now a tool's time",
        ),
        (sum(session.parent is not None for session in sessions), "sub-agents, now sessions that nothing starts"),
        (sum(map(_timed, steps)), "steps with times of the model, not written (its simulator makes its own)"),
        (sum(map(_described, calls)), "calls with names, arguments, results or dependences, not written"),
    ]
    return [f"{words}: {number}" for number, words in tallies if number]


def _timed(step: RecordedStep) -> bool:
    return step.ttft_s is not None or step.llm_s is not None


def _described(call: RecordedCall) -> bool:
    return call.tool != "unknown" or any(
        value is not None for value in (call.kind, call.args, call.result, call.deps, call.reads, call.effect)
    )
