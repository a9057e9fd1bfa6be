"""Tools files (TOML): what the tools of a program do to which keys, and what they return.

[tools.search]                  # a tool that has no table is undeclared: it reads and writes everything
reads = ["web:{query}"]         # key patterns, with arguments in braces; so does one with neither reads nor writes
writes = []
irreversible = false            # starts only after every earlier call has succeeded
idempotent = true               # may be repeated
commutes_with = []              # tools whose calls may run before or after, though not during, one of this tool
concurrency = 4                 # calls under way at once, at most
timeout_s = 30                  # seconds after its start at which a call is given up; without it, never
approval = false                # a person is asked before a call runs
kind = "web_search"             # the name under which durations are looked up; otherwise the tool's own
returns = {items = [{population = 3700000}]}    # or fails = "message"; otherwise values are made up

[[tools.search.cases]]          # the first case whose arguments are those of the call; before returns and fails
when = {query = "population of Paris"}
returns = {items = [{population = 2100000}]}    # or fails = "message"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.syntax import Call, refs_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value, same_json
from asyncfc_sim.tools.overrides import TOOL_KEYS, override_of
from asyncfc_sim.tools.toml_table import Table, ToolsFileError

__all__ = ["Case", "Entry", "ToolsFileError", "parse_entry", "parse_tools"]

_ENTRY_KEYS: Final = ("kind", "returns", "fails", "cases")
_CASE_KEYS: Final = ("when", "returns", "fails")


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
    def templates(self) -> tuple[str, ...]:
        """All templates of key patterns."""
        declared = self.tool.effects or Declaration()
        return tuple(text for texts in (declared.reads, declared.writes) if not callable(texts) for text in texts)

    @property
    def shareable(self) -> bool:
        """Whether identical calls, while pending, may be answered by one of them (core/duplicates.py)."""
        return self.tool.idempotent or (self.tool.effects is not None and not self.tool.effects.writes)

    def answers(self, call: Call) -> bool:
        """Whether it is certain, before any argument is bound, that some case fits this call."""
        known = {name: template for name, template in call.args.items() if not any(refs_in(template))}
        return self.case(known) is not None

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
    top = Table(source, "", table)
    top.only("tools")
    tools = top.table("tools")
    entries = {name: parse_entry(name, tools.table(name)) for name in tools.values}
    for name, entry in entries.items():
        for other in sorted(entry.tool.commutes_with):
            if other not in entries:
                raise tools.table(name).error("commutes_with", f"{other!r} is no tool of this file")
    return entries


def parse_entry(name: str, table: Table) -> Entry:
    """One tool, described by the table `tools.NAME`."""
    table.only(*TOOL_KEYS, *_ENTRY_KEYS)
    cases = [_case(each) for each in table.tables("cases")]
    if "returns" in table.values or "fails" in table.values:
        cases.append(Case({}, _value(table)))
    kind = table.text("kind") if "kind" in table.values else name
    return Entry(override_of(table)(Tool(name)), kind, tuple(cases))


def _case(table: Table) -> Case:
    table.only(*_CASE_KEYS)
    for key in ("when", "returns or fails"):
        if not any(part in table.values for part in key.split(" or ")):
            raise table.error("", f"a case needs {key}")
    when = table.table("when")
    return Case({name: when.json(name) for name in when.values}, _value(table))


def _value(table: Table) -> Value:
    if "returns" in table.values and "fails" in table.values:
        raise table.error("fails", "a call returns or fails, not both")
    if "fails" in table.values:
        return ErrorValue("tool_error", table.text("fails"))
    return table.json("returns")
