"""What a model is told: of its tools, and, where it may be answered with futures, of those. Research: prior_art 4.4.

Both are part of every request from the first on and never change, so that the prefix cache holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from asyncfc_sim.core.messages import AWAIT, CANCEL
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.language.widen import widen

from .live_tool import LiveTool

FUTURES: Final = """\
Your function calls are numbered f1, f2, f3, ... in the order in which you make them, over the whole conversation \
(await_future and cancel_future have no number). A call may be answered with {"future": "$f3", "status": "pending"}: \
it is still running. Then go on with other work. Pass a pending result on as an argument by writing "$f3", or a part \
of it: "$f3.items[0].id"; inside other text write "${f3.name}". It is filled in before that function runs. Call \
await_future when you need to see the value itself: to decide something, or to answer. Never guess a pending value, \
and never repeat a pending call. Results may also arrive later, under "resolved" in the answer to another call. To \
write text that only looks like a reference, double the dollar sign: "$$f3"."""

LATE_BOUND: Final = """\
In your final answer you may write ${f3.total} for a value that is still pending: it is filled in for the reader."""

PREVIEWS: Final = """\
A long result is shown as {"future": "$f3", "preview": how it begins, "chars": how long it is}. To use all of it, pass \
"$f3" on as an argument, or a part of it."""

_IDS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": 'Futures of earlier calls, such as ["$f1", "$f2"].',
}


def instructions(policy: Policy, system: str | None) -> str:
    """The system prompt: the user's own, and then the rules of futures if the policy shows any."""
    if not policy.futures:
        return system or ""
    late_bound = LATE_BOUND if policy.late_bound else None
    previews = PREVIEWS if policy.preview_chars is not None else None
    return "\n\n".join(filter(None, (system, FUTURES, late_bound, previews)))


def tool_schemas(tools: Iterable[LiveTool], policy: Policy) -> list[dict[str, Any]]:
    """The `tools` of a request: parameters have room for references where the policy lets a model write them."""
    schemas = [
        _function(tool.core.name, tool.description, widen(tool.input_schema, "auto" if policy.references else "off"))
        for tool in tools
    ]
    if policy.futures:
        schemas += [_AWAIT, _CANCEL]
    return schemas


def _function(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


_AWAIT: Final = _function(
    AWAIT,
    "Wait for pending results and get their values. With a timeout_s, what is still pending then is named.",
    {
        "type": "object",
        "properties": {
            "ids": _IDS,
            "mode": {"type": "string", "enum": ["all", "any"], "description": "Wait for all of them (default) or any."},
            "timeout_s": {"type": "number", "description": "Wait no longer than this."},
        },
        "required": ["ids"],
        "additionalProperties": False,
    },
)
_CANCEL: Final = _function(
    CANCEL,
    "Give up pending calls. The answer says what became of each.",
    {"type": "object", "properties": {"ids": _IDS}, "required": ["ids"], "additionalProperties": False},
)
