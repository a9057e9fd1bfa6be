"""Runs written by hand for tests of traces and reports: what drivers record, without a driver.

The main pair is the program of the README, synchronously and with futures: two lookups overlap, the sum waits for both.
A message takes 0.4 s of prefill and 0.38 s to 0.5 s of decoding; the lookups take 2.0 s and 1.8 s, the sum 0.05 s.
"""

from typing import Any

from hypothesis import strategies as st

from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.traces.trace import Header, Recorder, Run

BERLIN = {"query": "population of Berlin"}
PARIS = {"query": "population of Paris"}
SUM = {"a": Ref(1, ("items", 0, "population")), "b": Ref(2, ("items", 0, "population"))}
NO_EFFECTS: dict[str, Any] = {"reads": (), "writes": ()}


def recorder(policy: str, case: str = "two_lookups", **header: Any) -> Recorder:
    fields = {"source": "simulate", "seed": 7, "inputs": {"decoder": "gpt-4o", "grace": 0.0}, **header}
    return Recorder(Header(run=f"{case}/{policy}", policy=policy, case=case, **fields))


def message(run: Recorder, turn: int, start: float, first: float, end: float, tokens: int = 32) -> None:
    run.record((start, "request", {"turn": turn, "prompt_tokens": 400 + 40 * turn, "cached_tokens": 400}))
    run.record((first, "first_token", {"turn": turn}))
    run.record((end, "message", {"turn": turn, "tokens": tokens}))


def issue(run: Recorder, t: float, future: int, tool: str, args: Any, turn: int) -> None:
    run.record((t, "issue", {"future": future, "tool": tool, "args": args, "message": turn}))


def start(run: Recorder, t: float, future: int, tool: str, args: Any, effects: Any = NO_EFFECTS) -> None:
    run.record((t, "start", {"future": future, "tool": tool, "args": args, **effects}))


def finish(run: Recorder, t: float, future: int, value: Any) -> None:
    run.record((t, "finish", {"future": future, "value": value}))


def found(population: int) -> Any:
    return {"items": [{"population": population}]}


def sync_run() -> Run:
    run = recorder("sync")
    run.record((0.0, "user", {"turn": 1}))
    message(run, 1, 0.0, 0.4, 0.78)
    issue(run, 0.78, 1, "search", BERLIN, 1)
    start(run, 0.78, 1, "search", BERLIN)
    finish(run, 2.78, 1, found(3_700_000))
    message(run, 2, 2.78, 3.18, 3.56)
    issue(run, 3.56, 2, "search", PARIS, 2)
    start(run, 3.56, 2, "search", PARIS)
    finish(run, 5.36, 2, found(2_100_000))
    message(run, 3, 5.36, 5.76, 6.14)
    issue(run, 6.14, 3, "add", {"a": 3_700_000, "b": 2_100_000}, 3)
    start(run, 6.14, 3, "add", {"a": 3_700_000, "b": 2_100_000})
    finish(run, 6.19, 3, {"total": 5_800_000})
    message(run, 4, 6.19, 6.59, 7.09, tokens=42)
    run.record((7.09, "answer", {"text": "5.8 million"}))
    return run.run()


def async_run() -> Run:
    run = recorder("asyncfc")
    run.record((0.0, "user", {"turn": 1}))
    message(run, 1, 0.0, 0.4, 0.78)
    issue(run, 0.78, 1, "search", BERLIN, 1)
    start(run, 0.78, 1, "search", BERLIN)
    run.record((0.78, "placeholder", {"future": 1}))
    message(run, 2, 0.78, 1.18, 1.56)
    issue(run, 1.56, 2, "search", PARIS, 2)
    start(run, 1.56, 2, "search", PARIS)
    run.record((1.56, "placeholder", {"future": 2}))
    run.record((1.56, "request", {"turn": 3, "prompt_tokens": 520, "cached_tokens": 480}))
    run.record((1.96, "first_token", {"turn": 3}))
    run.record((2.34, "message", {"turn": 3, "tokens": 32}))
    issue(run, 2.34, 3, "add", SUM, 3)
    run.record((2.34, "placeholder", {"future": 3}))
    run.record((2.34, "request", {"turn": 4, "prompt_tokens": 560, "cached_tokens": 520}))
    run.record((2.74, "first_token", {"turn": 4}))
    finish(run, 2.78, 1, found(3_700_000))
    run.record((2.9, "message", {"turn": 4, "tokens": 14}))
    finish(run, 3.36, 2, found(2_100_000))
    start(run, 3.36, 3, "add", {"a": 3_700_000, "b": 2_100_000})
    finish(run, 3.41, 3, {"total": 5_800_000})
    run.record((3.41, "touch", {"futures": [3]}))
    message(run, 5, 3.41, 3.81, 4.31, tokens=42)
    run.record((4.31, "answer", {"text": "5.8 million"}))
    return run.run()


