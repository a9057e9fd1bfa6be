"""Recorded model turns, to be served again: what each message said, when its parts were complete, and which is next.

The choice needs no memory. A request carries the whole transcript: its messages of the user say which turn it is of,
and its messages of the assistant since then, which message of the turn is due. So requests may be repeated, and come
from many clients at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .model import Usage
from .transcript_check import DRAIN

NOT_RECORDED: Final = "(text not recorded)"
REPLAY_HEADER: Final = "x-asyncfc-replay"  # of a response; its value says where the conversation comes from


class ReplayOver(Exception):
    """The transcript is longer than what was recorded: nothing is made up beyond it."""


@dataclass(frozen=True, slots=True)
class ReplayCall:
    """A call as the model wrote it: its arguments as JSON text. `at_s`: from the request until it was complete."""

    tool: str
    arguments: str
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class ReplayMessage:
    """One message. Times are in seconds from its request; None where they were not recorded."""

    calls: tuple[ReplayCall, ...] = ()
    text: str | None = None
    ttft_s: float | None = None
    end_s: float | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Replay:
    """One conversation: the messages of each turn of the user.

    `name` is what it is asked for by, `source` where it comes from, in a few words. `notes` say what the recording
    lacked. `prompts` are what the user said, where that was recorded; `futures`: whether the model knew of futures.
    """

    name: str
    source: str
    turns: tuple[tuple[ReplayMessage, ...], ...]
    notes: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    futures: bool = False

    @property
    def messages(self) -> int:
        return sum(map(len, self.turns))

    @property
    def decoding_s(self) -> float:
        """How long the messages took, as far as that was recorded."""
        return sum(message.end_s or 0.0 for turn in self.turns for message in turn)

    def at(self, place: str) -> ReplayMessage:
        """The message at a place that `due` gave."""
        turn, number = map(int, place.split("."))
        return self.turns[turn - 1][number - 1]

    def answers(self, transcript: Sequence[Mapping[str, Any]]) -> bool:
        """Whether this conversation began with what the user said first in that one."""
        said = next((message.get("content") for message in transcript if message.get("role") == "user"), None)
        return bool(self.prompts) and said == self.prompts[0]

    def due(self, transcript: Sequence[Mapping[str, Any]]) -> tuple[str, ReplayMessage]:
        """The message that comes next, and its place ("2.1": the first of the second turn). Raises ReplayOver.

        A client that answers on the model's behalf when it must show results first (the id of such a call begins with
        `drain_`) gets the last answer of the turn again if the recording knows no other.
        """
        turn, written, drained = _place(transcript)
        if turn > len(self.turns):
            raise ReplayOver(
                f"the recording {self.name!r} has {_count(len(self.turns), 'turn')} of the user, and this is turn "
                f"{turn} of its transcript"
            )
        messages = self.turns[turn - 1]
        if written >= len(messages) and drained:
            written = len(messages) - 1
        if written >= len(messages):
            raise ReplayOver(
                f"turn {turn} of the recording {self.name!r} has {_count(len(messages), 'message')} of the model, and "
                f"the transcript already holds {written}"
            )
        return f"{turn}.{written + 1}", messages[written]


def _place(transcript: Sequence[Mapping[str, Any]]) -> tuple[int, int, bool]:
    """The number of the turn, the assistant's messages in it so far, and whether the last one was put in for it."""
    turn, written, drained = 0, 0, False
    before: object = None
    for message in transcript:
        role = message.get("role")
        if role == "user" and before != "user":  # several in a row are one message
            turn, written, drained = turn + 1, 0, False
        elif role == "assistant":
            calls = message.get("tool_calls") or ()
            written += 1
            drained = any(str(call.get("id", "")).startswith(DRAIN) for call in calls)
        before = role
    return max(turn, 1), written, drained


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
