"""The tool classes of BFCL as what is checked: their instances are the state, their golden calls give the arguments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, Final

from asyncfc_sim.core.syntax import Call as Issued
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value, bind, canonical
from asyncfc_sim.traces.evidence import leaves
from asyncfc_sim.workloads.bfcl_classes import load_class, methods
from asyncfc_sim.workloads.bfcl_effects import tools
from asyncfc_sim.workloads.bfcl_world import BfclWorld
from asyncfc_sim.workloads.workload import Task

from .access import Access
from .changes import changes
from .graph import Graph, Space
from .observation import Observation, observe
from .trial import Call
from .watch import Watch

# Parameters, and parts of results, that name the same things.
_ALIASES: Final = {
    **dict.fromkeys(("file_name1", "file_name2", "dir_name", "source", "destination", "path"), "file_name"),
    **dict.fromkeys(("current_directory_content", "matches"), "file_name"),
    **dict.fromkeys(("user_name", "user_list"), "user"),
    **dict.fromkeys(("receiver_id",), "user_id"),
    **dict.fromkeys(("symbol", "stock_list", "watchlist"), "stock"),
    **dict.fromkeys(("ticket_id", "tweet_id", "order_id", "history"), "id"),
    **dict.fromkeys(("username", "following_list", "username_to_unfollow"), "username_to_follow"),
}
# Parameters of which a tool takes but a few values, or which must not get large: no call should take for ever.
_FEW: Final[Mapping[tuple[str, str], Sequence[JSON]]] = {
    ("power", "exponent"): (0, 1, 2, 3, 0.5, -1),
    ("logarithm", "precision"): (5, 10),
    ("square_root", "precision"): (5, 10),
    ("setHeadlights", "mode"): ("on", "off"),
    ("activateParkingBrake", "mode"): ("engage", "release"),
    ("startEngine", "ignitionMode"): ("START", "STOP"),
    ("displayCarStatus", "option"): (
        *("engine", "brakePedal", "parkingBrake", "headlights", "doors", "climate", "fuel"),
    ),
}
_ANYTHING: Final[Sequence[JSON]] = (1, 2.5, "x", True, ["AAPL"], [1, 2])
_ODD: Final[Sequence[JSON]] = (".", "..", "", "a/b", "*", 0, 1.0)
_MOST: Final = 40  # values kept for a parameter, and states to start from


class BfclSubject:
    """One class, starting from the states in which turns of golden conversations begin."""

    def __init__(self, class_name: str, tasks: Iterable[Task], declared: Mapping[str, Tool] | None = None) -> None:
        self.tools: Mapping[str, Tool] = tools(class_name) if declared is None else declared
        self._methods = methods(class_name)
        self._module = load_class(class_name).__module__
        self._graph = Graph(lambda module: module == self._module)
        self._starts: list[BfclWorld] = []
        self._golden: dict[str, dict[str, Mapping[str, JSON]]] = defaultdict(dict)
        self._seen: dict[str, dict[str, JSON]] = defaultdict(dict)
        self._read(class_name, tasks)
        if not self._starts:
            self._starts.append(BfclWorld.load([class_name], {}, long_context=False))
        self.starts = len(self._starts)
        self._world = self._starts[0]

    def _read(self, class_name: str, tasks: Iterable[Task]) -> None:
        """Where golden turns begin, and what their calls give and get."""
        for task in tasks:
            world = task.make_world()
            assert isinstance(world, BfclWorld)
            if class_name not in world.instances:
                continue
            values: dict[int, Value] = {}
            for turn in task.turns:
                if len(self._starts) < _MOST:
                    self._starts.append(BfclWorld({class_name: world.instances[class_name]}))
                for statement in turn.program.body:
                    if isinstance(statement, Issued):
                        args: Any = bind(dict(statement.args), values)
                        values[statement.future] = world.call(statement.future, statement.tool, args)
                        if statement.tool in self.tools:
                            self._keep(statement.tool, args, values[statement.future])

    def _keep(self, tool: str, args: Mapping[str, JSON], value: Value) -> None:
        if len(self._golden[tool]) < _MOST:
            self._golden[tool].setdefault(canonical(dict(args)), args)
        found: list[tuple[str, JSON]] = list(args.items())
        if not isinstance(value, ErrorValue):
            found += [(str(path[0]), leaf) for path, leaf in leaves(value) if path]
        for name, item in found:
            kept = self._seen[_ALIASES.get(name, name)]
            if len(kept) < _MOST:
                kept.setdefault(canonical(item), item)

    def reset(self, start: int) -> None:
        self._world = self._starts[start].copy()

    def call(self, number: int, call: Call) -> Value:
        return self._world.call(number, call.tool, call.args)

    def watched(self, number: int, call: Call) -> tuple[Value, Sequence[Access]]:
        before = self.observe()
        watch = Watch(self._graph, self.traced, lambda: None)
        watch.prepare(self._spaces())
        with watch.watching():
            value = self.call(number, call)
        return value, [*watch.accesses(), *changes(before, self.observe())]

    def observe(self) -> Observation:
        return observe(self._graph, self._spaces())

    def _spaces(self) -> list[Space]:
        return [Space(self._world.instances, frozenset(self._world.instances))]

    def pools(self, tool: str) -> Mapping[str, Sequence[JSON]]:
        return {name: list(self._pool(tool, name)) for name in self._methods[tool].signature.parameters}

    def _pool(self, tool: str, parameter: str) -> Iterator[JSON]:
        seen = self._seen[_ALIASES.get(parameter, parameter)]
        yield from _FEW.get((tool, parameter)) or [*(seen.values() or _ANYTHING), *_ODD]

    def closed(self, tool: str) -> frozenset[str]:
        return frozenset(name for name in self._methods[tool].signature.parameters if (tool, name) in _FEW)

    def required(self, tool: str) -> frozenset[str]:
        method = self._methods[tool]
        return frozenset(name for name in method.signature.parameters if name not in method.defaults)

    def examples(self, tool: str) -> Sequence[Mapping[str, JSON]]:
        return list(self._golden[tool].values())

    def traced(self, code: CodeType) -> bool:
        return "multi_turn_eval" in code.co_filename
