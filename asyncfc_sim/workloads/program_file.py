"""A program file (.fc) as a workload: one conversation of one turn, in a symbolic world.

What its tools do is said by a tools file (tools_file.py): the one named, or the one that stands beside the program,
`program.tools.toml` beside `program.fc`. Without one every tool reads and writes everything, and its values are made
up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from asyncfc_sim.core import references
from asyncfc_sim.core.footprint import template_arguments
from asyncfc_sim.core.syntax import Call, Program, calls_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.language.parser import parse_program

from .made_up import CallId, Contradiction, make_up, paths_into
from .symbolic import SymbolicWorld
from .tools_file import Entry, ToolsFileError, parse_tools
from .workload import Task, Turn


class ProgramFileError(ValueError):
    """A program file that cannot be used, though it may be a program: the message names the file."""


def load_program(
    path: str, tools_path: str | None = None, override: Callable[[Tool], Tool] = lambda tool: tool
) -> Task:
    """The program at `path` (`-`: standard input) as a task, with the tools of `tools_path` or of the file beside it.

    `override` has the last word on what the tools do.

    Its world is a `SymbolicWorld`, whose `made_up` names the tools of which some values are made up.

    Raises OSError, and for what is wrong in a file LanguageError, ToolsFileError or ProgramFileError.
    """
    text, source = read_text(path)
    program = parse_program(text, source)
    beside = Path(path).with_suffix(".tools.toml")
    if tools_path is None and path != "-" and beside.is_file():
        tools_path = str(beside)
    declared = {} if tools_path is None else parse_tools(*read_text(tools_path))
    calls = list(calls_in(program.body))
    entries = {call.tool: Entry(Tool(call.tool), call.tool) for call in calls} | declared
    entries = {name: replace(entry, tool=override(entry.tool)) for name, entry in entries.items()}
    _check_arguments(calls, entries, tools_path or source)
    tools = {name: entry.tool for name, entry in entries.items()}
    made_up = {(call.future, call.tool) for call in calls if not entries[call.tool].answers(call)}
    shapes = _shapes(program, entries)
    _check_shapes(shapes, made_up, source)
    return Task(
        name="stdin" if path == "-" else Path(path).stem,
        source=source,
        turns=(Turn("", program),),
        tools=tools,
        kinds={name: entry.kind for name, entry in entries.items()},
        make_world=partial(
            SymbolicWorld, tools, partial(_answer, entries, shapes), frozenset(tool for _, tool in made_up)
        ),
    )


def read_text(path: str) -> tuple[str, str]:
    """The text of a file (`-`: standard input), and its name for messages. Raises OSError or ProgramFileError."""
    name = "<stdin>" if path == "-" else path
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n"), name
    except UnicodeDecodeError as error:
        raise ProgramFileError(f"{name}: not text in UTF-8 (byte {error.start + 1})") from None


def _check_arguments(calls: list[Call], declared: Mapping[str, Entry], source: str) -> None:
    """Refuse key templates that need an argument which some call does not give: that call could never run."""
    needs = {
        name: {argument: template for template in entry.templates for argument in template_arguments(template)}
        for name, entry in declared.items()
    }
    for call in calls:
        for argument, template in needs.get(call.tool, {}).items():
            if argument not in call.args:
                raise ToolsFileError(
                    f"{source}: tools.{call.tool}: {template!r} needs the argument {argument!r}, "
                    f"which f{call.future} does not give"
                )


def _shapes(program: Program, entries: Mapping[str, Entry]) -> dict[CallId, list[references.Path]]:
    """The parts that the value of each call must have, if it is made up.

    Identical calls of a tool that only reads, or may be repeated, may be answered by one of them. So such a tool has
    one shape for all its calls, and any other a shape for each.
    """
    shapes = paths_into(program)
    shared: dict[str, list[references.Path]] = {}
    for (_, name), paths in shapes.items():
        if entries[name].shareable:
            shared.setdefault(name, []).extend(paths)
    return {call: shared.get(call[1], paths) for call, paths in shapes.items()}


def _check_shapes(shapes: Mapping[CallId, list[references.Path]], made_up: Collection[CallId], source: str) -> None:
    for future, name in sorted(made_up):
        try:
            make_up(shapes[future, name], name, "")
        except Contradiction as error:
            raise ProgramFileError(
                f"{source}: no value can be made up for f{future}, because the program takes it that {error}: "
                f"say in a tools file what {name} returns"
            ) from None


def _answer(
    entries: Mapping[str, Entry],
    shapes: Mapping[CallId, list[references.Path]],
    future: int,
    tool: str,
    args: Mapping[str, JSON],
    digest: str,
) -> Value:
    case = entries[tool].case(args)
    return make_up(shapes.get((future, tool), []), tool, digest) if case is None else case.value
