"""What the model is shown: the contents of tool messages, as JSON text. Research: prior_art.md section 4.

Say only what to act on: a longer placeholder made models call the tool again, or invent the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .references import Ref, Template, Text, format_string, parse_string, template_to_json
from .values import JSON, ErrorValue, Value, bind

AWAIT = "await_future"
CANCEL = "cancel_future"


def shown(value: Value) -> JSON:
    """A value as JSON: errors become `{"error": {...}}`."""
    return value.to_json() if isinstance(value, ErrorValue) else value


def result(value: Value) -> str:
    """The content of a tool message that answers a call with its value."""
    return _text(shown(value))


def unmistakable(value: Value) -> str:
    """`result` for a model that knows the words of the protocol: a value that reads like them goes under `result`."""
    ours = isinstance(value, dict) and ("resolved" in value or ("future" in value and value.get("status") == "pending"))
    return _text({"result": value}) if ours else result(value)


def preview(future: int, value: Value, chars: int | None) -> Value:
    """A value as the model is shown it: of a long one only how it begins, since its future stands for all of it."""
    if chars is None or isinstance(value, ErrorValue):
        return value
    text = value if isinstance(value, str) else _text(value)
    return value if len(text) <= chars else {"future": f"$f{future}", "preview": text[:chars], "chars": len(text)}


def placeholder(future: int) -> str:
    """The content of a tool message that answers a call with its future."""
    return f'{{"future": "$f{future}", "status": "pending"}}'


def awaited(values: Mapping[int, Value], pending: list[int]) -> str:
    """The answer to `await_future`: values by future, and those still pending (after a time-out, or `any`)."""
    answer: dict[str, JSON] = {"resolved": _by_name(values)}
    if pending:
        answer["pending"] = [f"$f{future}" for future in pending]
    return _text(answer)


def cancelled(settled: Mapping[int, Value]) -> str:
    """The answer to `cancel_future`: what became of each call."""
    return _text({"calls": _by_name(settled)})


def with_resolved(content: str, values: Mapping[int, Value], *, ours: bool) -> str:
    """`content` with resolved values riding along, sorted by future (delivery `when_idle`).

    `ours` says that the content is one of the protocol's answers. A tool's result goes under `result`: it may itself
    have a member named `resolved`, and only who wrote the content can tell.
    """
    inner = json.loads(content)
    answer: dict[str, JSON] = inner if ours else {"result": inner}
    resolved = {**answer.get("resolved", {}), **_by_name(values)}
    answer["resolved"] = dict(sorted(resolved.items(), key=lambda item: int(item[0][2:])))
    return _text(answer)


def late_bound(template: Template, values: Mapping[int, Value]) -> tuple[str | ErrorValue, set[int]]:
    """A final answer with its references filled in, and the futures it names; an error if one cannot be.

    What names no known future stays as it is: to the model it may have been text. Escapes are undone.
    """
    if isinstance(template, Ref) and template.future not in values:
        return str(template), set()
    parts = template.parts if isinstance(template, Text) else (template,)
    used = {part.future for part in parts if isinstance(part, Ref) and part.future in values}
    known = (part if isinstance(part, str) or part.future in used else format_string(Text((part,))) for part in parts)
    filled = bind(Text(tuple(known)), values)
    assert isinstance(filled, str | ErrorValue)
    return filled, used


def named(tool: str, args: Mapping[str, Template], known: Callable[[int], int]) -> dict[int, int] | ErrorValue:
    """What an await or a cancel names: each number, in order, with the future that it stands for; or what is wrong with
    it. `known` maps a number to its future, or to 0.

    In `ids`, text that looks like a reference can only be meant as one, escaped or not.
    """
    given = args.get("ids", [])
    futures: dict[int, int] = {}
    for item in given if isinstance(given, list) else [given]:
        ref = parse_string(item) if isinstance(item, str) else item
        future = known(ref.future) if isinstance(ref, Ref) else 0
        if not future:
            written = arguments({"ids": given})
            reason = f'{tool} takes the futures of earlier calls, such as {{"ids": ["$f1"]}}, not {written}'
            return ErrorValue("invalid_reference", reason)
        futures[ref.future] = future
    if not futures:
        return ErrorValue("invalid_argument", f'{tool} needs the futures of earlier calls, such as {{"ids": ["$f1"]}}')
    return dict(sorted(futures.items()))


def tool_message(tool_call_id: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": tool_call_id, "content": content}


def assistant_message(text: str | None, calls: list[tuple[str, str, str]]) -> dict[str, Any]:
    """An assistant message; `calls` are (tool_call_id, tool, arguments as JSON text)."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": tool_call_id, "type": "function", "function": {"name": tool, "arguments": arguments}}
            for tool_call_id, tool, arguments in calls
        ]
    return message


def arguments(args: Mapping[str, Template]) -> str:
    """A call's arguments as the JSON text of the wire: references are strings, text that looks like one is escaped."""
    return _text(template_to_json(dict(args)))


def _by_name(values: Mapping[int, Value]) -> dict[str, JSON]:
    return {f"$f{future}": shown(values[future]) for future in sorted(values)}


# json.dumps makes a new encoder at every call that has options, which takes longer than encoding a short answer.
_text: Callable[[JSON], str] = json.JSONEncoder(ensure_ascii=False).encode
