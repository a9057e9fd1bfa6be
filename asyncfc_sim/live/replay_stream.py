"""A recorded message as it goes over the wire: whole, or in pieces of a few characters, each when it is due.

Where the recording says when something was complete, its last piece is due then; in between, pieces come evenly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .completion import DONE, Completion, call_begun, call_delta, call_whole, usage
from .replay import Replay, ReplayMessage

FINGERPRINT: Final = "asyncfc-replay"

# About what a token is: a few letters with the blank before them, a few digits, or one other character.
_PIECE: Final = re.compile(r"\s?[^\W\d_]{1,6}|\s?\d{1,3}|\s+|[\W\d_]", re.DOTALL)


class Piece(NamedTuple):
    """A delta of a streamed message, due so many seconds after its request."""

    due_s: float
    delta: dict[str, Any]


def pieces(message: ReplayMessage, place: str) -> list[Piece]:
    """The deltas of a message in order. `place` makes the ids of its calls unlike those of any other message."""
    deltas: list[dict[str, Any]] = []
    anchors: list[tuple[int, float]] = []  # number of a piece, and when it is due
    first: dict[str, Any] = {"role": "assistant", "content": None if message.calls and not message.text else ""}
    deltas.append(first)
    deltas += ({"content": piece} for piece in _pieces(message.text or ""))
    for index, call in enumerate(message.calls):
        deltas.append(call_begun(index, _call_id(place, index), call.tool))
        deltas += (call_delta(index, {"arguments": piece}) for piece in _pieces(call.arguments))
        if call.at_s is not None:
            anchors.append((len(deltas) - 1, call.at_s))
    # The first delta says only who speaks; the first token is the one after it.
    began = [(-1, 0.0)] if message.ttft_s is None else [(0, message.ttft_s), (1, message.ttft_s)]
    anchors = began[: len(deltas)] + anchors
    if message.end_s is not None and anchors[-1][0] != len(deltas) - 1:
        anchors.append((len(deltas) - 1, message.end_s))
    return [Piece(due_s, delta) for due_s, delta in zip(_times(anchors, len(deltas)), deltas, strict=True)]


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


def _call_id(place: str, index: int) -> str:
    return f"call_{place}_{index + 1}"


def _times(anchors: list[tuple[int, float]], count: int) -> Iterator[float]:
    """When each piece is due: evenly between anchors, never before the piece ahead of it."""
    (before, before_s), *rest = anchors
    latest_s = 0.0
    for number in range(count):
        while rest and number > rest[0][0]:
            (before, before_s), *rest = rest
        due_s = before_s
        if rest:
            after, after_s = rest[0]
            due_s += (after_s - before_s) * (number - before) / (after - before)
        latest_s = max(latest_s, due_s)
        yield latest_s


class Answer:
    """A recorded message as it is sent. `created`: the time that it bears, in seconds since 1970."""

    def __init__(self, replay: Replay, place: str, message: ReplayMessage, created: int = 0) -> None:
        self._place, self._message = place, message
        self._completion = Completion(f"chatcmpl-replay-{place}", replay.name, FINGERPRINT, created)
        self._finish_reason = "tool_calls" if message.calls else "stop"

    def events(self, *, counted: bool) -> list[tuple[float, bytes]]:
        """The events of the stream, with the time from the request at which each is due."""
        deltas = pieces(self._message, self._place)
        sent = [(due_s, self._completion.chunk(delta)) for due_s, delta in deltas]
        end_s = max(deltas[-1].due_s, self._message.end_s or 0.0)
        sent.append((end_s, self._completion.chunk({}, self._finish_reason)))
        if counted:
            sent.append((end_s, self._completion.usage_chunk(self._usage())))
        sent.append((end_s, DONE))
        return sent

    def whole(self) -> dict[str, Any]:
        """The message at once, as it is sent to a client that does not want a stream."""
        said: dict[str, Any] = {"content": self._message.text}
        if self._message.calls:
            said["tool_calls"] = [
                call_whole(_call_id(self._place, number), call.tool, call.arguments)
                for number, call in enumerate(self._message.calls)
            ]
        return self._completion.whole(said, self._finish_reason, self._usage())

    def _usage(self) -> dict[str, Any] | None:
        """Tokens as recorded; None if none were."""
        counted = self._message.usage
        if counted.prompt_tokens is None and counted.completion_tokens is None:
            return None
        return usage(counted.prompt_tokens, counted.completion_tokens, counted.cached_tokens)