def troubled_run() -> Run:
    """A failure, its poisoned dependent, a write that times out in doubt, a cancelled call, one that never ends."""
    run = recorder("asyncfc", case="trouble")
    message(run, 1, 0.0, 0.4, 0.8)
    writes = {"reads": (), "writes": (parse_pattern("file:/report"),)}
    issue(run, 0.8, 1, "fetch", {"url": "https://example.org/a"}, 1)
    issue(run, 0.8, 2, "summarise", {"text": Ref(1)}, 1)
    issue(run, 0.8, 3, "save", {"path": "/report"}, 1)
    issue(run, 0.8, 4, "save", {"path": "/report"}, 1)
    issue(run, 0.8, 5, "watch", {}, 1)
    start(run, 0.8, 1, "fetch", {"url": "https://example.org/a"})
    start(run, 0.8, 3, "save", {"path": "/report"}, writes)
    start(run, 0.8, 5, "watch", {})
    refused = ErrorValue("tool_error", "HTTP 503", origin=1, retryable=True)
    run.record((2.0, "fail", {"future": 1, "error": refused}))
    poisoned = ErrorValue("dependency_failed", "it needs $f1, which failed: HTTP 503", origin=1)
    run.record((2.0, "fail", {"future": 2, "error": poisoned}))
    run.record((2.5, "cancel", {"future": 4}))
    run.record((2.5, "fail", {"future": 4, "error": ErrorValue("cancelled", "cancelled", origin=4)}))
    run.record((3.0, "timeout", {"future": 3}))
    late = ErrorValue("timeout", "this call did not end in time", origin=3, effects="unknown")
    run.record((3.0, "fail", {"future": 3, "error": late}))
    run.record((3.0, "touch", {"futures": [2]}))
    run.record((3.6, "end", {"future": 3}))
    run.record((4.0, "answer", {}))
    return run.run()


def long_run(calls: int = 40) -> Run:
    """Many calls of one message, each 0.5 s, four at a time."""
    run = recorder("asyncfc", case="many")
    message(run, 1, 0.0, 0.3, 2.0, tokens=900)
    for future in range(1, calls + 1):
        issue(run, 2.0, future, "lookup", {"key": f"item {future}"}, 1)
    batches = [range(first, min(first + 4, calls + 1)) for first in range(1, calls + 1, 4)]
    for number, batch in enumerate(batches):
        for future in batch:
            start(run, 2.0 + 0.5 * number, future, "lookup", {"key": f"item {future}"})
        for future in batch:
            finish(run, 2.5 + 0.5 * number, future, future)
    end = 2.0 + 0.5 * len(batches)
    run.record((end, "touch", {"futures": list(range(1, calls + 1))}))
    message(run, 2, end, end + 0.6, end + 1.0)
    run.record((end + 1.0, "answer", {}))
    return run.run()


@st.composite
def random_runs(draw: st.DrawFn) -> Run:
    """Any run that a driver could record, in eighths of a second so that sums are exact: calls of every fate, with
    references to earlier ones, messages, touches and deliveries; possibly cut off before its end."""
    run = recorder("random")
    events: list[Any] = []
    steps = st.integers(0, 8).map(lambda eighths: eighths / 8)
    t = 0.0
    for turn in range(1, draw(st.integers(0, 3)) + 1):
        for rule in ("request", "first_token", "message"):
            events.append((t, rule, {"turn": turn}))
            t += draw(steps)
    settled: dict[int, float] = {}
    issued = 0.0
    for future in range(1, draw(st.integers(0, 6)) + 1):
        needs = draw(st.lists(st.sampled_from(sorted(settled)), max_size=2)) if settled else []
        issued += draw(steps)
        args = {f"a{number}": Ref(need, ("x",)) for number, need in enumerate(needs)}
        events.append((issued, "issue", {"future": future, "tool": f"t{future % 3}", "args": args}))
        ready = max([issued, *(settled[need] for need in needs)])
        fate = draw(st.sampled_from(["ok", "failed", "poisoned", "cancelled", "timeout", "open", "held"]))
        begun = ready + draw(steps)
        ended = begun + draw(steps)
        error = {"kind": "tool_error", "message": "no"}
        if fate not in ("poisoned", "held"):
            events.append((begun, "start", {"future": future, "tool": f"t{future % 3}", "args": {}, **NO_EFFECTS}))
        if fate == "ok":
            events.append((ended, "finish", {"future": future, "value": future}))
        elif fate in ("failed", "poisoned"):
            ended = ready if fate == "poisoned" else ended
            events.append((ended, "fail", {"future": future, "error": error}))
        elif fate in ("cancelled", "timeout"):
            events.append((ended, "cancel" if fate == "cancelled" else fate, {"future": future}))
            events.append((ended, "fail", {"future": future, "error": {**error, "kind": fate}}))
            events.append((ended + draw(steps), "end", {"future": future}))
        if fate not in ("open", "held"):
            settled[future] = ended
            if draw(st.booleans()):
                rule = draw(st.sampled_from(["touch", "deliver"]))
                events.append((ended + draw(steps), rule, {"futures": [future]}))
    events.sort(key=lambda event: event[0])
    for event in events[: draw(st.integers(0, len(events)))] if draw(st.booleans()) else events:
        run.record(event)
    return run.run()
