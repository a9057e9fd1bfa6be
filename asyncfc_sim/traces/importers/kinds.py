"""The tools of coding agents by the kind of work they do (models/tools/kinds.toml), and whether they may write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.sessions import Effect

from .shell import line_effect, line_kind, script_of

# The name of a tool, in lower case and without "_" and "-": its kind, and its effect (None: nothing is known of it).
_TOOLS: Final[Mapping[str, tuple[str, Effect | None]]] = {
    **dict.fromkeys(("read", "readfile", "view", "viewimage", "notebookread"), ("read", "read")),
    **dict.fromkeys(("grep", "searchfiles", "grepfiles"), ("grep", "read")),
    **dict.fromkeys(("glob", "ls", "listdir", "listfiles"), ("glob", "read")),
    **dict.fromkeys(("edit", "multiedit", "notebookedit", "applypatch", "strreplace"), ("edit", "write")),
    **dict.fromkeys(("write", "writefile"), ("write", "write")),
    **dict.fromkeys(("todowrite", "updateplan"), ("todo_write", "write")),
    **dict.fromkeys(("webfetch", "openurl"), ("web_fetch", "read")),
    **dict.fromkeys(("websearch", "searchweb"), ("web_search", "read")),
    **dict.fromkeys(("task", "agent", "spawnagent"), ("sub_agent", None)),
}
_SHELLS: Final = frozenset({"bash", "shell", "execcommand", "localshell", "shellcommand", "runterminalcmd", "terminal"})


def kind_of(tool: str, args: Mapping[str, JSON] | None = None) -> str | None:
    """The kind of a call; None for a tool that is not known.

    A shell whose command was not recorded has none either: its kinds differ by a factor of 100 in duration.
    """
    name = _plain(tool)
    if name not in _SHELLS:
        return _TOOLS[name][0] if name in _TOOLS else None
    line = command_line(args)
    return None if line is None else line_kind(line)


def effect_of(tool: str, args: Mapping[str, JSON] | None = None) -> Effect | None:
    """Whether a call only reads or may write; None where nothing is known of it."""
    name = _plain(tool)
    if name not in _SHELLS:
        return _TOOLS[name][1] if name in _TOOLS else None
    line = command_line(args)
    return None if line is None else line_effect(line)


def command_line(args: Mapping[str, JSON] | None) -> str | None:
    """What a shell was told to run: `command` or `cmd`, a text or the list of its words."""
    args = args or {}
    command: Any = args.get("command", args.get("cmd"))
    match command:
        case str():
            return command
        case list() if all(isinstance(word, str) for word in command):
            return script_of(command)
    return None


def _plain(tool: str) -> str:
    return tool.casefold().rpartition(".")[2].replace("_", "").replace("-", "")
