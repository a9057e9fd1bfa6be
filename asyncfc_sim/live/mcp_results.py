"""What an MCP tool returned, as a value.

Structured content is the value, where there is some. Text stays text, also if it looks like JSON: nobody has said that
it is, a note whose text is `[1]` would change its type with what it says, and a model that passes the result on must
be able to rely on it. A server that means JSON says so with structured content.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from asyncfc_sim.core.values import JSON, Effects, ErrorValue, Value
from asyncfc_sim.tools.to_json import NotJson, to_json

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock


def value_of(tool: str, result: CallToolResult, effects: Effects) -> Value:
    """The value of a call; if it failed, an error with what the tool says, and what is known of its `effects`."""
    parts = [_part(block) for block in result.content]
    if result.is_error:
        said = "\n".join(part for part in parts if isinstance(part, str))
        return ErrorValue("tool_error", f"{tool}: {said or 'it failed, and said nothing'}", effects=effects)
    if result.structured_content is not None:
        try:
            return to_json(result.structured_content)
        except NotJson as error:  # NaN, say: parsers let it pass
            return ErrorValue("tool_error", f"{tool}: its result is no JSON: {error}", effects=effects)
    match parts:
        case []:
            return None
        case [part]:
            return part
    return parts


def _part(block: ContentBlock) -> JSON:
    """Text as it is; of anything else, what it is. A model gets no picture out of its bytes written as text."""
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return {"type": block.type, "mime_type": block.mime_type, "bytes": _size(block.data)}
        case "resource_link":
            link = {"type": "resource_link", "uri": str(block.uri), "name": block.name, "mime_type": block.mime_type}
            return {name: value for name, value in link.items() if value is not None}
    resource = block.resource
    found = {"type": "resource", "uri": str(resource.uri), "mime_type": resource.mime_type}
    text = getattr(resource, "text", None)
    return {**found, **({"text": text} if text is not None else {"bytes": _size(getattr(resource, "blob", ""))})}


def _size(data: str) -> int | None:
    try:
        return len(b64decode(data))
    except ValueError:
        return None
