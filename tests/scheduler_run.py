"""A scheduler under the eyes of a test: feed it events, read its actions in short.

Actions are compared as short texts (`start f1`, `settle f1 "x"`), which is how the rules read.
"""

from __future__ import annotations

from typing import Any

import pytest

from asyncfc_sim.core.events import (
    Action,
    Cut,
    Drained,
    Event,
    Fail,
    Finish,
    Issue,
    ProtocolError,
    Resume,
    Running,
    Settle,
    Start,
    Stop,
)
from asyncfc_sim.core.footprint import Declaration, Footprint, parse_pattern
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value, canonical

TOOLS = {
    "read": Tool("read", Declaration(reads=["k:{path}"])),
    "write": Tool("write", Declaration(writes=["k:{path}"])),
    "ls": Tool("ls", Declaration(reads=["k:{path}/*"])),
    "add": Tool("add", Declaration(writes=["n:{key}"]), commutes_with=frozenset({"add", "sub"})),
    "sub": Tool("sub", Declaration(writes=["n:{key}"])),
    "send": Tool("send", Declaration(writes=["outbox"]), irreversible=True),
    "launch": Tool("launch", Declaration(), irreversible=True),
    "pure": Tool("pure", Declaration()),
    "slow": Tool("slow", Declaration(), concurrency=1),
    "undeclared": Tool("undeclared"),
    "move": Tool("move", Declaration(writes=lambda args: [f"k:{args['path']}"], bound_writes=("k:*",))),
}
BOOM = ErrorValue("tool_error", "boom")


class Run:
    """A scheduler, fed with events; says its actions in short."""

    def __init__(self, failure: Failure = "poison", **caps: int) -> None:
        self.scheduler = Scheduler(TOOLS, failure=failure, **caps)
        self.last = 0

    def feed(self, *events: Event) -> list[str]:
        return [short(action) for event in events for action in self.scheduler.feed(event)]

    def issue(self, tool: str, /, **args: Any) -> list[str]:
        self.last += 1
        return self.feed(Issue(Call(self.last, tool, args)))

    def finish(self, future: int, value: Value = "ok") -> list[str]:
        return self.feed(Finish(future, value))

    def fail(self, future: int, error: ErrorValue = BOOM) -> list[str]:
        return self.feed(Fail(future, error))

    def error(self, future: int) -> ErrorValue:
        value = self.scheduler.values[future]
        assert isinstance(value, ErrorValue)
        return value

    def under_way(self) -> list[int]:
        return [future for future, state in self.scheduler.futures.items() if isinstance(state, Running)]

    def refuses(self, event: Event, reason: str) -> None:
        """A fault of the driver is refused, and the state is as it was."""
        before = self.scheduler.key()
        with pytest.raises(ProtocolError, match=reason):
            self.scheduler.feed(event)
        assert self.scheduler.key() == before


def short(action: Action) -> str:
    match action:
        case Start(future):
            return f"start f{future}"
        case Settle(future, value):
            return f"settle f{future} {value.kind if isinstance(value, ErrorValue) else canonical(value)}"
        case Resume(values):
            return f"resume {sorted(values)}"
        case Stop(future):
            return f"stop f{future}"
        case Cut(future):
            return f"cut f{future}"
        case Drained():
            return "drained"


def writes(*patterns: str) -> Footprint:
    return Footprint(writes=tuple(map(parse_pattern, patterns)))
