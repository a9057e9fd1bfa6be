"""What goes into a session and what comes out of it, besides the scheduler's own events and actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from . import events
from .references import Template
from .values import JSON, ErrorValue

# A timer is named by what it is for and by the message or the future it belongs to.
Timer = tuple[Literal["grace", "await", "timeout", "retry"], int]

# Events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserMessage:
    """The user speaks: a turn begins."""

    text: str


@dataclass(frozen=True, slots=True)
class CallClosed:
    """A call of the assistant's message is complete in the stream. `args` are templates, or why they are none.

    `text` is what the model wrote: it stands in the transcript as it was, so that the prefix cache holds. If it is not
    given, it is made from `args`. Arguments that are none are left out: servers parse them, and would refuse all that
    follows.
    """

    tool_call_id: str
    tool: str
    args: Mapping[str, Template] | ErrorValue
    text: str | None = None


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The assistant's message has ended. Without calls in it, `text` is the model's answer."""

    text: str | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    timer: Timer


@dataclass(frozen=True, slots=True)
class Decide:
    """A person has approved a call, or refused it."""

    future: int
    approved: bool


Event = UserMessage | CallClosed | MessageEnd | TimerFired | Decide | events.Finish | events.Fail | events.End

# Actions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """Ask the model to go on from the transcript. Messages before `cached` are as the model last saw them."""

    transcript: list[dict[str, Any]]
    cached: int


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop the model: what it is writing has been cut off. A new `Request` follows."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    timer: Timer
    delay_s: float


@dataclass(frozen=True, slots=True)
class AskApproval:
    """Show a person the call with its bound arguments; answer with `Decide`."""

    future: int
    tool: str
    args: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The person need not decide about this call any more: it was given up."""

    future: int


@dataclass(frozen=True, slots=True)
class Placeholder:
    """For the log: this call was answered with its future."""

    future: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The turn is over: the final text, with late-bound futures filled in."""

    text: str | None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The turn is over because a loop guard tripped."""

    reason: str


Action = events.Action | Request | Interrupt | SetTimer | AskApproval | Withdraw | Placeholder | Answer | GiveUp
