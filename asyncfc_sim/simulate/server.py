"""Who writes messages: a server takes a message to be written and calls back as its parts come out.

A message has milestones, in order: its first token, the end of each of its calls, its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .clock import Clock
from .writing import Writing

Action = Callable[[], None]


class Stream(Protocol):
    """A message on its way out. `cached_tokens` of its prompt were in the prefix cache."""

    cached_tokens: int

    def cancel(self) -> None:
        """Stop: no milestone that has not been reached will be."""


class Server(Protocol):
    """An LLM behind an endpoint."""

    def write(self, conversation: str, writing: Writing, milestones: Sequence[Action]) -> Stream:
        """Begin to write a message; each of `milestones` is called when it is reached, never before this returns."""


@dataclass(slots=True)
class _Stream:
    cached_tokens: int
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class DedicatedServer:
    """A server that each conversation has for itself: every message takes as long as the timing model says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def write(self, conversation: str, writing: Writing, milestones: Sequence[Action]) -> Stream:
        stream = _Stream(writing.prompt_tokens - writing.uncached_tokens)
        times_s = (writing.first_token_s, *writing.calls_s, writing.end_s)
        for at_s, action in zip(times_s, milestones, strict=True):
            self._clock.after(at_s, _unless_cancelled(stream, action))
        return stream


def _unless_cancelled(stream: _Stream, action: Action) -> Action:
    return lambda: None if stream.cancelled else action()
