"""What the core does, as events of a trace. One table: the only place where core names meet trace fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asyncfc_sim.core import events, session_events
from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.values import ErrorValue

Entry = tuple[str, Mapping[str, Any]]


def trace_entry(entry: object, message: int | None = None) -> Entry | None:
    """The rule and its fields for an event or action; None for what a trace does not show.

    `message` is the number of the message being written, if there are messages.
    """
    write = _WRITERS.get(type(entry))
    return None if write is None else write(entry, message)


def is_traced(entry: object) -> bool:
    """Whether a trace shows events or actions of this kind."""
    return type(entry) in _WRITERS


def _settle(entry: events.Settle, message: int | None) -> Entry:
    if isinstance(entry.value, ErrorValue):
        return "fail", {"future": entry.future, "error": entry.value}
    return "finish", {"future": entry.future, "value": entry.value}


def _start(entry: events.Start, message: int | None) -> Entry:
    footprint = entry.footprint
    return "start", {
        "future": entry.future,
        "tool": entry.tool,
        "args": entry.args,
        "reads": footprint.reads,
        "writes": footprint.writes,
    }


def _issue(entry: events.Issue, message: int | None) -> Entry:
    call = entry.call
    return "issue", {"future": call.future, "tool": call.tool, "args": call.args, "message": message}


def _resume(entry: events.Resume, message: int | None) -> Entry | None:
    return ("touch", {"futures": tuple(entry.values)}) if entry.values else None


def _access(entry: Access, message: int | None) -> Entry:
    return "access", {"future": entry.future, "mode": entry.mode, "key": entry.pattern}


def _future(rule: str) -> Callable[[Any, int | None], Entry]:
    return lambda entry, message: (rule, {"future": entry.future})


_WRITERS: dict[type, Callable[[Any, int | None], Entry | None]] = {
    events.Issue: _issue,
    events.Start: _start,
    events.Settle: _settle,
    events.Resume: _resume,
    events.Deliver: lambda entry, message: ("deliver", {"futures": entry.futures}),
    events.Cancel: _future("cancel"),
    events.Timeout: _future("timeout"),
    events.End: _future("end"),
    events.Cut: _future("cut"),
    Access: _access,
    session_events.Placeholder: _future("placeholder"),
    session_events.Answer: lambda entry, message: ("answer", {"text": entry.text}),
    session_events.GiveUp: lambda entry, message: ("give_up", {"reason": entry.reason}),
}
