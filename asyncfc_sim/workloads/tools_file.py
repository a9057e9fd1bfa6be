"""Tools files (TOML): what the tools of a program do to which keys, and what they return.

[tools.search]                  # a tool that has no table is undeclared: it reads and writes everything
reads = ["web:{query}"]         # key patterns, with arguments in braces; so does one with neither reads nor writes
writes = []
irreversible = false            # starts only after every earlier call has succeeded
idempotent = true               # may be repeated
commutes_with = []              # tools whose calls may run before or after, though not during, one of this tool
concurrency = 4                 # calls under way at once, at most
kind = "web_search"             # the name under which durations are looked up; otherwise the tool's own
returns = {items = [{population = 3700000}]}    # or fails = "message"; otherwise values are made up

[[tools.search.cases]]          # the first case whose arguments are those of the call; before returns and fails
when = {query = "population of Paris"}
returns = {items = [{population = 2100000}]}    # or fails = "message"
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from string import Formatter
from typing import Any, Final

from asyncfc_sim.core.footprint import BadFootprint, Declaration
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value, same_json

_TOOL_KEYS: Final = (
    "reads", "writes", "irreversible", "idempotent", "commutes_with", "concurrency", "kind", "returns", "fails", "cases",
)  # fmt: skip
_CASE_KEYS: Final = ("when", "returns", "fails")


class ToolsFileError(ValueError):
    """A tools file that cannot be used: the file, the table and the key, and what was expected there."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a tool answers if its arguments include these."""

    when: Mapping[str, JSON]
    value: Value


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool, the kind of work it does, and its answers: the first case that fits."""

    tool: Tool
    kind: str
    cases: tuple[Case, ...] = ()

    @property
    def answers_all(self) -> bool:
        """Whether every call has an answer here."""
        return any(not case.when for case in self.cases)

    def case(self, args: Mapping[str, JSON]) -> Case | None:
        """The first case that fits these arguments."""
        return next((case for case in self.cases if _fits(case.when, args)), None)


def _fits(when: Mapping[str, JSON], args: Mapping[str, JSON]) -> bool:
    return all(name in args and same_json(args[name], value) for name, value in when.items())


def parse_tools(text: str, source: str) -> dict[str, Entry]:
    """The tools of a file, by name. Raises ToolsFileError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ToolsFileError(f"{source}: not TOML: {error}") from None
    top = _Table(source, "", table)
    top.only("tools")
    tools = top.table("tools")
    entries = {name: _entry(name, tools.table(name)) for name in tools.values}
    for name, entry in entries.items():
        for other in sorted(entry.tool.commutes_with):
            if other not in entries:
                raise tools.table(name).error("commutes_with", f"{other!r} is no tool of this file")
    return entries


def arguments_of(declaration: Declaration) -> dict[str, str]:
    """The arguments that templates name, each with the first template that does."""
    templates = [each for each in (*_texts(declaration.reads), *_texts(declaration.writes))]
    return {name: template for template in reversed(templates) for name in _names(template)}


def _texts(templates: Any) -> tuple[str, ...]:
    return tuple(templates)


def _names(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name is not None]


class _Table:
    """A table that knows where it stands, so that every complaint can say so."""

    def __init__(self, source: str, key: str, values: Mapping[str, Any]) -> None:
        self.source, self.key, self.values = source, key, values

    def error(self, key: str, why: str) -> ToolsFileError:
        place = ".".join(part for part in (self.key, key) if part)
        return ToolsFileError(f"{self.source}: {place}: {why}")

    def wrong(self, key: str, expected: str) -> ToolsFileError:
        return self.error(key, f"expected {expected}, not {_kind(self.values[key])}")

    def only(self, *known: str) -> None:
        for key in self.values:
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
                raise self.error(key, f"unknown key; {hint}")

    def table(self, key: str) -> _Table:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return _Table(self.source, f"{self.key}.{key}".lstrip("."), value)

    def tables(self, key: str) -> list[_Table]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, "an array of tables")
        return [_Table(self.source, f"{self.key}.{key}[{number}]", item) for number, item in enumerate(value, 1)]

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def text(self, key: str) -> str:
        value = self.values[key]
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a string that is not empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "an array of strings")
        return tuple(value)

    def count(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise self.wrong(key, "a whole number, 1 or more")
        return value

    def json(self, key: str) -> JSON:
        if (what := _not_json(self.values[key])) is not None:
            raise self.error(key, f"{what} is not JSON")
        return self.values[key]

    def patterns(self, key: str) -> tuple[str, ...]:
        """Templates of key patterns, tried with a plain value for each argument."""
        templates = self.texts(key)
        for template in templates:
            try:
                for _, name, form, conversion in Formatter().parse(template):
                    if name == "" or form or conversion:
                        raise BadFootprint(f"{template!r}: braces hold the name of an argument, and nothing else")
                Declaration(reads=[template]).footprint(dict.fromkeys(_names(template), "x"))
            except BadFootprint as error:
                raise self.error(key, str(error)) from None
            except ValueError as error:
                raise self.error(key, f"{template!r}: {error}") from None
        return templates


def _entry(name: str, table: _Table) -> Entry:
    table.only(*_TOOL_KEYS)
    declared = "reads" in table.values or "writes" in table.values
    tool = Tool(
        name,
        effects=Declaration(table.patterns("reads"), table.patterns("writes")) if declared else None,
        irreversible=table.flag("irreversible"),
        idempotent=table.flag("idempotent"),
        commutes_with=frozenset(table.texts("commutes_with")),
        concurrency=table.count("concurrency"),
    )
    cases = [_case(each) for each in table.tables("cases")]
    if "returns" in table.values or "fails" in table.values:
        cases.append(Case({}, _value(table)))
    return Entry(tool, table.text("kind") if "kind" in table.values else name, tuple(cases))


def _case(table: _Table) -> Case:
    table.only(*_CASE_KEYS)
    for key in ("when", "returns or fails"):
        if not any(part in table.values for part in key.split(" or ")):
            raise table.error("", f"a case needs {key}")
    when = table.table("when")
    return Case({name: when.json(name) for name in when.values}, _value(table))


def _value(table: _Table) -> Value:
    if "returns" in table.values and "fails" in table.values:
        raise table.error("fails", "a call returns or fails, not both")
    if "fails" in table.values:
        return ErrorValue("tool_error", table.text("fails"))
    return table.json("returns")


def _not_json(value: Any) -> str | None:
    """What of a TOML value JSON cannot hold."""
    match value:
        case dict():
            return next(filter(None, map(_not_json, value.values())), None)
        case list():
            return next(filter(None, map(_not_json, value)), None)
        case bool() | str() | int():
            return None
        case float() if math.isfinite(value):
            return None
        case _:
            return f"{_kind(value)} ({value})"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "a boolean"
        case str():
            return f"the string {value!r}" if value else "an empty string"
        case int() | float():
            return f"the number {value}"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"
