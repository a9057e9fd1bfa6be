"""Plain functions in a session: what they return and what they take is known to it, and a person may have a say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import TypedDict

from asyncfc_sim.core.session_events import AskApproval
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.function_tool import FunctionTool, function_tool
from tests.dialogue import PAPER, Dialogue


class Flight(TypedDict):
    id: int
    stops: list[str]
    price: float | None


calls: list[tuple[str, Any]] = []


@tool(reads=["flights"])
def search(to: str) -> list[Flight]:
    calls.append(("search", to))
    return [{"id": 7, "stops": ["Oslo"], "price": None}]


@tool(writes=["bookings"], approval=True)
def book(flight: int) -> bool:
    calls.append(("book", flight))
    return True


@tool(reads=["weather"])
def weather(towns: list[str], day: int = 1) -> str:
    calls.append(("weather", towns))
    return "fair"


FUNCTIONS: dict[str, FunctionTool] = {
    name: function_tool(f) for name, f in (("search", search), ("book", book), ("weather", weather))
}


def session(*said: tuple[str, dict[str, Any]]) -> Dialogue:
    """A conversation with one message, in which every function has been called that could be."""
    calls.clear()
    talk = Dialogue(PAPER, {name: made.core for name, made in FUNCTIONS.items()})
    talk.says(*said)
    while talk.running:
        future, start = next(iter(talk.running.items()))
        talk.finish(future, FUNCTIONS[start.tool].call(start.args))
    return talk


SEARCH = ("search", {"to": "Kyoto"})


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("$f1.id", "weather: $f1.id: the result is an array: it has no .id"),
        ("$f1[0].town", "weather: $f1[0].town: [0] is an object with id, stops, price: it has no .town"),
        ("in ${f1[0].price.total}", "weather: $f1[0].price.total: [0].price is a number or null: it has no .total"),
    ],
)
def test_a_part_that_no_result_has_never_reaches_a_function(reference, reason):
    talk = session(SEARCH, ("weather", {"towns": [reference]}))
    assert calls == [("search", "Kyoto")]
    error = talk.shown()[1]["error"]
    assert (error["kind"], error["message"]) == ("invalid_reference", reason)
    assert talk.session.guards.counts["bad_references"] == 1


def test_a_part_of_the_right_type_does():
    session(SEARCH, ("weather", {"towns": "$f1[-1].stops", "day": "$f1[0].id"}))
    assert calls == [("search", "Kyoto"), ("weather", ["Oslo"])]


@pytest.mark.parametrize(
    "args", [{"towns": "$f1[0].id"}, {"towns": ["$f1[0].stops"]}, {"towns": [], "day": "$f1[0].price"}]
)
def test_a_value_of_another_type_is_refused_when_it_is_bound_by_the_schema_as_it_was(args):
    talk = session(SEARCH, ("weather", args))
    assert calls == [("search", "Kyoto")]
    value = talk.session.values()[2]
    assert (value.kind, value.origin) == ("invalid_argument", 2)
    assert value.message.startswith("weather: ")
    assert "anyOf" in json.dumps(FUNCTIONS["weather"].widened_schema), "though the model was shown room for references"


def test_what_a_person_is_asked_about_has_its_values_in():
    talk = session(SEARCH, ("book", {"flight": "$f1[0].id"}))
    assert talk.of(AskApproval) == [AskApproval(2, "book", {"flight": 7})]
    assert ("book", 7) not in calls


@pytest.mark.parametrize(("function", "asks"), [(search, False), (book, True)])
def test_approval_is_what_the_decorator_says(function: Callable[..., Any], asks: bool):
    assert function_tool(function).core.approval is asks
