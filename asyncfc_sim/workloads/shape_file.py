"""Shape files (TOML): the figures of a workload of which only the shape is known, each with where it comes from.

name = "parallelqa"
title = "..."
rounds = {value = 1, n = 113, source = "...", provenance = "derived"}

[[stages]]
name = "search"
calls = {counts = {2 = 21, 3 = 31}, n = 52, source = "...", provenance = "measured"}   # or value = 2
tools = {value = "search", ...}                     # or shares = {read = 1716, edit = 865}
sees = {value = 0, ...}                             # the chance that the model must first see every result so far
[[stages]]
name = "sum"                                        # without `calls`: a call for each of the stage before
tools = {value = "math", ...}
takes = {value = "each", ...}                       # nothing (the default), one, each or all of the results before
sees = {value = 0, ...}

[tools.search]                                      # as in a tools file (tools_file.py), without answers
reads = ["page:{page}"]
kind = "web_search"

[arguments.page]                                    # of how many names an argument is one; else each call has its own
value = 10

[call_chars]                                        # of a call's name and arguments; else as long as they are
value = 72

[tokens]                                            # of messages, if not those of the decoder: all that is decoded up
message = {counts = {...}, ...}                     # to the first call; for each call more; for the answer
call = {value = 32, ...}
answer = {value = 42, ...}
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, get_args

from asyncfc_sim.tools.toml_table import Table

from .shapes import CHANCE, COUNT, FROM_ONE, Figure, Provenance, Range, Shape, ShapeError, Stage, Takes, Tokens
from .tools_file import Entry, parse_entry

_TOOL_KEYS: Final = ("reads", "writes", "irreversible", "idempotent", "commutes_with", "concurrency", "kind")
_FIGURE_KEYS: Final = ("value", "counts", "shares", "n", "source", "provenance", "note")
_NOTHING: Final = Figure((("nothing", 1.0),), 0, "the shape names none", "assumed")


class ShapeTable(Table):
    """A table of a shape file."""

    fault = ShapeError


def load_shape(path: Path) -> Shape:
    """The shape in a file. Raises OSError or ShapeError."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ShapeError(f"{path}: not TOML: {error}") from None
    return parse_shape(values, str(path))


def parse_shape(values: Mapping[str, object], source: str) -> Shape:
    """The shape that a TOML file holds. Raises ShapeError."""
    top = ShapeTable(source, "", values)
    top.only("name", "title", "rounds", "stages", "tools", "arguments", "call_chars", "tokens")
    top.needs("name", "title", "rounds", "stages", "tools")
    tools = {name: _tool(name, top.table("tools").table(name)) for name in top.table("tools").values}
    stages = [_stage(table, tools, number) for number, table in enumerate(top.tables("stages"))]
    if len({stage.name for stage in stages}) < len(stages) or not stages:
        raise top.error("stages", "at least one stage is required, and each needs a name of its own")
    arguments = top.table("arguments")
    return Shape(
        top.text("name"),
        top.text("title"),
        source,
        _figure(top, "rounds", allowed=FROM_ONE),
        tuple(stages),
        tools,
        {name: _figure(arguments, name, allowed=FROM_ONE) for name in arguments.values},
        _figure(top, "call_chars", allowed=FROM_ONE) if "call_chars" in values else None,
        _tokens(top.table("tokens")) if "tokens" in values else None,
    )


def _tool(name: str, table: ShapeTable) -> Entry:
    table.only(*_TOOL_KEYS)
    return parse_entry(name, table)


def _stage(table: ShapeTable, tools: Mapping[str, Entry], number: int) -> Stage:
    table.only("name", "calls", "tools", "takes", "sees")
    table.needs("name", "tools", "sees")
    calls = _figure(table, "calls", allowed=COUNT) if "calls" in table.values else None
    takes = _figure(table, "takes", words=get_args(Takes)) if "takes" in table.values else _NOTHING
    each = takes.outcomes[0][0] == "each"
    if each != (calls is None) or (each and number == 0):
        raise table.error("calls", "is left out where a call takes `each` result of the stage before, and only there")
    if len(takes.outcomes) > 1:
        raise table.error("takes", "one value is expected")
    sees = _figure(table, "sees", allowed=CHANCE)
    if len(sees.outcomes) > 1:
        raise table.error("sees", "one chance is expected")
    return Stage(table.text("name"), calls, _figure(table, "tools", words=tuple(tools)), takes, sees)


def _tokens(table: ShapeTable) -> Tokens:
    table.only("message", "call", "answer")
    table.needs("message", "call", "answer")
    return Tokens(*(_figure(table, key, allowed=FROM_ONE) for key in ("message", "call", "answer")))


def _figure(
    table: ShapeTable,
    key: str,
    *,
    allowed: Range = COUNT,
    words: Sequence[str] = (),
) -> Figure:
    """The figure at `key`: numbers that are allowed, or some of `words`."""
    figure = table.table(key)
    figure.only(*_FIGURE_KEYS)
    figure.needs("n", "source", "provenance")
    given = [each for each in ("value", "counts", "shares") if each in figure.values]
    if len(given) != 1:
        raise figure.error("", "expected one of value, counts and shares")
    outcomes = _outcomes(figure, given[0])
    for outcome, weight in outcomes:
        if words and outcome not in words:
            raise figure.error(given[0], f"{outcome!r}: expected one of {', '.join(words)}")
        if not words and not allowed.has(outcome):
            raise figure.error(given[0], f"{outcome!r}: expected {allowed}")
        if not weight > 0:
            raise figure.error(given[0], f"{outcome!r}: expected a weight above zero, not {weight:g}")
    n = figure.values["n"]
    if isinstance(n, bool) or not isinstance(n, int | str):
        raise figure.error("n", 'a count, or "not stated", is required')
    if (provenance := figure.text("provenance")) not in get_args(Provenance):
        raise figure.error("provenance", f"expected one of {', '.join(get_args(Provenance))}")
    note = figure.text("note") if "note" in figure.values else ""
    return Figure(outcomes, n, figure.text("source"), provenance, note)  # type: ignore[arg-type]


def _outcomes(figure: ShapeTable, given: str) -> tuple[tuple[float | str, float], ...]:
    if given == "value":
        value = figure.values["value"]
        return ((value if isinstance(value, str) else figure.number("value"), 1.0),)
    weights = figure.table(given)
    if not weights.values:
        raise figure.error(given, "at least one outcome is required")
    if given == "shares":
        return tuple((name, weights.number(name)) for name in weights.values)
    try:
        return tuple((float(name), weights.number(name)) for name in weights.values)
    except ValueError as error:
        if isinstance(error, ShapeError):
            raise
        raise figure.error(given, f"expected whole numbers as names: {error}") from None
