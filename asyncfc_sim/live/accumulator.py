"""The chunks of a streamed message -> its parts, each as soon as it is complete. No I/O: chunks in, parts out.

A call is complete when its JSON object closes: sooner than an SDK would say so, which waits for the next call. If it
does not close, it ends where the arguments of the next call begin, or with the message, and is passed on as it is: the
session answers it with an error. Servers differ in how they cut calls into fragments, so a call is new if its index or
its id is, or if a name comes after the call before was complete (some give every call the same index).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from asyncfc_sim.core.values import JSON

from .braces import Braces
from .model import Began, CallPart, Ended, Part, TextPart, Usage
from .whole_text import whole

UNPARSED: Final = "calls came as plain text: the server needs a tool-call parser that fits the model"
_MARKS: Final = ("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function=")


class MixedUp(Exception):
    """A fragment belongs to a call that had to be passed on without it."""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    whole: Mapping[str, JSON] | None = None
    braces: Braces = field(default_factory=Braces)
    over: bool = False  # it was passed on
    cut: bool = False  # before it was complete

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def goes_on(self, id: str, name: str) -> bool:
        """Whether a fragment at the same index, with this id and this name, belongs to this call."""
        if id and self.id and id != self.id:
            return False
        return not name or (not self.over and (name == self.name or not self.pieces))

    def repeated_by(self, id: str, name: str, arguments: object) -> bool:
        """Whether a fragment is all of this call once more."""
        same = bool(id) and (id, name) == (self.id, self.name)
        return self.over and same and arguments is not None and arguments in (self.whole, self.text)


class Accumulator:
    """One message. `feed` it chunk by chunk, then ask for what its `end` completes. `merged`: calls may have been lost
    in the text after another call's arguments."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.merged = False
        self.calls = 0  # begun
        self._began = False
        self._texts: list[str] = []
        self._at: dict[int | None, _Call] = {}  # the last call of each index
        self._latest: _Call | None = None
        self._open: list[_Call] = []  # begun, and not passed on
        self._usage = Usage()
        self._notes: dict[str, None] = {}

    def feed(self, chunk: Mapping[str, Any]) -> list[Part]:
        """What this chunk completes. A whole message, not streamed, is one chunk. Raises MixedUp."""
        self._usage = _usage(chunk.get("usage")) or self._usage
        parts: list[Part] = []
        for choice in _objects(chunk.get("choices")):
            if choice.get("index") in (0, None):
                delta, message = choice.get("delta"), choice.get("message")
                if isinstance(delta, dict):
                    parts += self._delta(delta, _objects(delta.get("tool_calls")))
                elif isinstance(message, dict):
                    calls = _objects(message.get("tool_calls"))
                    parts += self._delta(message, [{**call, "index": n} for n, call in enumerate(calls)])
                if isinstance(reason := choice.get("finish_reason"), str):
                    self.finish_reason = reason
        return parts

    def end(self) -> list[Part]:
        """What was still open, as it is, and `Ended`."""
        parts: list[Part] = []
        for call in self._open:
            if call.text.strip():
                self._note(f"a call was not complete when its message ended (finish_reason {self.finish_reason!r:.40})")
            parts += self._pass_on(call)
        self._open.clear()
        if self.finish_reason in ("length", "content_filter"):
            self._note(f"a message was cut off by the server (finish_reason {self.finish_reason})")
        if not self.calls and any(mark in "".join(self._texts) for mark in _MARKS):
            self._note(UNPARSED)
        return [*parts, Ended(self.finish_reason, self._usage, tuple(self._notes))]

    def _note(self, note: str) -> None:
        self._notes[note] = None

    def _delta(self, delta: Mapping[str, Any], fragments: list[Mapping[str, Any]]) -> list[Part]:
        parts: list[Part] = []
        text = _text(delta.get("content")) + _text(delta.get("refusal"))
        if text:
            self._texts.append(text)
            parts.append(TextPart(text))
        for fragment in fragments:
            parts += self._fragment(fragment)
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if not self._began and (parts or fragments or thought):
            self._began = True
            parts.insert(0, Began())
        return parts

    def _fragment(self, fragment: Mapping[str, Any]) -> list[Part]:
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        index = n if isinstance(n := fragment.get("index"), int) else None
        id, name = whole(str(fragment.get("id") or "")), whole(str(function.get("name") or ""))
        arguments = function.get("arguments")
        if not isinstance(arguments, str | dict | None):
            arguments = json.dumps(arguments)
        call = self._latest if index is None else self._at.get(index)
        if call is not None and call.repeated_by(id, name, arguments):
            self._note("a call came twice under the same id: the second was ignored")
            return []
        if call is None or not call.goes_on(id, name):
            if call is not None:
                self._note("the server gives several calls the same index")
            call = self._latest = self._at[index] = _Call()
            self.calls += 1
            self._open.append(call)
        call.id = call.id or id
        call.name += name if name != call.name else ""
        return self._arguments(call, arguments)

    def _arguments(self, call: _Call, arguments: str | Mapping[str, JSON] | None) -> list[Part]:
        if arguments is None or arguments == "":
            return []
        if call.over:
            self._stray(call, arguments)
            return []
        parts: list[Part] = []
        while self._open[0] is not call:
            parts += self._cut_off(self._open.pop(0))
        if isinstance(arguments, str):
            taken = call.braces.feed(arguments)
            call.pieces.append(arguments[:taken])
            if not call.braces.closed:
                return parts
            self._stray(call, arguments[taken:])
        else:
            self._note("arguments came as objects, not as text")
            call.whole = arguments
        self._open.pop(0)
        return parts + self._pass_on(call)

    def _stray(self, call: _Call, rest: str | Mapping[str, JSON]) -> None:
        """More arguments for a call that was passed on."""
        if call.cut:
            raise MixedUp("the fragments of several calls came mixed")
        if not isinstance(rest, str) or rest.strip():
            self._note("what followed the arguments of a call was ignored")
            self.merged = self.merged or ("{" in rest and rest != call.text)

    def _cut_off(self, call: _Call) -> list[Part]:
        if call.text.strip():
            self._note("a call was not complete when the next one began")
        call.cut = True
        return self._pass_on(call)

    def _pass_on(self, call: _Call) -> list[Part]:
        call.over = True
        text = call.text
        if not call.name and not text.strip() and call.whole is None:
            self._note("a call without a name and arguments was ignored")
            return []
        return [CallPart(call.id, call.name, call.whole if call.whole is not None else self._object(call, text))]

    def _object(self, call: _Call, text: str) -> str:
        """The text of the arguments. None at all means `{}`; a string that holds an object's text is opened."""
        if not text.strip():
            self._note("a call came without arguments: they are taken as {}")
            return "{}"
        if call.braces.closed and call.braces.opening == '"':
            try:
                inner = json.loads(text)
            except ValueError:
                return text
            if isinstance(inner, str) and inner.lstrip().startswith("{"):
                self._note("arguments came as a string that holds an object")
                return inner
        return text


def _objects(value: object) -> list[Mapping[str, Any]]:  # read from JSON, so dicts: asking for a Mapping takes longer
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(content: object) -> str:
    """Text, or the texts of a list of parts."""
    if isinstance(content, list):
        return "".join(whole(str(part.get("text") or "")) for part in _objects(content))
    return whole(content) if isinstance(content, str) else ""


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), _count(cached))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
