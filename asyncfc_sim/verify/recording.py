"""A run of the explorer as a trace: an observer of a configuration that records all it is told."""

from __future__ import annotations

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.events import Action, Cut, Drained, Event
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Recorder

from .configuration import Observer

# What takes a second: a step of a tool, or an event. What the scheduler does about it happens at the same moment.
_STEPS = Access | Event


def recording(recorder: Recorder) -> Observer:
    """An observer that writes into `recorder`, accesses of tools included. In the trace a second is a step."""
    steps = 0

    def record(happened: Event | Access | Action) -> None:
        nonlocal steps
        if isinstance(happened, _STEPS):
            steps += 1
        traced = trace_entry(happened)
        if traced is not None:
            recorder.record((float(steps), *traced))
        if isinstance(happened, Cut | Drained):  # a written program ends here
            recorder.record((float(steps), "answer", {}))

    return record
