"""The reference machine: what the failure modes mean, on programs written by hand.

The FAIL programs are those of the litmus table (research: formal, section 4). A row gives, for each mode, how each
future ends (`=` a value, else the kind of its error), and the keys that were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.interpreter import Seen
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.verify.walk import walk

TOOLS = {
    "read": Tool("read", Declaration(reads=["k:{path}"])),
    "write": Tool("write", Declaration(writes=["k:{path}"])),
    "write2_fail": Tool("write2_fail", Declaration(writes=["k:{a}", "k:{b}"])),
    "create": Tool("create", Declaration(writes=["k:{path}"])),
    "delete": Tool("delete", Declaration(writes=["k:{path}"])),
    "send": Tool("send", Declaration(writes=["outbox"]), irreversible=True),
    "fail": Tool("fail", Declaration()),
    "get": Tool("get", Declaration(reads=["k:o"])),
}


class World:
    def __init__(self) -> None:
        self.store: dict[str, Any] = {"a": "A", "b": "B", "flag": "stop", "o": {"items": [{"id": "a"}, {"id": "b"}]}}
        self.start = dict(self.store)

    def execute(self, future: int, tool: str, args: Mapping[str, Any]) -> Value:
        match tool, dict(args):
            case "read", {"path": path} if path in self.store:
                return self.store[path]
            case "get", _:
                return self.store["o"]
            case "write", {"path": path, "text": text}:
                self.store[path] = text
            case "write2_fail", {"a": a, "b": b}:
                self.store[a] = self.store[b] = "p"
                return ErrorValue("tool_error", "half way")
            case "create", {"path": path} if path not in self.store:
                self.store[path] = future
            case "delete", {"path": path} if path in self.store:
                del self.store[path]
            case "send", {"body": body}:
                self.store["outbox"] = f"{self.store.get('outbox', '')}<{body}>"
            case _:
                return ErrorValue("tool_error", "boom")
        return "ok"

    def changes(self) -> dict[str, Any]:
        keys = self.store.keys() | self.start.keys()
        return {key: self.store.get(key) for key in sorted(keys) if self.store.get(key) != self.start.get(key)}


def read(future: int, path: Any) -> Call:
    return Call(future, "read", {"path": path})


def write(future: int, path: Any, text: Any = "x") -> Call:
    return Call(future, "write", {"path": path, "text": text})


def send(future: int, body: Any) -> Call:
    return Call(future, "send", {"body": body})


FAIL = Call(1, "fail")
ENDS = {"tool_error": "!", "dependency_failed": "poisoned", "not_executed": "held", "invalid_reference": "badpath"}


@dataclass(frozen=True)
class Row:
    name: str
    body: tuple[Statement, ...]
    poison: tuple[str, dict[str, Any]]
    barrier: tuple[str, dict[str, Any]]
    strict: tuple[str, dict[str, Any]]


ROWS = [
    Row("DEP", (read(1, "zz"), write(2, "b", Ref(1))), ("! poisoned", {}), ("! poisoned", {}), ("!", {})),
    Row(
        "BADPATH",
        (Call(1, "get"), write(2, Ref(1, ("items", 7, "id"))), read(3, "a")),
        ("= badpath =", {}),
        ("= badpath =", {}),
        ("= badpath", {}),
    ),
    Row("R", (FAIL, read(2, "b")), ("! =", {}), ("! =", {}), ("!", {})),
    Row("W", (FAIL, write(2, "b")), ("! =", {"b": "x"}), ("! held", {}), ("!", {})),
    Row(
        "SEND",
        (read(1, "zz"), send(2, "done"), send(3, "bye")),
        ("! held held", {}),
        ("! held held", {}),
        ("!", {}),
    ),
    Row(
        "PARTIAL",
        (Call(1, "write2_fail", {"a": "a", "b": "b"}), read(2, "a"), read(3, "b")),
        ("! = =", {"a": "p", "b": "p"}),
        ("! = =", {"a": "p", "b": "p"}),
        ("!", {"a": "p", "b": "p"}),
    ),
    Row(
        "WHICH",
        (Call(1, "create", {"path": "n"}), Call(2, "create", {"path": "n"})),
        ("= !", {"n": 1}),
        ("= !", {"n": 1}),
        ("= !", {"n": 1}),
    ),
    Row(
        "MASK",
        (Call(1, "delete", {"path": "a"}), read(2, "a")),
        ("= !", {"a": None}),
        ("= !", {"a": None}),
        ("= !", {"a": None}),
    ),
    Row(
        "LATE",
        (read(1, "b"), Call(2, "fail"), write(3, "b"), read(4, "b")),
        ("= ! = =", {"b": "x"}),
        ("= ! held =", {}),
        ("= !", {}),
    ),
    Row(
        "TOUCH",  # the decoder goes on in full knowledge of the failure
        (FAIL, Touch((1,)), write(2, "b")),
        ("! =", {"b": "x"}),
        ("! =", {"b": "x"}),
        ("!", {}),
    ),
    Row(
        "IF",
        (read(1, "flag"), Branch(Ref(1), "stop", (Call(2, "fail"),)), write(3, "b")),
        ("= ! =", {"b": "x"}),
        ("= ! held", {}),
        ("= !", {}),
    ),
    Row(
        "TOUCH-SEND",  # told of f1 before f2 is issued, but not of the later failure
        (FAIL, Touch((1,)), send(2, "sorry"), read(3, "zz"), send(4, "bye")),
        ("! = ! held", {"outbox": "<sorry>"}),
        ("! = ! held", {"outbox": "<sorry>"}),
        ("!", {}),
    ),
    Row(
        "TOUCH-HELD",  # to see what was held back is to know why
        (FAIL, send(2, "one"), Touch((2,)), send(3, "two")),
        ("! held =", {"outbox": "<two>"}),
        ("! held =", {"outbox": "<two>"}),
        ("!", {}),
    ),
    Row(
        "BADREF",
        (write(1, "b", Ref(9)), read(2, "b")),
        ("badpath =", {}),
        ("badpath =", {}),
        ("badpath", {}),
    ),
]


def ends(values: Mapping[int, Value]) -> str:
    ordered = [values[future] for future in sorted(values)]
    return " ".join(ENDS[value.kind] if isinstance(value, ErrorValue) else "=" for value in ordered)


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_failures(row: Row, failure: Failure) -> None:
    """What the reference machine does, and that random schedules do the same."""
    world = World()
    outcome = run_sequential(Program(row.body), TOOLS, world.execute, failure)
    assert (ends(outcome.values), world.changes()) == getattr(row, failure)
    assert outcome.stopped_at == (len(outcome.values) if failure == "strict" else None)

    rng = np.random.default_rng(4)
    for _ in range(20):
        other = World()
        found, schedule = walk(Program(row.body), TOOLS, other.execute, lambda n: int(rng.integers(n)), failure=failure)
        assert (found, other.store) == (outcome, world.store), schedule


def test_the_origin_of_a_failure_is_kept_along_the_chain() -> None:
    body = (FAIL, write(2, "b", Ref(1)), read(3, Ref(2)), send(4, "bye"))
    values = run_sequential(Program(body), TOOLS, World().execute).values
    assert [value.origin for value in values.values() if isinstance(value, ErrorValue)] == [1, 1, 1, 1]


def test_calls_run_in_issue_order_and_branches_choose() -> None:
    body = (
        write(1, "a", "1"),
        read(2, "a"),
        Branch(Ref(2), "1", (write(3, "a", "3"),), (write(4, "a", "4"),)),
        read(5, "a"),
        Done((Ref(5), Ref(2))),
    )
    ran: list[int] = []
    world = World()

    def execute(future: int, tool: str, args: Mapping[str, Any]) -> Value:
        ran.append(future)
        return world.execute(future, tool, args)

    outcome = run_sequential(Program(body), TOOLS, execute)
    assert ran == [1, 2, 3, 5]
    assert outcome.answer == ("3", "1")
    assert outcome.seen == (Seen(2, 2, "1"), Seen(5, 2, "1"), Seen(5, 5, "3"))


def test_a_poisoned_call_is_not_executed_and_an_unknown_tool_is_an_error() -> None:
    ran: list[int] = []

    def execute(future: int, tool: str, args: Mapping[str, Any]) -> Value:
        ran.append(future)
        return ErrorValue("tool_error", "boom")

    values = run_sequential(Program((FAIL, read(2, Ref(1)), Call(3, "nope"))), TOOLS, execute).values
    assert ran == [1]
    assert [value.kind for value in values.values() if isinstance(value, ErrorValue)] == [
        "tool_error",
        "dependency_failed",
        "invalid_argument",
    ]


def test_strict_stops_at_the_first_failure_and_forgets_nothing_before_it() -> None:
    body = (read(1, "a"), Touch((1,)), Call(2, "fail"), Touch((2,)), write(3, "b"), Done((Ref(1),)))
    outcome = run_sequential(Program(body), TOOLS, World().execute, "strict")
    assert outcome.stopped_at == 2
    assert outcome.seen == (Seen(1, 1, "A"),)
    assert outcome.answer == ()
