"""Calls to BFCL's tools that nobody wrote: any tool, with arguments that have been seen under the same name."""

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from asyncfc_sim.core.values import UNKNOWN
from asyncfc_sim.traces.evidence import leaves
from asyncfc_sim.workloads.bfcl_classes import methods
from asyncfc_sim.workloads.bfcl_effects import tools
from asyncfc_sim.workloads.bfcl_world import BfclWorld
from tests.bfcl_turns import Family, Recorded, families

# Parameters, and parts of results, that name the same things.
ALIASES = {
    **dict.fromkeys(("file_name1", "file_name2", "dir_name", "source", "destination", "path"), "file_name"),
    **dict.fromkeys(("current_directory_content", "matches"), "file_name"),
    **dict.fromkeys(("user_name", "user_list"), "user"),
    **dict.fromkeys(("receiver_id",), "user_id"),
    **dict.fromkeys(("symbol", "stock_list", "watchlist"), "stock"),
    **dict.fromkeys(("ticket_id", "tweet_id", "order_id", "history"), "id"),
    **dict.fromkeys(("username", "following_list", "username_to_unfollow"), "username_to_follow"),
}
# Parameters of which a tool takes but a few values.
EXAMPLES: dict[tuple[str, str], list[Any]] = {
    ("setHeadlights", "mode"): ["on", "off"],
    ("activateParkingBrake", "mode"): ["engage", "release"],
    ("startEngine", "ignitionMode"): ["START", "STOP"],
    ("displayCarStatus", "option"): ["engine", "brakePedal", "parkingBrake", "headlights", "doors", "climate", "fuel"],
}
ANYTHING = (1, 2.5, "x", True, ["AAPL"], [1, 2])
ODD = (".", "..", "", "a/b", "*", 0, 1.0, True, "1", None)

RandomCall = tuple[str, dict[str, Any]]


class RandomCalls:
    """Draws worlds and pairs of calls; arguments come from one conversation, or else from all of them."""

    def __init__(self, turns: Iterable[Recorded], rng: random.Random) -> None:
        self._rng = rng
        self._turns = list(turns)
        self._everywhere: dict[str, list[Any]] = defaultdict(list)
        self._here: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        self._golden: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for turn in self._turns:
            for call in turn.calls:
                self._golden[call.tool].append(call.args)
                result = [(str(path[0]), leaf) for path, leaf in leaves(turn.results[call.future]) if path]
                for name, value in [*call.args.items(), *result]:
                    self._here[turn.where.split()[0]][ALIASES.get(name, name)].append(value)
                    self._everywhere[ALIASES.get(name, name)].append(value)

    def pairs(self, count: int) -> Iterable[tuple[BfclWorld, RandomCall, RandomCall]]:
        """Pairs of calls that both concern the same kind of resource, and a world to run them in."""
        for number in range(count):
            if number % 10 == 0:
                world, where = self._world()
                concerned = _concerned(world)
            choice = concerned[self._rng.choice(list(concerned))]
            first, second = (self._call(world, where, self._rng.choice(choice)) for _ in range(2))
            yield world, first, second

    def _world(self) -> tuple[BfclWorld, str]:
        """The world before some golden turn, after a few calls more; and the name of the conversation."""
        turn = self._rng.choice(self._turns)
        world, where = turn.before.copy(), turn.where.split()[0]
        for future in range(self._rng.randrange(6)):
            world.call(future, *self._call(world, where, self._rng.choice(list(world._methods))))
        return world, where

    def _call(self, world: BfclWorld, where: str, tool: str) -> RandomCall:
        if self._golden[tool] and self._rng.random() < 0.3:
            return tool, self._rng.choice(self._golden[tool])
        method = world._methods[tool]
        given = [
            name for name in method.signature.parameters if name not in method.defaults or self._rng.random() < 0.6
        ]
        return tool, {name: self._value(tool, name, self._here[where]) for name in given}

    def _value(self, tool: str, parameter: str, here: dict[str, list[Any]]) -> Any:
        name = ALIASES.get(parameter, parameter)
        if self._rng.random() < 0.05:
            return self._rng.choice(ODD)
        if examples := EXAMPLES.get((tool, parameter)):
            return self._rng.choice(examples)
        if here[name] and self._rng.random() < 0.8:
            return self._rng.choice(here[name])
        return self._rng.choice(self._everywhere[name] or ANYTHING)


def _concerned(world: BfclWorld) -> dict[Family, list[str]]:
    """The tools of a world by the kinds of resources that they declare; those that declare none together."""
    concerned: dict[Family, list[str]] = defaultdict(list)
    for name, method in world._methods.items():
        for family in sorted(declared_families(method.owner, name)) or [("none",)]:
            concerned[family].append(name)
    for general in [family for family in concerned if len(family) == 1]:  # displayCarStatus: any of a scheme
        for family in concerned:
            if family[0] == general[0] and family != general:
                concerned[family] += concerned[general]
    return concerned


def declared_families(owner: str, tool: str) -> set[Family]:
    """The kinds of resources in the declaration of a tool."""
    unknown = dict.fromkeys(methods(owner)[tool].signature.parameters, UNKNOWN)
    return families(tools(owner)[tool].footprint(unknown))
