"""What a request for a message asks: read from its JSON, and refused by name where it cannot be had."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from asyncfc_sim.live.http_server import Refused, transcript_of, wants_usage
from asyncfc_sim.live.whole_text import whole_in

from .sampling import Sampling

# Each with the values that ask for nothing: any other changes what an answer is, and is not to be ignored.
_UNSUPPORTED: Final[dict[str, tuple[Any, ...]]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "response_format": ({"type": "text"},),
}
_MOST_STOPS: Final = 4


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`messages` and `tools` are as a chat template expects them. `must_call`: a call has to come, of the tool `only`
    if one is named. `limit` is the most tokens of the answer; None: the server's own limit."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    must_call: bool
    only: str | None
    one_call: bool
    stream: bool
    usage: bool
    limit: int | None
    sampling: Sampling
    stop: tuple[str, ...]


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """Raises Refused for what is not of the form that it must have, or is not done here."""
    body = whole_in(body)
    for name, ignored in _UNSUPPORTED.items():
        if body.get(name) is not None and body[name] not in ignored:
            raise _bad(f"`{name}` is not supported here")
    tools, must_call, only = _choice(body.get("tool_choice"), _tools(body.get("tools")))
    limits = [_number(body, name, 1, math.inf, whole=True) for name in ("max_completion_tokens", "max_tokens")]
    limit = next((limit for limit in limits if limit is not None), None)
    return ChatRequest(
        messages=[_message(message, number) for number, message in enumerate(transcript_of(body))],
        tools=tools,
        must_call=must_call,
        only=only,
        one_call=body.get("parallel_tool_calls") is False,
        stream=bool(body.get("stream")),
        usage=wants_usage(body),
        limit=None if limit is None else int(limit),
        sampling=_sampling(body),
        stop=_stop(body.get("stop")),
    )


def _bad(reason: str) -> Refused:
    return Refused(400, "invalid_request", reason)


def _sampling(body: Mapping[str, Any]) -> Sampling:
    temperature = _number(body, "temperature", 0, 2)
    top_p = _number(body, "top_p", 0, 1)
    seed = _number(body, "seed", -math.inf, math.inf, whole=True)
    return Sampling(
        0.0 if temperature is None else temperature,
        1.0 if top_p is None else top_p,
        None if seed is None else int(seed) % 2**64,  # a generator takes no negative ones
    )


def _number(body: Mapping[str, Any], name: str, least: float, most: float, *, whole: bool = False) -> float | None:
    value: float | None = body.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    if not is_number or (whole and not isinstance(value, int)):
        kind = "a whole number" if whole else "a number"
        to = "" if most == math.inf else f" to {most:g}"
        raise _bad(f"`{name}` must be {kind}{f' from {least:g}{to}' if least > -math.inf else ''}")
    return value


def _stop(value: Any) -> tuple[str, ...]:
    marks = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(marks, list) or len(marks) > _MOST_STOPS or not all(isinstance(m, str) and m for m in marks):
        raise _bad(f"`stop` must be a text, or a list of up to {_MOST_STOPS} texts")
    return tuple(marks)


def _tools(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _bad("`tools` must be a list")
    return [_tool(tool, number) for number, tool in enumerate(value)]


def _tool(tool: Any, number: int) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise _bad(f"`tools[{number}]` must have a `function` with a `name`")
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(parameters, dict):
        raise _bad(f"`tools[{number}].function.parameters` must be a schema")
    return {**tool, "function": {**function, "parameters": parameters}}


def _choice(value: Any, tools: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool, str | None]:
    """The tools that the model is told of, whether it has to call one, and which one."""
    match value:
        case None | "auto":
            return tools, False, None
        case "none":
            return [], False, None
        case "required" if tools:
            return tools, True, None
        case {"type": "function", "function": {"name": str(name)}} if any(t["function"]["name"] == name for t in tools):
            return tools, True, name
        case _:
            raise _bad("`tool_choice` must be none, auto, required (if there are tools) or a function of `tools`")


def _message(message: Mapping[str, Any], number: int) -> dict[str, Any]:
    at = f"messages[{number}]"
    content = _content(message.get("content"), at)
    match message.get("role"):
        case "system" | "developer":
            return {"role": "system", "content": content}
        case "user":
            return {"role": "user", "content": content}
        case "tool":
            return {"role": "tool", "content": content, "tool_call_id": str(message.get("tool_call_id", ""))}
        case "assistant":
            calls = message.get("tool_calls") or []
            if not isinstance(calls, list):
                raise _bad(f"`{at}.tool_calls` must be a list")
            said: dict[str, Any] = {"role": "assistant", "content": content}
            if calls:
                said["tool_calls"] = [_call(call, f"{at}.tool_calls[{each}]") for each, call in enumerate(calls)]
            return said
        case role:
            raise _bad(f"`{at}.role` is {role!r:.40}; expected system, user, assistant or tool")


def _content(value: Any, at: str) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            texts = [part.get("text") if isinstance(part, dict) else None for part in value]
            if all(isinstance(text, str) for text in texts):
                return "\n".join(map(str, texts))
    raise _bad(f"`{at}.content` must be a text, or a list of parts that are text")


def _call(call: Any, at: str) -> dict[str, Any]:
    """A call of an earlier message. Templates write arguments as JSON themselves, so they are given the object."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _bad(f"`{at}` must have a `function` with a `name`")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            parsed = json.loads(arguments)
        except (ValueError, RecursionError):
            parsed = None
        arguments = parsed if isinstance(parsed, dict) else arguments
    name = {"name": function["name"], "arguments": {} if arguments is None else arguments}
    return {"id": str(call.get("id", "")), "type": "function", "function": name}
