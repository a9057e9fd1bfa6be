"""Each event and action of the core, as it stands in a trace; the format itself accepts every one of them."""

from __future__ import annotations

from typing import Any

import pytest

from asyncfc_sim.core import events
from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.footprint import Footprint, parse_pattern
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.session_events import Answer, GiveUp, Interrupt, Placeholder, Request, SetTimer
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Header, Recorder

BOOM = ErrorValue("tool_error", "boom", origin=1)
READS, WRITES = (parse_pattern("k:a"),), (parse_pattern("k:b"),)
SHOWN: list[tuple[Any, str, dict[str, Any]]] = [
    (
        events.Issue(Call(1, "read", {"path": Ref(2)})),
        "issue",
        {"future": 1, "tool": "read", "args": {"path": Ref(2)}, "message": 7},
    ),
    (
        events.Start(1, "read", {"path": "a"}, Footprint(READS, WRITES)),
        "start",
        {"future": 1, "tool": "read", "args": {"path": "a"}, "reads": READS, "writes": WRITES},
    ),
    (events.Settle(1, {"x": 1}), "finish", {"future": 1, "value": {"x": 1}}),
    (events.Settle(1, BOOM), "fail", {"future": 1, "error": BOOM}),
    (events.Resume({1: "a", 2: BOOM}), "touch", {"futures": (1, 2)}),
    (events.Deliver((1, 2)), "deliver", {"futures": (1, 2)}),
    (events.Cancel(1), "cancel", {"future": 1}),
    (events.Timeout(1), "timeout", {"future": 1}),
    (events.End(1), "end", {"future": 1}),
    (events.Cut(1), "cut", {"future": 1}),
    (Access(1, "w", WRITES[0]), "access", {"future": 1, "mode": "w", "key": WRITES[0]}),
    (Placeholder(1), "placeholder", {"future": 1}),
    (Answer("done"), "answer", {"text": "done"}),
    (GiveUp("too long"), "give_up", {"reason": "too long"}),
]


@pytest.mark.parametrize(("entry", "rule", "fields"), SHOWN)
def test_what_is_shown_and_how(entry: Any, rule: str, fields: dict[str, Any]) -> None:
    assert trace_entry(entry, 7) == (rule, fields)
    recorder = Recorder(Header(run="one", source="simulate"))
    recorder.record((0.0, rule, fields))
    assert recorder.run().events[0].rule == rule


@pytest.mark.parametrize(
    "entry",
    [
        events.Touch((1,)),  # shown when it is satisfied
        events.Resume({}),  # nothing was handed over
        events.Finish(1, "a"),  # shown as it settles, and only if it was not given up before
        events.Fail(1, BOOM),
        events.Stop(1),
        Request([], 0),  # the driver knows when, and with how many tokens
        Interrupt(),
        SetTimer(("grace", 1), 0.5),
    ],
)
def test_what_is_not_shown(entry: Any) -> None:
    assert trace_entry(entry, 7) is None
