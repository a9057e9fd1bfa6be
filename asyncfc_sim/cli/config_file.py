"""The file `asyncfc.toml`: what holds for every command that is given in a folder.

[run]                           # of each verb, defaults of its options, by their names; [trace.view] of a nested one
base-url = "http://localhost:8000/v1"
max_running = 16                # - and _ are the same here

[tools.search]                  # the last word on what a tool does: see asyncfc_sim/tools/overrides.py
reads = ["web:{query}"]         # (so the verb `tools` has no defaults)

[mcp.notes]                     # what `--tools mcp:notes` names: a command or a url
command = "npx -y @some/notes-server"           # or its words: ["npx", "-y", ...]
env = {NOTES_KEY = "${NOTES_KEY}"}              # a variable of ours, so that no secret need stand here
timeout_s = 30                  # of each call; connect_timeout_s of starting it

[mcp.web]
url = "https://example.com/mcp"
headers = {Authorization = "Bearer ${TOKEN}"}
trust_hints = true              # believe what it says of its tools

Paths in it are relative to where the command is given, as on the command line.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

from asyncfc_sim.tools.overrides import Overrides, parse_overrides
from asyncfc_sim.tools.toml_table import Table

if TYPE_CHECKING:
    from asyncfc_sim.live.mcp_tools import MCPServer

TABLES: Final = ("tools", "mcp")  # those that are not of a verb
_SERVER_KEYS: Final = ("command", "url", "env", "headers", "timeout_s", "connect_timeout_s", "trust_hints")


class ConfigError(ValueError):
    """A configuration that cannot be used: the file, the table and the key, and what was expected there."""


class ConfigTable(Table):
    """A table of a configuration."""

    fault = ConfigError


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration, read. `verbs` is what it says of the options of verbs; `mcp` the arguments of MCPServers."""

    path: str = "asyncfc.toml"
    overrides: Overrides = field(default_factory=Overrides)
    mcp: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    verbs: ConfigTable = field(default_factory=lambda: ConfigTable("asyncfc.toml", "", {}))

    def mcp_server(self, spec: str, *, trust_hints: bool = False) -> MCPServer:
        """The server that `mcp:SPEC` means: one of this file by its name, a URL, or a command line.

        Raises MCPServerError for an empty one.
        """
        from asyncfc_sim.live.mcp_tools import MCPServer

        entry = dict(self.mcp.get(spec, {"target": spec}))
        if trust_hints:
            entry["trust_hints"] = True
        return MCPServer(entry.pop("target"), name=spec if spec in self.mcp else None, **entry)

    def misnamed(self, tools: Collection[str]) -> list[str]:
        """A remark for each table that names none of these tools, but is close to one: misspelt, it has no effect."""
        close = {name: get_close_matches(name, tools, n=1, cutoff=0.75) for name in self.overrides.unknown(tools)}
        return [
            f"{self.path}: tools.{name}: there is no such tool here; did you mean {found[0]}?"
            for name, found in close.items()
            if found
        ]


def read_config(path: Path) -> Config:
    """The configuration in a file; options of verbs are not looked at yet. Raises OSError or ConfigError."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    top = ConfigTable(str(path), "", values)
    servers = top.table("mcp")
    return Config(
        str(path),
        parse_overrides(top.table("tools")),
        {name: _server(servers.table(name)) for name in servers.values},
        ConfigTable(str(path), "", {name: value for name, value in values.items() if name not in TABLES}),
    )


def _server(table: ConfigTable) -> dict[str, Any]:
    """The arguments of an MCPServer."""
    table.only(*_SERVER_KEYS)
    if ("command" in table.values) == ("url" in table.values):
        raise table.error("", "expected a command or a url, and not both")
    entry: dict[str, Any] = {"target": _target(table)}
    for key in ("timeout_s", "connect_timeout_s"):
        if key in table.values:
            entry[key] = table.seconds(key)
    if "trust_hints" in table.values:
        entry["trust_hints"] = table.flag("trust_hints")
    for key, of in (("env", "command"), ("headers", "url")):
        if key in table.values:
            if of not in table.values:
                raise table.error(key, f"means nothing without {of}")
            texts = table.table(key)
            entry[key] = {name: _filled(texts, name) for name in texts.values}
    return entry


def _target(table: ConfigTable) -> str | tuple[str, ...]:
    if "url" in table.values:
        url = table.text("url")
        if not url.startswith(("http://", "https://")):
            raise table.wrong("url", "a URL, http:// or https://")
        return url
    command = table.texts("command") if isinstance(table.values["command"], list) else table.text("command")
    if not command:
        raise table.wrong("command", "a command line, or its words")
    return command


def _filled(table: ConfigTable, key: str) -> str:
    """A text, with variables of the environment filled in."""
    text = table.text(key)
    try:
        return Template(text).substitute(os.environ)
    except KeyError as missing:
        raise table.error(key, f"there is no variable {missing.args[0]} in the environment") from None
    except ValueError:
        raise table.error(key, "expected ${NAME} after a dollar sign, or $$ for one") from None
