"""What a doctor asks a model, and which tools it offers: one small tool and questions about it, or somebody's own.

A model that was trained for a few tools calls no others: what its server makes of calls shows only with those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncfc_sim.core.policy import SYNC
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.tools.function_tool import FunctionTool

from .prompt import tool_schemas

TOOL: Final = "add_numbers"


@dataclass(frozen=True, slots=True)
class Probe:
    """A tool that is offered, and never run."""

    core: Tool
    description: str
    input_schema: Mapping[str, Any]

    async def run(self, args: Mapping[str, JSON]) -> Value:
        raise AssertionError("a probe is never run")


@dataclass(frozen=True, slots=True)
class Exam:
    """The questions: one that wants a call, one that could do without, one that wants two, and one that goes on from
    the pending result of `first` (a tool, and its arguments; None for the calls that were heard)."""

    tools: Sequence[Probe]
    call: str
    unforced: str
    several: str
    pending: str
    first: tuple[str, str] | None
    what: str  # is offered, in words

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The `tools` of a request, as they are."""
        return tool_schemas(self.tools, SYNC)

    @property
    def names(self) -> set[str]:
        return {tool.core.name for tool in self.tools}


_NUMBERS: Final = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
SMALL: Final = Exam(
    tools=(Probe(Tool(TOOL), "Add two numbers.", _NUMBERS),),
    call=f"What is 19 + 23? Use {TOOL}.",
    unforced="What is 19 + 23?",
    several=f"Work out 19 + 23 and 44 + 55. Make both calls of {TOOL} at once, in one message.",
    pending=f"Add 19 and 23, then add 10 to the sum. Use {TOOL} for both, and tell me the result.",
    first=(TOOL, '{"a": 19, "b": 23}'),
    what="one small tool",
)


def own(tools: Iterable[FunctionTool], prompt: str) -> Exam:
    """With somebody's own tools, and a prompt that makes the model call some of them."""
    probes = tuple(Probe(tool.core, tool.description, tool.input_schema) for tool in tools)
    what = "your tool" if len(probes) == 1 else f"your {len(probes)} tools"
    return Exam(probes, prompt, prompt, prompt, prompt, None, what)
