"""What a timeline is made of: spans of the decoder, spans of the calls, arrows between them. Times are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asyncfc_sim.core.values import JSON

from .intervals import Interval

DecodeKind = Literal["prefill", "decode", "wait"]
Status = Literal[
    "ok",  # the tool returned
    "failed",  # the tool raised
    "poisoned",  # resolved to an error without having run: an argument failed, held back, refused
    "cancelled",
    "timeout",
    "cut",  # issued after a call whose failure cut the transcript back (strict): it never was
    "open",  # not resolved when the trace ends
]


@dataclass(frozen=True, slots=True)
class DecodeSpan:
    """The decoder reads its prompt (prefill), writes message `turn` (decode), or waits after that message."""

    kind: DecodeKind
    turn: int
    start_s: float
    end_s: float
    tokens: float | None = None  # of the prompt for prefill, of the message for decode; None if not known


@dataclass(frozen=True, slots=True)
class CallSpan:
    """The life of a future: queued from `issued_s` to `started_s`, running to `ended_s`, resolved at `settled_s`.

    A call that was given up is resolved before its tool is known to have ended; one that never ran has no start.
    """

    future: int
    tool: str
    text: str  # as in the language: search(query="Berlin")
    status: Status
    issued_s: float
    started_s: float | None
    settled_s: float | None
    ended_s: float
    lane: int
    message: int | None = None
    outcome: JSON = None  # the value or the error
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def running(self) -> Interval | None:
        """When the tool ran."""
        return None if self.started_s is None else (self.started_s, self.ended_s)


@dataclass(frozen=True, slots=True)
class Arrow:
    """The value (or error) of future `source` goes to the call `target`, or, without one, to the decoder.

    It leaves when `source` is resolved and arrives when the target starts, is resolved without running, or is handed
    the value.
    """

    kind: Literal["data", "touch", "deliver"]
    source: int
    target: int | None
    leaves_s: float
    arrives_s: float
