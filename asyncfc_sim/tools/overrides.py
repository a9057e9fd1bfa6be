"""What a TOML file says of tools: the same words as `@tool`, for tools that cannot be decorated, or are mistaken.

[tools.search]                  # a tool by the name that the model calls it by
reads = ["web:{query}"]         # key patterns, with arguments in braces
writes = []
irreversible = false            # starts only after every earlier call has succeeded
idempotent = true               # may be repeated
commutes_with = []              # tools whose calls may run before or after, though not during, one of this tool
concurrency = 4                 # calls under way at once, at most
timeout_s = 30                  # seconds after its start at which a call is given up
approval = false                # a person is asked before a call runs

What a table leaves out stays as the tool has it. A table that has only one of reads and writes leaves the other as
declared; if nothing was declared, the tool is taken to do nothing of the other kind, as with `@tool`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from asyncfc_sim.core.footprint import Declaration, template_arguments
from asyncfc_sim.core.tool import Tool

from .errors import ToolError
from .toml_table import Table

TOOL_KEYS: Final = (
    *("reads", "writes", "irreversible", "idempotent", "commutes_with", "concurrency", "timeout_s", "approval"),
)


@dataclass(frozen=True, slots=True)
class Override:
    """What one table says: fields of a Tool, and templates of its effects where it has any."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[str, ...] | None = None
    writes: tuple[str, ...] | None = None

    def __call__(self, tool: Tool) -> Tool:
        changes = dict(self.fields)
        if self.reads is not None or self.writes is not None:
            changes["effects"] = self._effects(tool.effects or Declaration())
        return replace(tool, **changes)

    def _effects(self, declared: Declaration) -> Declaration:
        """Only templates here, which bound themselves."""
        changes: dict[str, Any] = {}
        if self.reads is not None:
            changes |= {"reads": self.reads, "bound_reads": None}
        if self.writes is not None:
            changes |= {"writes": self.writes, "bound_writes": None}
        return replace(declared, **changes)


def override_of(table: Table) -> Override:
    """What a table says of a tool; keys that are not in TOOL_KEYS are the caller's. Raises the table's error."""
    given = table.values
    fields: dict[str, Any] = {
        key: table.flag(key) for key in ("irreversible", "idempotent", "approval") if key in given
    }
    if "commutes_with" in given:
        fields["commutes_with"] = frozenset(table.texts("commutes_with"))
    if "concurrency" in given:
        fields["concurrency"] = table.count("concurrency")
    if "timeout_s" in given:
        fields["timeout_s"] = table.seconds("timeout_s")
    return Override(
        fields,
        table.patterns("reads") if "reads" in given else None,
        table.patterns("writes") if "writes" in given else None,
    )


@dataclass(frozen=True, slots=True)
class Overrides:
    """The last word on what tools do, by name; tools that no table names stay as they are."""

    by_name: Mapping[str, Override] = field(default_factory=dict)

    def __call__(self, tool: Tool) -> Tool:
        override = self.by_name.get(tool.name)
        return tool if override is None else override(tool)

    def unknown(self, names: Collection[str]) -> list[str]:
        """The tables that name none of these tools: misspelt, perhaps."""
        return sorted(self.by_name.keys() - set(names))


def parse_overrides(tables: Table) -> Overrides:
    """The overrides of the table `tools` of a file. Raises the table's error."""
    by_name = {}
    for name in tables.values:
        table = tables.table(name)
        table.only(*TOOL_KEYS)
        by_name[name] = override_of(table)
    return Overrides(by_name)


def check_templates(tool: Tool, parameters: Iterable[str]) -> None:
    """Each template of the tool's effects names parameters that it has. Raises ToolError."""
    known = list(parameters)
    for key, templates in (("reads", tool.effects.reads), ("writes", tool.effects.writes)) if tool.effects else ():
        for template in () if callable(templates) else templates:
            for name in template_arguments(template):
                if name not in known:
                    names = ", ".join(known) or "none"
                    raise ToolError(tool.name, f"{key}: {template!r} names {name!r}; its parameters are: {names}")
