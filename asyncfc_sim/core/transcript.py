"""The conversation as the model sees it: chat messages, append-only but for `rewrite` and strict's cut.

It is valid before every request: each call of an assistant's message is answered exactly once, in order, right after
the message (the chat protocol demands it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import messages
from .policy import Delivery
from .references import Ref
from .syntax import Call
from .values import Value


@dataclass(slots=True)
class Slot:
    """A call of the assistant's message: what it was, the future it became, or the answer it got at once."""

    tool_call_id: str
    tool: str
    args: Mapping[str, Any]
    future: int = 0
    answer: str | None = None
    held: Call | None = None  # dispatch at the end of the message: not issued yet


@dataclass(slots=True)
class Message:
    """An assistant's message: being streamed, then being answered, then history."""

    number: int
    slots: list[Slot] = field(default_factory=list)
    text: str | None = None
    ended: bool = False
    grace_over: bool = False
    awaits: Slot | None = None  # the await_future call that the answer waits for
    position: int = -1  # in the transcript, once it is answered


class Transcript:
    """`messages` is the list to send; the first `known` of them are as the model last saw them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.known = 0
        self.placeholders: dict[int, int] = {}  # future whose value the model has not seen -> its tool message
        self._answered: list[Message] = []

    def user(self, text: str) -> None:
        self.messages.append({"role": "user", "content": text})

    def answer(self, message: Message, values: Mapping[int, Value]) -> tuple[list[int], list[int]]:
        """Append a message and the answers to its calls: values that are there, placeholders for the rest.

        Returns the futures whose values the model is given now, and those answered with a placeholder.
        """
        message.position = len(self.messages)
        self._answered.append(message)
        calls = [(slot.tool_call_id, slot.tool, messages.arguments(slot.args)) for slot in message.slots]
        self.messages.append(messages.assistant_message(message.text, calls))
        given, promised = [], []
        for slot in message.slots:
            if slot.answer is not None:
                content = slot.answer
            elif slot.future in values:
                content = messages.result(values[slot.future])
                given.append(slot.future)
            else:
                content = messages.placeholder(slot.future)
                promised.append(slot.future)
                self.placeholders[slot.future] = len(self.messages)
            self.messages.append(messages.tool_message(slot.tool_call_id, content))
        self.saw(given)
        return given, promised

    def hand_over(self, values: Mapping[int, Value], delivery: Delivery) -> list[int]:
        """Show values that have resolved since their call was answered with a placeholder; returns which."""
        late = [future for future in sorted(self.placeholders) if future in values]
        if not late or delivery == "on_touch":
            return []
        if delivery == "when_idle":
            last = self.messages[-1]
            content = messages.with_resolved(last["content"], {future: values[future] for future in late})
            self.messages[-1] = {**last, "content": content}
        else:
            for future in late:
                position = self.placeholders[future]
                answered = self.messages[position]["tool_call_id"]
                self.messages[position] = messages.tool_message(answered, messages.result(values[future]))
                self.known = min(self.known, position)
        self.saw(late)
        return late

    def saw(self, futures: list[int]) -> None:
        for future in futures:
            self.placeholders.pop(future, None)

    def drain(self, text: str, values: Mapping[int, Value]) -> list[int]:
        """The model answered without having seen these results: append its text, and the results as if awaited."""
        unseen = sorted(self.placeholders)
        asks = [("drain", messages.AWAIT, messages.arguments({"ids": [Ref(future) for future in unseen]}))]
        content = messages.awaited({future: values[future] for future in unseen}, [])
        self.messages += [messages.assistant_message(text, asks), messages.tool_message("drain", content)]
        self.saw(unseen)
        return unseen

    def close(self, text: str) -> None:
        self.messages.append(messages.assistant_message(text, []))
        self.known = len(self.messages)

    def cut(self, failed: int, streaming: Message | None) -> Message:
        """strict: forget everything after the call `failed`; returns its message, to be answered anew up to it."""
        message = next(m for m in [*self._answered, streaming] if m and any(s.future == failed for s in m.slots))
        kept = 1 + next(index for index, slot in enumerate(message.slots) if slot.future == failed)
        if message.position >= 0:
            self._answered = [m for m in self._answered if m.position < message.position]
            del self.messages[message.position :]
            self.known = min(self.known, message.position)
        self.placeholders = {future: at for future, at in self.placeholders.items() if at < len(self.messages)}
        return Message(message.number, message.slots[:kept], message.text, ended=True, grace_over=True)
