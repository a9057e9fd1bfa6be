"""What must hold of the messages before every request: servers refuse anything else, or lose their prefix cache.

And nobody speaks for the model: what the transcript says it wrote, it wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asyncfc_sim.core.messages import AWAIT

# The session asks for values on the model's behalf when it has answered without having seen them: prior_art 4.5.
DRAIN: Final = "drain_"

Call = tuple[str, str, str]  # its id, its tool, its arguments


class BrokenTranscript(Exception):
    """The transcript breaks the chat protocol: a bug in this package, found before a server could complain."""


@dataclass(slots=True)
class _Message:
    """What the model wrote; a message that was cut off while it was written has no text."""

    calls: list[Call] = field(default_factory=list)
    text: str | None = None


class TranscriptCheck:
    """Checks one conversation, request by request: each call answered exactly once, in order, right after its message;
    nothing said before ever changes, unless `rewrites` allows it; each message of the assistant is the next one that
    the model wrote, but that its calls may be cut off after one (`rewrites`), its answer filled in (`late_bound`), and
    results it has not seen be asked for in its name.
    """

    def __init__(self, *, rewrites: bool = False, late_bound: bool = False) -> None:
        self._rewrites, self._late_bound = rewrites, late_bound
        self._sent: list[Mapping[str, Any]] = []
        self._written: list[_Message] = []
        self._ids: set[str] = set()  # of all calls in the transcript
        self._shown: list[tuple[int, int]] = []  # where in the transcript which written message stands
        self._writing: _Message | None = None
        self._past = False
        self.rewritten: list[int] = []  # where it was changed, request by request

    def go_on(self) -> None:
        """The next transcript begins with what was said before, to another process."""
        self._past = True

    def wrote_call(self, call: Call) -> None:
        """The model has written a call of the message that it was asked for last."""
        self._message().calls.append(call)

    def wrote_text(self, text: str | None) -> None:
        """The model's message is complete, and this is its text."""
        self._message().text = text

    def _message(self) -> _Message:
        if self._writing is None:
            self._writing = _Message()
            self._written.append(self._writing)
        return self._writing

    def __call__(self, transcript: Sequence[Mapping[str, Any]]) -> None:
        """Raises BrokenTranscript."""
        known, now = self._sent, list(transcript[: len(self._sent)])
        first = len(known)
        if now != known:
            first = next(at for at, message in enumerate(known) if at >= len(now) or now[at] != message)
            if not self._rewrites:
                raise BrokenTranscript(f"message {first + 1} was changed after it had been sent")
            self.rewritten.append(first)
        if first < len(known):
            self._ids.clear()
        # What has been sent, and was not changed since, has been checked: a long conversation costs no more for it.
        check_answers(transcript, first if first == len(known) else 0, self._ids)
        if not self._past:
            self._check_authors(transcript, first)
        self._sent, self._writing, self._past = list(transcript), None, False

    def _check_authors(self, transcript: Sequence[Mapping[str, Any]], first: int) -> None:
        while self._shown and self._shown[-1][0] >= first:
            self._shown.pop()
        for at in range(first, len(transcript)):
            if transcript[at]["role"] == "assistant":
                number = self._shown[-1][1] + 1 if self._shown else 0
                last = len(self._written) if self._rewrites else number + 1  # what was cut away is not shown again
                while number < last and not self._wrote(number, transcript[at]):
                    number += 1
                if number >= last:
                    raise BrokenTranscript(f"message {at + 1} is not what the model wrote")
                self._shown.append((at, number))

    def _wrote(self, number: int, message: Mapping[str, Any]) -> bool:
        if number >= len(self._written):
            return False
        written, text = self._written[number], message["content"] or ""
        calls = [_call(call) for call in message.get("tool_calls", ())]
        cut = self._rewrites and calls == written.calls[: len(calls)] and bool(calls)
        drained = [tool for id, tool, _ in calls if id.startswith(DRAIN)] == [AWAIT] and not written.calls
        filled_in = self._late_bound and not calls and "$" in (written.text or "")
        same_text = text == (written.text or "") or filled_in or (cut and not text)
        return same_text and (calls == written.calls or cut or (drained and len(calls) == 1))


def _call(call: Mapping[str, Any]) -> Call:
    return call["id"], call["function"]["name"], call["function"]["arguments"]


def check_answers(transcript: Sequence[Mapping[str, Any]], start: int = 0, seen: set[str] | None = None) -> None:
    """Each call is answered exactly once, in order, before anything else is said. Raises BrokenTranscript.

    The messages before `start` are known to be right, and `seen` are the ids of their calls; those of the others are
    added.
    """
    due: list[str] = []
    seen = set() if seen is None else seen
    for at in range(start, len(transcript)):
        message, number = transcript[at], at + 1
        if message["role"] == "tool":
            if not due or due[-1] != message["tool_call_id"]:
                raise BrokenTranscript(f"message {number} answers {message['tool_call_id']!r}, which is not due")
            due.pop()
            continue
        if due:
            raise BrokenTranscript(f"message {number} comes before {due[-1]!r} was answered")
        for call in message.get("tool_calls", ()):
            if call["id"] in seen:
                raise BrokenTranscript(f"message {number} uses the id of a call twice")
            seen.add(call["id"])
            due.append(call["id"])
        due.reverse()  # the next one last
    if due:
        raise BrokenTranscript(f"{due[-1]!r} is not answered")
