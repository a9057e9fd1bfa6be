"""What the executor asks of a served model: one method, which streams a message as parts.

Whichever server, SDK or recording is behind it, a message arrives as `Began`, then `TextPart`s and `CallPart`s in the
order in which they are complete, then one `Ended`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from asyncfc_sim.core.values import JSON


@dataclass(frozen=True, slots=True)
class Began:
    """The first token is there."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """More text of the message."""

    text: str


@dataclass(frozen=True, slots=True)
class CallPart:
    """A call is complete. `arguments` as the model wrote them: JSON text, or from some servers the object itself.

    `tool_call_id` is the server's; empty where it gave none.
    """

    tool_call_id: str
    tool: str
    arguments: str | Mapping[str, JSON] | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, as the server counts them; `cached_tokens` of the prompt came from its prefix cache."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None

    def fields(self) -> dict[str, int]:
        """Those that are known, under the names that a trace gives them."""
        known = {"tokens": self.completion_tokens}
        known |= {"prompt_tokens": self.prompt_tokens, "cached_tokens": self.cached_tokens}
        return {name: count for name, count in known.items() if count is not None}

    def plus(self, other: Usage) -> Usage:
        """Both together; what neither knows stays unknown."""
        return Usage(
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
        )


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)


@dataclass(frozen=True, slots=True)
class Ended:
    """The message is over. `notes` say what was odd about its stream, and was put right."""

    finish_reason: str | None = None
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()


REPLAY_NOTE: Final = "a replay answered, no model"  # how a note begins that says so

Part = Began | TextPart | CallPart | Ended


class ModelError(Exception):
    """The model's server did not do its part: what happened, where, and what may help.

    `retryable` says whether the same request may succeed later, `retry_after_s` when the server said so.
    `unreachable`: nothing answers there, or it has no such model.
    """

    def __init__(
        self,
        reason: str,
        *,
        retryable: bool = False,
        retry_after_s: float | None = None,
        unreachable: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.retryable = reason, retryable
        self.retry_after_s, self.unreachable = retry_after_s, unreachable


class Model(Protocol):
    """A served model. `name` is what it is asked for by; `endpoint` says where it is served, for messages."""

    @property
    def name(self) -> str: ...

    @property
    def endpoint(self) -> str: ...

    def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        """Ask for the next message, given chat messages and tool schemas as in OpenAI's chat completions.

        Closing the generator gives the request up. Raises ModelError.
        """
        ...
