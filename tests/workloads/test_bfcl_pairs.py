"""Footprints must hold in every state and for all arguments: pairs of random calls, run in both orders."""

import random
from collections import Counter
from typing import Any

import pytest

from asyncfc_sim.core.footprint import Footprint, indep
from asyncfc_sim.workloads.bfcl import load
from asyncfc_sim.workloads.bfcl_classes import CLASSES
from asyncfc_sim.workloads.bfcl_effects import tools
from asyncfc_sim.workloads.bfcl_world import BfclWorld
from tests.bfcl_random_calls import RandomCall, RandomCalls, declared_families
from tests.bfcl_turns import families, recorded_turns, without
from tests.bfcl_watch import undeclared

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (make setup installs it)")
pytest.importorskip("mpmath", reason="mpmath is not installed")

# Never the only reason for an order, because the same calls always meet in another resource too: who sends a message
# draws an id and writes the inbox.
MASKED = {"message:ids", "message:user_count", "trading:random"}
# Seldom the only reason; the last test shows them.
RARE = {"travel:random", "vehicle:cruise"}


def footprint(world: BfclWorld, call: RandomCall) -> Footprint:
    tool, args = call
    return tools(world._methods[tool].owner)[tool].footprint(args)


def differ(world: BfclWorld, first: RandomCall, second: RandomCall) -> bool:
    """Whether the two orders of two calls can be told apart, by results or by the state they lead to."""
    one, other = world.copy(), world.copy()
    in_order = [one.call(1, *first), one.call(2, *second)]
    reversed_order = [other.call(2, *second), other.call(1, *first)]
    return repr(in_order) != repr(reversed_order[::-1]) or one.state() != other.state()


def test_independent_calls_commute_and_each_resource_is_needed():
    calls = RandomCalls(recorded_turns(load("base"), at_least=1), random.Random(7))
    independent, needed = 0, Counter[str]()
    for world, first, second in calls.pairs(12_000):
        left, right = footprint(world, first), footprint(world, second)
        if indep(left, right):
            independent += 1
            assert not differ(world, first, second), f"{first} and {second} in\n{world.state()}"
            continue
        for family in families(left) & families(right):
            ignored = frozenset({family})
            if indep(without(left, ignored), without(right, ignored)):
                needed[":".join(family)] += differ(world, first, second)
    print(f"{independent} pairs were independent; pairs wrong with one resource forgotten: {dict(needed)}")
    assert independent > 3_000
    declared = {family for name in CLASSES for tool in tools(name) for family in declared_families(name, tool)}
    every = {":".join(family) for family in declared if len(family) == 2}
    assert MASKED <= every - {family for family, wrong in needed.items() if wrong} <= MASKED | RARE


def test_independent_calls_commute_in_long_context_too():
    calls = RandomCalls(recorded_turns(load("long_context"), at_least=1), random.Random(9))
    for world, first, second in calls.pairs(2_000):
        if indep(footprint(world, first), footprint(world, second)):
            assert not differ(world, first, second), f"{first} and {second} in\n{world.state()}"


def test_no_call_touches_anything_undeclared():
    calls = RandomCalls(recorded_turns(load("base"), at_least=1), random.Random(8))
    for world, *pair in calls.pairs(2_000):
        for call in pair:
            faults = undeclared(world.copy(), (1, *call), footprint(world, call))
            assert not faults, f"{call} in\n{world.state()}"


PAID = {"access_token": "t", "insurance_type": "x", "booking_id": "1", "insurance_cost": 5}
TRAVEL = {
    "access_token": "t", "token_expires_in": 9, "booking_record": {"1": {}},
    "credit_card_list": {"a": {"balance": 100.0}, "b": {"balance": 100.0}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "config", "tool", "args", "resource"),
    [
        ("TravelAPI", TRAVEL, "purchase_insurance", [{**PAID, "card_id": card} for card in "ab"], "travel:random"),
        (
            "VehicleControlAPI",
            {"engineState": "running"},
            "setCruiseControl",
            [{"speed": speed, "activate": True, "distanceToNextVehicle": speed} for speed in (50, 60)],
            "vehicle:cruise",
        ),
    ],
)
def test_two_calls_that_meet_in_one_resource_only(
    owner: str, config: dict[str, Any], tool: str, args: list[dict[str, Any]], resource: str
):
    world = BfclWorld.load([owner], {owner: config}, long_context=False)
    first, second = ((tool, each) for each in args)
    left, right = footprint(world, first), footprint(world, second)
    ignored = frozenset({tuple(resource.split(":"))})
    assert indep(without(left, ignored), without(right, ignored))
    assert not indep(left, right)
    assert differ(world, first, second)
