"""Answers as OpenAI's chat completions write them: what our own endpoints send, in pieces or whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer; this is what each of its chunks bears. `created`: seconds since 1970."""

    id: str
    model: str
    fingerprint: str
    created: int

    def chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        """An event of the stream."""
        return self._event([{"index": 0, "delta": delta, "finish_reason": finish_reason}])

    def usage_chunk(self, usage: Mapping[str, Any] | None) -> bytes:
        """The event that brings the tokens counted, and nothing else."""
        return self._event([], usage=usage)

    def whole(self, message: Mapping[str, Any], finish_reason: str, usage: Mapping[str, Any] | None) -> dict[str, Any]:
        """The answer at once, for a client that does not want a stream."""
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
        return {**self._identity("chat.completion"), "choices": [choice], "usage": usage}

    def _event(self, choices: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
        chunk = {**self._identity("chat.completion.chunk"), "choices": choices, **more}
        return b"data: %b\n\n" % json.dumps(chunk, ensure_ascii=False).encode(errors="replace")

    def _identity(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }


def call_delta(index: int, function: Mapping[str, str], **identity: str) -> dict[str, Any]:
    """A piece of the call number `index`: first its name, with its identity, then its arguments bit by bit."""
    return {"tool_calls": [{"index": index, **identity, "function": function}]}


def call_begun(index: int, id: str, name: str) -> dict[str, Any]:
    """The first piece of a call."""
    return call_delta(index, {"name": name, "arguments": ""}, id=id, type="function")


def call_whole(id: str, name: str, arguments: str) -> dict[str, Any]:
    """A call of a message that is not streamed."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def usage(prompt: int | None, completion: int | None, cached: int | None) -> dict[str, Any]:
    """Tokens; None are not known. `cached`: those of the prompt that were not read anew."""
    total = None if prompt is None or completion is None else prompt + completion
    counted: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    if cached is not None:
        counted["prompt_tokens_details"] = {"cached_tokens": cached}
    return counted
