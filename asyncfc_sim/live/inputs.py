"""What is fed to a session, as rows of a journal and back: a session that is fed the same once more is the same again.

Besides the session's own events there are two of the driver's: from `Closing` on nothing is started, and with `Resumed`
another process goes on, which does what was left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import End, Fail, Finish
from asyncfc_sim.core.values import JSON, ErrorValue
from asyncfc_sim.traces.encode import error_from_json, plain, template_from_json, template_to_json


@dataclass(frozen=True, slots=True)
class Closing:
    """The run is being ended: what the session wants done from now on is not done."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run goes on in another process: what was started and not done is decided on, and done."""


Input = session.Event | Closing | Resumed


def to_row(given: Input) -> tuple[str, dict[str, JSON]]:
    """The kind and the body of an input. Raises ValueError for a value that is not JSON."""
    match given:
        case session.UserMessage(text):
            return "user", {"text": text}
        case session.CallClosed(tool_call_id, tool, args, text):
            body: dict[str, JSON] = {"id": tool_call_id, "tool": tool, "text": text}
            if isinstance(args, ErrorValue):
                return "call", {**body, "error": plain(args)}
            return "call", {**body, "args": template_to_json(dict(args))}
        case session.MessageEnd(text):
            return "message_end", {"text": text}
        case session.TimerFired((kind, number)):
            return "timer", {"timer": kind, "number": number}
        case session.Decide(future, approved):
            return "decide", {"future": future, "approved": approved}
        case Finish(future, value):
            return "finish", {"future": future, "value": plain(value)}
        case Fail(future, error):
            return "fail", {"future": future, "error": plain(error)}
        case End(future):
            return "end", {"future": future}
        case Closing():
            return "closing", {}
        case Resumed():
            return "resumed", {}


def from_row(kind: str, body: Mapping[str, Any]) -> Input:
    """The input that `to_row` writes so. Raises ValueError for a row that is none."""
    try:
        return _from_row(kind, body)
    except KeyError as missing:
        raise ValueError(f"the input {kind!r} lacks the field {missing}") from None


def _from_row(kind: str, body: Mapping[str, Any]) -> Input:
    match kind:
        case "user":
            return session.UserMessage(body["text"])
        case "call":
            args = error_from_json(body["error"]) if "error" in body else template_from_json(body["args"])
            return session.CallClosed(body["id"], body["tool"], args, body["text"])
        case "message_end":
            return session.MessageEnd(body["text"])
        case "timer":
            return session.TimerFired((body["timer"], body["number"]))
        case "decide":
            return session.Decide(body["future"], body["approved"])
        case "finish":
            return Finish(body["future"], body["value"])
        case "fail":
            return Fail(body["future"], error_from_json(body["error"]))
        case "end":
            return End(body["future"])
        case "closing":
            return Closing()
        case "resumed":
            return Resumed()
    raise ValueError(f"there is no input of the kind {kind!r}")
