"""What a recording says of time and tokens, by the calls of a task's programs. Other tasks have no such thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message as it was decoded. Seconds and tokens; None where it was not recorded."""

    tokens: int
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    ttft_s: float | None = None
    llm_s: float | None = None


@dataclass(frozen=True, slots=True)
class RecordedPart:
    """The `tokens` of a message that end with one of its calls, or all of an answer's. `first`: none came before.
    `text_share` of them are text, not the call; None where nothing says how many."""

    message: RecordedMessage
    tokens: int
    first: bool
    text_share: float | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """By call: how long its tool ran, what kind of work it did, what was decoded for it. By turn, from 1: its answer.

    `arrival_s` is when the session began, since the start of the records; `gaps_s` are the pauses of the user before
    each turn. `unknown_flow` counts the calls of which nothing says whose results they needed.
    """

    call_s: Mapping[int, float] = field(default_factory=dict)
    kinds: Mapping[int, str] = field(default_factory=dict)
    parts: Mapping[int, RecordedPart] = field(default_factory=dict)
    answers: Mapping[int, RecordedPart] = field(default_factory=dict)
    arrival_s: float | None = None
    gaps_s: tuple[float | None, ...] = ()
    unknown_flow: int = 0

    @property
    def begins(self) -> frozenset[int]:
        """The calls with which messages begin."""
        return frozenset(future for future, part in self.parts.items() if part.first)
