"""The tools of the toolbox, declared truly: what each reads and writes, as its author should have said.

Litmus tests declare the same tools falsely where that is their point. `now` has no declaration, which is true of any
tool: it may touch everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.tool import Tool

from .toolbox import CACHE, OUTBOX

TOOLS: Final[Mapping[str, Tool]] = {
    tool.name: tool
    for tool in (
        Tool("read", Declaration(reads=["file:{path}"])),
        Tool("write", Declaration(writes=["file:{path}"])),
        Tool("append", Declaration(writes=["file:{path}"])),
        Tool("create", Declaration(writes=["file:{path}"])),
        Tool("delete", Declaration(writes=["file:{path}"])),
        Tool("copy", Declaration(reads=["file:{src}"], writes=["file:{dst}"])),
        Tool("rename", Declaration(writes=["file:{src}", "file:{dst}"])),
        Tool("ls", Declaration(reads=["file:{dir}/*"])),
        Tool("write2_fail", Declaration(writes=["file:{a}", "file:{b}"])),
        Tool("incr", Declaration(writes=["n:{key}"])),
        Tool("add", Declaration(writes=["n:{key}"]), commutes_with=frozenset({"add"})),
        Tool("send", Declaration(writes=[OUTBOX]), irreversible=True),
        Tool("fail", Declaration()),
        Tool("get", Declaration(reads=["obj:{id}"])),
        Tool("now"),
        Tool("fetch_cached", Declaration(writes=[CACHE])),
        Tool("pure", Declaration()),
    )
}
