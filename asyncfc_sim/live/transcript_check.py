"""What must hold of the messages before every request: servers refuse anything else, or lose their prefix cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class BrokenTranscript(Exception):
    """The transcript breaks the chat protocol: a bug in this package, found before a server could complain."""


class TranscriptCheck:
    """Checks one conversation, request by request: each call answered exactly once, in order, right after its message;
    nothing said before ever changes, unless `rewrites` allows it."""

    def __init__(self, *, rewrites: bool = False) -> None:
        self._rewrites = rewrites
        self._sent: list[Mapping[str, Any]] = []
        self.rewritten: list[int] = []  # where it was changed, request by request

    def __call__(self, transcript: Sequence[Mapping[str, Any]]) -> None:
        """Raises BrokenTranscript."""
        known, now = self._sent, list(transcript[: len(self._sent)])
        if now != known:
            first = next(at for at, message in enumerate(known) if at >= len(now) or now[at] != message)
            if not self._rewrites:
                raise BrokenTranscript(f"message {first + 1} was changed after it had been sent")
            self.rewritten.append(first)
        check_answers(transcript)
        self._sent = list(transcript)


def check_answers(transcript: Sequence[Mapping[str, Any]]) -> None:
    """Each call is answered exactly once, in order, before anything else is said. Raises BrokenTranscript."""
    due: list[str] = []
    seen: set[str] = set()
    for number, message in enumerate(transcript, 1):
        if message["role"] == "tool":
            if not due or due[0] != message["tool_call_id"]:
                raise BrokenTranscript(f"message {number} answers {message['tool_call_id']!r}, which is not due")
            due.pop(0)
            continue
        if due:
            raise BrokenTranscript(f"message {number} comes before {due[0]!r} was answered")
        due = [call["id"] for call in message.get("tool_calls", ())]
        if len(seen | {*due}) != len(seen) + len(due):
            raise BrokenTranscript(f"message {number} uses the id of a call twice")
        seen.update(due)
    if due:
        raise BrokenTranscript(f"{due[0]!r} is not answered")
