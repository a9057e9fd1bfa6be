"""Programs over the toolbox, ready to explore: text in, `Setting` out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.random_programs import TOOLS, VALUES
from asyncfc_sim.workloads.toolbox import TOOLBOX

ALL_TOOLS = {
    **TOOLS,
    "send": Tool("send", Declaration(writes=["outbox"]), irreversible=True),
    "add": Tool("add", Declaration(writes=["n:{key}"]), commutes_with=frozenset({"add"})),
    "fetch_cached": Tool("fetch_cached", Declaration()),  # false: it writes file:cache
    "undeclared": Tool("append"),
}


def explored(text: str, *, tools: Mapping[str, Tool] = ALL_TOOLS, **options: Any) -> Setting:
    """The setting of a program; the options are those of Setting."""
    return Setting(parse_program(text), tools, partial(KeyWorld, TOOLBOX, VALUES), **options)


def appends(paths: str) -> str:
    """A program of appends, one for each letter: `aab` writes a twice, and b once."""
    return "\n".join(f'f{n} = append(path="{path}", text="{n}")' for n, path in enumerate(paths, 1))
