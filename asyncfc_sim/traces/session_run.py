"""A recorded session as a run, so that what draws and exports runs does the same for other people's traces.

Durations are recorded, times are not, so the session is laid out: the steps of a turn one after another; a call issued
at its `emit_s` in the stream, or else at the end of its message; its tool started at the end of the message, or of the
last call of the message whose result it needs; the next message asked for when all have ended. A tool whose time is not
recorded takes none, and the header counts those. Without `llm_s` there is no length to draw a step by.
"""

from __future__ import annotations

from typing import Any, Final

from asyncfc_sim.core.values import ErrorValue

from .sessions import RecordedCall, RecordedSession, RecordedStep
from .trace import Header, Recorder, Run

LAYOUT: Final = "steps in a row, the calls of a message side by side after it"
TIMES: Final = ("step.ttft_s", "step.llm_s", "call.emit_s", "call.exec_s", "turn.user_gap_s")


class SessionRunError(ValueError):
    """A session that cannot be laid out in time: which, where, and what it lacks."""


def session_run(session: RecordedSession) -> Run:
    """The run of a session. Its first request is at 0 s. Raises SessionRunError for a step without `llm_s`."""
    for number, turn in enumerate(session.turns, 1):
        for place, step in enumerate(turn.steps, 1):
            if step.llm_s is None:
                raise SessionRunError(
                    f"session {session.session!r}, turn {number}, step {place}: llm_s is not recorded, and without "
                    "the time of every message there is nothing to draw"
                )
    return _Layout(session).run()


class _Layout:
    """Lays a session out, and collects its events with the time of each."""

    def __init__(self, session: RecordedSession) -> None:
        self.session = session
        self.t = 0.0
        self.events: list[tuple[float, str, dict[str, Any]]] = []
        self.futures: dict[str, int] = {}
        self.untimed = sum(call.exec_s is None for call in session.calls())

    def run(self) -> Run:
        message = 0
        for number, turn in enumerate(self.session.turns, 1):
            self.t += (turn.user_gap_s or 0.0) if number > 1 else 0.0
            self.add(self.t, "user", turn=number)
            results: list[int] = []
            for step in turn.steps:
                message += 1
                if results:
                    self.add(self.t, "touch", futures=tuple(results))
                results = self.step(step, message)
            if results:
                self.add(self.t, "touch", futures=tuple(results))
            self.add(self.t, "answer")
        recorder = Recorder(self.header())
        for event in sorted(self.events, key=lambda event: event[0]):  # stable: as added, at one time
            recorder.record(event)
        return recorder.run()

    def header(self) -> Header:
        marks = self.session.provenance
        times = " ".join(f"{name.partition('.')[2]} {marks[name]}" for name in TIMES if name in marks)
        inputs = {"recorded by": self.session.source, "layout": LAYOUT, "times": times}
        if self.untimed:
            inputs["calls without a time"] = str(self.untimed)
        name = self.session.session
        return Header(run=name, source="live", clock="wall", case=name, inputs=inputs)

    def step(self, step: RecordedStep, number: int) -> list[int]:
        """Lay out a message and its calls; the futures of the calls. Time moves on to the end of the last."""
        began_s, ended_s = self.t, self.t + (step.llm_s or 0.0)
        prompt = {"prompt_tokens": step.prompt_tokens, "cached_tokens": step.cached_tokens}
        self.add(began_s, "request", turn=number, **prompt)
        if step.ttft_s is not None:
            self.add(began_s + step.ttft_s, "first_token", turn=number)
        ends: dict[str, float] = {}
        issued_s = began_s
        for call in step.calls:
            at_s = ended_s if call.emit_s is None else min(began_s + call.emit_s, ended_s)
            issued_s = max(issued_s, at_s)  # calls are in the order of their emission
            self.issue(call, issued_s, number)
        self.add(ended_s, "message", turn=number, tokens=step.out_tokens, text_chars=step.text_chars)
        for call in step.calls:
            needed = (ends[name] for name in (*(call.deps or ()), *(call.reads or ())) if name in ends)
            ends[call.id] = self.execute(call, max((ended_s, *needed)))
        self.t = max((ended_s, *ends.values()))
        return [self.futures[call.id] for call in step.calls]

    def issue(self, call: RecordedCall, t: float, message: int) -> None:
        future = self.futures[call.id] = len(self.futures) + 1
        self.add(t, "issue", future=future, tool=call.tool, args=dict(call.args or {}), message=message)

    def execute(self, call: RecordedCall, start_s: float) -> float:
        """Lay out the time of a tool; its end."""
        future, end_s = self.futures[call.id], start_s + (call.exec_s or 0.0)
        effects = {"reads": ("*",) if call.effect == "read" else (), "writes": ("*",) if call.effect == "write" else ()}
        self.add(start_s, "start", future=future, tool=call.tool, args=dict(call.args or {}), **effects)
        if call.error:
            text = call.result if isinstance(call.result, str) else ""
            self.add(end_s, "fail", future=future, error=ErrorValue("tool_error", text, origin=future))
        else:
            self.add(end_s, "finish", future=future, value=call.result)
        return end_s

    def add(self, t: float, rule: str, **fields: Any) -> None:
        self.events.append((t, rule, fields))
