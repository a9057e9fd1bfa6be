"""A world of folders, and tools whose footprints are regions, functions with and without bounds, and validated.

It knows keys only as `parse_pattern` reads them, so that what a tool touches is what its footprint says (H1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from asyncfc_sim.core.footprint import Declaration, Key, parse_pattern
from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value, canonical


@dataclass
class TreeWorld:
    store: dict[Key, Any] = field(
        default_factory=lambda: {
            ("t", "d", "x"): "d",
            ("t", "d", "e", "y"): "x",
            ("t", "f", "x"): "../f",
            ("t", "f"): 1,
        }
    )

    def execute(self, future: int, tool: str, args: Mapping[str, Any]) -> Value:
        try:
            return self._run(tool, **args)
        except (TypeError, ValueError, KeyError) as error:
            return ErrorValue("tool_error", type(error).__name__)

    def _run(self, tool: str, **args: Any) -> Value:
        match tool:
            case "put":
                self.store[_exact(f"t:{_text(args['folder'])}/{_text(args['name'])}")] = args["text"]
            case "cat":
                return self.store[_exact(f"t:{_text(args['folder'])}/{_text(args['name'])}")]
            case "tree":
                return [["/".join(key[1:]), value] for key, value in self._below(args["folder"])]
            case "names":
                return [key[-1] for key, _ in self._below(args["folder"])]
            case "wipe":
                gone = self._below(args["folder"])
                for key, _ in gone:
                    del self.store[key]
                return len(gone)
            case "move":
                source, target = _exact(f"t:{_text(args['source'])}"), _exact(f"t:{_text(args['target'])}")
                self.store[target] = self.store.pop(source)
            case "probe":
                return _exact(f"t:{_text(args['path'])}") in self.store
            case "label":
                key = _exact(f"t:{_text(args['path'])}")
                self.store[key] = f"{self.store.get(key, '')}{args['text']}"[-6:]
        return "ok"

    def _below(self, folder: Any) -> list[tuple[Key, Any]]:
        pattern = parse_pattern(f"t:{_text(folder)}/*")
        return sorted(item for item in self.store.items() if item[0][: len(pattern.key)] == pattern.key)

    def state(self) -> str:
        return canonical({"/".join(key): value for key, value in self.store.items()})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a path is a string")
    return value


def _exact(text: str) -> Key:
    pattern = parse_pattern(text)
    if pattern.below:
        raise ValueError("a pattern in place of a key")
    return pattern.key


def _lower(args: Mapping[str, Any]) -> Mapping[str, Any] | ErrorValue:
    if not isinstance(args.get("text"), str):
        return ErrorValue("invalid_argument", "text is a string")
    return {"path": "f/x", **{name: value.lower() if isinstance(value, str) else value for name, value in args.items()}}


TREE_TOOLS: dict[str, Tool] = {
    "put": Tool("put", Declaration(writes=["t:{folder}/{name}"])),
    "cat": Tool("cat", Declaration(reads=["t:{folder}/{name}"])),
    "tree": Tool("tree", Declaration(reads=["t:{folder}/*"])),
    "names": Tool("names", Declaration(reads=["t:{folder}/*"])),
    "wipe": Tool("wipe", Declaration(writes=["t:{folder}/*"])),
    "move": Tool(
        "move",
        Declaration(
            writes=lambda args: [f"t:{args['source']}", f"t:{args['target']}"], bound_writes=("t:d/*", "t:f/*")
        ),
    ),
    "probe": Tool("probe", Declaration(reads=lambda args: [f"t:{args['path']}"])),
    "label": Tool("label", Declaration(writes=["t:{path}"]), validate=_lower),
}

_folders = st.sampled_from(["d", "d/e", "f", "d", "f", "d/e", ""])
_names = st.sampled_from(["x", "y", "x", "e/y", "z", "e/../x", "../f/x"])
_paths = st.sampled_from(["d/x", "f/x", "f", "d/e/y", "d/e/x", "f/y", "F/X"])


def tree_call(draw: st.DrawFn, future: int, earlier: list[int]) -> Call:
    """A random call of these tools."""

    def value(fresh: str) -> Any:
        if earlier and draw(st.integers(0, 2)) == 0:
            ref = Ref(draw(st.sampled_from(earlier)), draw(st.sampled_from([(), (), (0,)])))
            return draw(st.sampled_from([ref, ref, Text((ref, "/x"))]))
        return fresh

    tool = draw(st.sampled_from(list(TREE_TOOLS)))
    args: dict[str, Any]
    match tool:
        case "put" | "cat":
            args = {"folder": value(draw(_folders)), "name": value(draw(_names))}
        case "tree" | "names" | "wipe":
            args = {"folder": value(draw(_folders))}
        case "move":
            args = {"source": value(draw(_paths)), "target": value(draw(_paths))}
        case _:
            args = {"path": value(draw(_paths))}
    if tool in ("put", "label"):
        args["text"] = value(draw(st.sampled_from(["x", "d", "f/x", "D"])))
    if tool == "label" and draw(st.booleans()):
        del args["path"]
    return Call(future, tool, args)
