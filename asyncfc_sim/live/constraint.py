"""What goes along with a request to hold the model to a grammar of its tools (vLLM's `structured_outputs`).

The grammar is another one for each message: which futures there are changes with every call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from asyncfc_sim.core.messages import AWAIT, CANCEL
from asyncfc_sim.language.constrained import Held, tool_grammar

_PROTOCOL = (AWAIT, CANCEL)


def constraint(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], held: Held | None = None
) -> dict[str, Any]:
    """Members of the request with this transcript and these tools; none if there are no tools to call.

    `held` says what the messages may be, but for what the request itself says: whether there are futures, and how the
    next call is numbered. Raises SchemaError.
    """
    schemas = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in tools}
    if not schemas.keys() - set(_PROTOCOL):
        return {}
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    numbered = sum(call["function"]["name"] not in _PROTOCOL for call in calls)
    held = replace(held or Held(tokens=True), futures=AWAIT in schemas, first=numbered + 1)
    return {"structured_outputs": {"grammar": tool_grammar(schemas, held).text}}
