"""Watching a call: which variables, items and attributes does it read and write?

The functions stay as they are. Before the call, containers that can be reached are replaced by ones that note accesses
(containers.py), the classes of reachable objects get a noting `__getattribute__`, and while it runs, a trace function
looks at the instructions that read and write global variables, class attributes and variables of enclosing functions.
(Python 3.13 shows the instructions of a function only from its second call on.) The snapshot puts all of it back.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

from .access import Access, Location
from .containers import CONTAINERS, fill, stand_in
from .graph import Graph, Space, dict_of, is_data, slots_of

_ATTRIBUTE_HOOKS: Final = ("__getattribute__", "__setattr__", "__delattr__")
_READS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_ATTR", "LOAD_METHOD"})
_WRITES: Final = frozenset(
    {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF", "STORE_ATTR", "DELETE_ATTR"}
)
_LOADS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_BORROW"})


class Watch:
    """One call's accesses. `traced` says of which code the instructions are looked at."""

    def __init__(self, graph: Graph, traced: Callable[[CodeType], bool], catch_up: Callable[[], None]) -> None:
        self._graph = graph
        self._traced = traced
        self._catch_up = catch_up
        self._on = False
        self._noted: dict[Access, None] = {}
        self._twins: dict[int, tuple[Any, Any]] = {}  # by id: the thing, so that it lives, and what stands for it
        self._places: dict[int, Location] = {}
        self._variables: dict[tuple[int, str], Location] = {}
        self._functions: dict[CodeType, Location | None] = {}  # None: several functions share the code

    def note(self, access: Access) -> None:
        if self._on:
            self._noted[access] = None

    def accesses(self) -> list[Access]:
        return list(self._noted)

    def prepare(self, spaces: Iterable[Space]) -> None:
        """Put stand-ins in the place of containers."""
        for space in spaces:
            for where, name, value in space.roots():
                self._variables[id(space.values), name] = where
                twin = self._twin(where, value)
                if twin is not value:
                    space.values[name] = twin

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around the call."""
        hooked = {type(thing) for thing, _ in self._twins.values() if self._hookable(thing)}
        before = {of: {name: vars(of).get(name) for name in _ATTRIBUTE_HOOKS} for of in hooked}
        tracer = sys.gettrace()
        for of in hooked:
            self._hook(of)
        self._on = True
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(tracer)
            self._on = False
            for of, hooks in before.items():
                for name, hook in hooks.items():
                    if hook is None:
                        type.__delattr__(of, name)
                    else:
                        type.__setattr__(of, name, hook)

    def _twin(self, where: Location, value: Any) -> Any:
        kind = self._graph.kind(value)
        if kind in ("atom", "opaque", "random", "count"):
            return value
        if id(value) in self._twins:
            return self._twins[id(value)][1]
        if isinstance(value, CONTAINERS):
            twin = stand_in(value, where, self.note)
            self._twins[id(value)] = (value, twin)
            parts = [(segment, self._twin((*where, segment), part)) for segment, part in self._graph.parts(value)]
            items = [(name, part) for (sort, name), part in parts if sort in ("[", "#")]
            fill(twin, items if isinstance(value, dict) else value if kind == "set" else [part for _, part in items])
            for segment, part in parts:
                if segment[0] == ".":
                    self._graph.put(twin, segment, part)
            return twin
        if kind == "tuple":
            twins = [self._twin((*where, ("#", index)), part) for index, part in enumerate(value)]
            same = all(twin is part for twin, part in zip(twins, value, strict=True))
            twin = value if same else type(value)._make(twins) if hasattr(value, "_make") else tuple(twins)
            self._twins[id(value)] = (value, twin)
            return twin
        self._twins[id(value)] = (value, value)
        self._places[id(value)] = where
        if isinstance(value, FunctionType):
            self._functions[value.__code__] = where if value.__code__ not in self._functions else None
        for segment, part in self._graph.parts(value):
            twin = self._twin((*where, segment), part)
            if twin is not part and kind in ("object", "class", "function"):
                self._graph.put(value, segment, twin)
        return value

    def _hookable(self, thing: Any) -> bool:
        return self._graph.kind(thing) == "object" and bool(type(thing).__flags__ & (1 << 9))  # a class made by Python

    def _hook(self, of: type) -> None:
        get, put, delete = (getattr(of, name) for name in _ATTRIBUTE_HOOKS)

        def getattribute(this: Any, name: str) -> Any:
            if self._on and id(this) in self._places:
                self._note_attribute(this, name)
            return get(this, name)

        def setattribute(this: Any, name: str, value: Any) -> None:
            put(this, name, value)
            self._note_writing(this, name)

        def delattribute(this: Any, name: str) -> None:
            delete(this, name)
            self._note_writing(this, name)

        for name, hook in zip(_ATTRIBUTE_HOOKS, (getattribute, setattribute, delattribute), strict=True):
            type.__setattr__(of, name, hook)

    def _note_writing(self, this: Any, name: str) -> None:
        if self._on and id(this) in self._places:
            self.note(Access("w", (*self._places[id(this)], (".", name)), below=True))

    def _note_attribute(self, this: Any, name: str) -> None:
        if name in dict_of(this) or name in slots_of(type(this)):
            self.note(Access("r", (*self._places[id(this)], (".", name))))
            return
        for of in type(this).__mro__:
            if name in vars(of):
                if id(of) in self._places and is_data(name, vars(of)[name]):
                    self.note(Access("r", (*self._places[id(of)], (".", name))))
                return

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event != "call" or not self._traced(frame.f_code):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            self._catch_up()
            what = _instructions(frame.f_code).get(frame.f_lasti)
            if what is not None and self._on:
                self._on = False  # looking at locals must not count
                try:
                    access = self._access(frame, *what)
                finally:
                    self._on = True
                if access is not None:
                    self.note(access)
        return self._step

    def _access(self, frame: FrameType, op: str, name: str, source: tuple[str, str] | None) -> Access | None:
        where: Location | None
        if op.endswith(("_GLOBAL", "_NAME")):
            where = self._variables.get((id(frame.f_globals), name))
        elif op.endswith("_DEREF"):
            function = self._functions.get(frame.f_code) if name in frame.f_code.co_freevars else None
            where = None if function is None else (*function, ("<", name))
        else:
            where = self._attribute(frame, source, name)
        if where is None:
            return None
        return Access("w", where, below=True) if op in _WRITES else Access("r", where)

    def _attribute(self, frame: FrameType, source: tuple[str, str] | None, name: str) -> Location | None:
        """The place of an attribute of a class or a function; objects of the user's classes tell by themselves."""
        if source is None:
            return None
        load, variable = source
        values = frame.f_globals if load in ("LOAD_GLOBAL", "LOAD_NAME") else frame.f_locals
        owner = values.get(variable)
        if not isinstance(owner, type | FunctionType):
            return None
        holders = owner.__mro__ if isinstance(owner, type) else (owner,)
        holder = next((of for of in holders if name in vars(of)), owner)
        if id(holder) not in self._places:
            return None
        if isinstance(holder, type) and name in vars(holder) and not is_data(name, vars(holder)[name]):
            return None
        return (*self._places[id(holder)], (".", name))


@cache
def _instructions(code: CodeType) -> dict[int, tuple[str, str, tuple[str, str] | None]]:
    """By offset, the instructions that may touch shared variables; for attributes, from where their owner comes."""
    found: dict[int, tuple[str, str, tuple[str, str] | None]] = {}
    source: tuple[str, str] | None = None
    for instruction in dis.get_instructions(code):
        op, name = instruction.opname, str(instruction.argval)
        if op in _READS | _WRITES:
            found[instruction.offset] = (op, name, source if op.endswith(("_ATTR", "_METHOD")) else None)
        if op in _LOADS:
            source = (op, name)
        elif op not in ("COPY", "CACHE"):
            source = None
    return found
