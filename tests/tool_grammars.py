"""Sets of tools to make grammars of, and what is read from a text in the wire form."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark
from lark.exceptions import LarkError

from asyncfc_sim.core.references import Ref, parse_string
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.language.wire import call_from_wire
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.tools.tool_file import load_tools
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tools import office_tools

Schemas = Mapping[str, Mapping[str, Any]]

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "06_agent.tools.py"
OFFICE: Schemas = {tool.name: tool.input_schema for tool in map(function_tool, office_tools(Office()))}
TRIP: Schemas = {tool.name: tool.input_schema for tool in load_tools(EXAMPLE).tools.values()}


def parameters(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


# Each kind of argument that there is, required and not.
MIXED: Schemas = {
    "search": parameters(
        ["text", "kind"],
        text={"type": "string"},
        limit={"type": "integer", "minimum": 1, "maximum": 50},
        kind={"enum": ["near", "far", 5, None, "$f1"]},
        around={"anyOf": [parameters(["x", "y"], x={"type": "number"}, y={"type": "number"}), {"type": "null"}]},
        tags={"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        pair={"prefixItems": [{"type": "integer"}, {"type": "boolean"}], "minItems": 2, "maxItems": 2, "type": "array"},
    ),
    "note": {"type": "object", "properties": {"any": {}, "dict": {"additionalProperties": {"type": "integer"}}}},
    "stop": parameters(),
}

# Schemas that a grammar holds a model to in full, for tools without a name in common.
_SCALARS = st.sampled_from(
    [{"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"},
     {"enum": ["a", 1, None, "b c"]}, {"const": 7}, {"type": ["integer", "null"]}, {"type": ["string", "number"]},
     {"type": "integer", "minimum": -3, "exclusiveMaximum": 120}, {"anyOf": [{"type": "integer"}, {"const": "all"}]}]
)  # fmt: skip
NAMES = st.sampled_from(["city", "n", "two words", 'quo"te', "ü", "$f1", "<tool_call>"])


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(NAMES, inner, max_size=3)
    return properties.flatmap(
        lambda found: (
            st.lists(st.sampled_from(list(found)), unique=True).map(lambda names: parameters(names, **found))
            if found
            else st.just(parameters())
        )
    )


def _arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    limits = st.sampled_from([{}, {"minItems": 1}, {"maxItems": 2}, {"minItems": 2, "maxItems": 3}])
    return st.builds(lambda items, limit: {"type": "array", "items": items, **limit}, inner, limits)


VALUE_SCHEMAS = st.recursive(_SCALARS, lambda inner: _objects(inner) | _arrays(inner), max_leaves=4)
TOOL_SETS: st.SearchStrategy[Schemas] = st.dictionaries(
    st.sampled_from(["look", "look_up", "Store-2"]), _objects(VALUE_SCHEMAS), min_size=1, max_size=2
)


def parser(grammar: str) -> Lark:
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


def accepts(lark: Lark, text: str) -> bool:
    try:
        lark.parse(text)
    except LarkError:
        return False
    return True


def generated(lark: Lark, count: int) -> list[str]:
    """Texts of a grammar, the same ones each time."""
    texts: list[str] = []

    @settings(
        max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(from_lark(lark))
    def keep(text: str) -> None:
        texts.append(text)

    keep()
    return texts


def mutants(texts: Sequence[str], count: int, seed: int = 0) -> Iterator[str]:
    """As many texts that differ from one of these by a character or two, mostly by one that means something."""
    rng = random.Random(seed)
    pieces = [
        *'"$}{[].,:\\<> 1a',
        "f1",
        "$f2",
        "${f1}",
        "$$f3",
        "0",
        "",
        "\n",
        "null",
        "<tool_call>",
        "</tool_call>",
        "é",
    ]
    texts = [text for text in texts if text]
    for _ in range(count):
        text = rng.choice(texts)
        place = rng.randrange(len(text))
        yield text[:place] + rng.choice(pieces) + text[place + rng.randrange(3) :]


def calls_of(text: str, first: int = 1, *, references: bool = True) -> list[tuple[Call, str]]:
    """The calls of a message in the wire form, with the arguments as they are written; the protocol's have the number
    of the call that comes next.

    Raises ValueError for anything else: a LanguageError for arguments that are refused.
    """
    found = []
    number = first
    blocks = re.split(r"(?<=</tool_call>)\n(?=<tool_call>)", text)
    for block in blocks:
        match = re.fullmatch(r"<tool_call>\n(.*)\n</tool_call>", block, re.DOTALL)
        if match is None or "tool_call>" in match.group(1):
            raise ValueError(f"no call: {block}")
        call = json.loads(match.group(1), object_pairs_hook=_in_order)
        if [name for name, _ in call] != ["name", "arguments"]:
            raise ValueError(f"no call: {block}")
        written = match.group(1).split('"arguments": ', 1)[1].removesuffix("}")
        found.append((call_from_wire(number, call[0][1], written, references=references), written))
        number += call[0][1] not in ("await_future", "cancel_future")
    return found


def _in_order(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return pairs


def plain(value: Any) -> Any:
    """The same value without escapes, and with simpler references: the pattern of widened schemas knows fewer paths."""
    match value:
        case str():
            read = parse_string(value)
            return f"$f{read.future}" if isinstance(read, Ref) else read if isinstance(read, str) else value
        case list():
            return [plain(item) for item in value]
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case _:
            return value
