"""A small world of keys, and tools that read and write it: enough to tell a wrong order from a right one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.references import Path
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value, canonical


class ToolError(Exception):
    pass


@dataclass
class ToyWorld:
    """Keys to values, and every effect in the order it took place."""

    store: dict[str, Any] = field(default_factory=lambda: {"a": "a", "b": "b", "ptr": "a", "n": 0, "out": ""})

    def execute(self, future: int, tool: str, args: Mapping[str, Any]) -> Value:
        try:
            if any(not isinstance(args.get(name, ""), str) for name in ("path", "src", "dst")):
                raise ToolError("a path is a string")
            return BODIES[tool](self.store, **args)
        except ToolError as error:
            return ErrorValue("tool_error", str(error))

    def state(self) -> str:
        return canonical(self.store)


def _read(store: dict[str, Any], path: str) -> Any:
    if path not in store:
        raise ToolError(f"no {path}")
    return store[path]


def _write(store: dict[str, Any], path: str, text: Any) -> str:
    store[path] = text
    return "ok"


def _append(store: dict[str, Any], path: str, text: Any) -> str:
    store[path] = (str(store.get(path, "")) + str(text))[-8:]
    return str(store[path])


def _copy(store: dict[str, Any], src: str, dst: str) -> str:
    store[dst] = _read(store, src)
    return "ok"


def _incr(store: dict[str, Any]) -> int:
    store["n"] += 1
    return int(store["n"])


def _add(store: dict[str, Any], n: int) -> None:
    store["n"] += n


def _send(store: dict[str, Any], body: Any) -> str:
    store["out"] += f"<{body}>"
    return "sent"


def _listing(store: dict[str, Any]) -> list[str]:
    return sorted(store)


def _fail(store: dict[str, Any]) -> None:
    raise ToolError("boom")


BODIES: dict[str, Callable[..., Any]] = {
    "read": _read,
    "write": _write,
    "append": _append,
    "copy": _copy,
    "incr": _incr,
    "add": _add,
    "send": _send,
    "ls": _listing,
    "fail": _fail,
    "pure": lambda store, x: {"x": [x]},
    "undeclared": _append,
}


def _lacks(path: Path) -> str | None:
    """What `pure` returns is known: an object with an `x`, which is an array of one."""
    match path:
        case () | ("x",) | ("x", 0 | -1, *_):
            return None
        case ("x", *_):
            return ".x is an array of at most 1"
        case _:
            return "the result is an object with x"


TOOLS: dict[str, Tool] = {
    "read": Tool("read", Declaration(reads=["k:{path}"])),
    "write": Tool("write", Declaration(writes=["k:{path}"])),
    "append": Tool("append", Declaration(writes=["k:{path}"])),
    "copy": Tool("copy", Declaration(reads=["k:{src}"], writes=["k:{dst}"])),
    "incr": Tool("incr", Declaration(writes=["k:n"])),
    "add": Tool("add", Declaration(writes=["k:n"]), commutes_with=frozenset({"add"})),
    "send": Tool("send", Declaration(writes=["k:out"]), irreversible=True),
    "ls": Tool("ls", Declaration(reads=["k:*"])),
    "fail": Tool("fail", Declaration()),
    "pure": Tool("pure", Declaration()),
    "undeclared": Tool("undeclared"),
}
# The same, but it is known what results some of them have.
TYPED: dict[str, Tool] = {**TOOLS, "pure": Tool("pure", Declaration(), lacks=_lacks)}
