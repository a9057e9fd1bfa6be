"""Files of tools, written where a test needs one."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from textwrap import dedent

from asyncfc_sim.tools.tool_file import ToolFile, load_tools

_numbers = count(1)


def tools_from(folder: Path, *parts: str) -> ToolFile:
    """The tools of a file with this source, whose parts may be indented."""
    path = folder / f"tools{next(_numbers)}.py"
    lines = ["from asyncfc_sim.tools.decorator import tool", *map(dedent, parts)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_tools(path)
