"""The conversation as the model sees it: chat messages, append-only but for `rewrite` and strict's cut.

It is valid before every request: each call of an assistant's message is answered exactly once, in order, right after
the message (the chat protocol demands it).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
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
    gives: tuple[int, ...] = ()  # futures whose values are in `answer`
    held: Call | None = None  # dispatch at the end of the message: not issued yet
    text: str | None = None  # the arguments as the model wrote them
    refused: bool = False  # it names what cannot be: an error from the start, on every schedule

    @property
    def written(self) -> str:
        return messages.arguments(self.args) if self.text is None else self.text


@dataclass(slots=True)
class Message:
    """An assistant's message: being streamed, then being answered, then history."""

    number: int
    slots: list[Slot] = field(default_factory=list)
    text: str | None = None
    ended: bool = False
    grace_over: bool = False
    blind: bool = False  # answered with futures even where values are there: so that timing does not show
    unsettled: list[int] = field(default_factory=list)  # futures that have not settled, as far as was looked
    awaits: Slot | None = None  # the await_future call that the answer waits for
    position: int = -1  # in the transcript, once it is answered

    def settled(self, values: Mapping[int, Value]) -> bool:
        """Whether all calls have settled. Looks at each only once, so that a long message costs no more per event."""
        while self.unsettled and self.unsettled[-1] in values:
            self.unsettled.pop()
        return not self.unsettled

    def waits_for(self, tools: Container[str], values: Mapping[int, Value]) -> bool:
        """Whether a call of one of these tools has not settled."""
        return any(slot.future and slot.tool in tools and slot.future not in values for slot in self.slots)


class Transcript:
    """`messages` is the list to send; the first `known` of them are as the model last saw them.

    `futures`: whether the model knows the words of the protocol, so that no result may look like them, and long ones
    may be cut to `preview_chars`. `cuts`: whether `cut` may be asked for; what only that needs is not kept otherwise.
    """

    def __init__(self, *, futures: bool = True, preview_chars: int | None = None, cuts: bool = True) -> None:
        self._cuts = cuts
        self._preview_chars = preview_chars if futures else None
        self._result = messages.unmistakable if futures else messages.result
        self.messages: list[dict[str, Any]] = []
        self.known = 0
        self.placeholders: dict[int, list[int]] = {}  # future whose value the model has not seen -> its tool messages
        self._seen: dict[int, tuple[list[int], int]] = {}  # one that it has seen -> those, and where the value stands
        self._answered: list[Message] = []  # in this turn; without cuts, the latest of them

    @property
    def latest(self) -> Message | None:
        """The message that was answered last."""
        return self._answered[-1] if self._answered else None

    def user(self, text: str) -> None:
        self.messages.append({"role": "user", "content": text})

    def answer(self, message: Message, values: Mapping[int, Value]) -> tuple[list[int], list[int]]:
        """Append a message and the answers to its calls: values that are in `values`, placeholders for the rest.

        Returns the futures whose values the model is given now, and those answered with a placeholder.
        """
        message.position = len(self.messages)
        if not self._cuts:
            self._answered.clear()
        self._answered.append(message)
        calls = [(slot.tool_call_id, slot.tool, slot.written) for slot in message.slots]
        self.messages.append(messages.assistant_message(message.text, calls))
        given: list[int] = []
        promised: list[int] = []
        asked_for: list[int] = []
        for slot in message.slots:
            if slot.answer is not None:
                content = slot.answer
                asked_for += slot.gives
            elif slot.future in values:
                content = self._result(self._preview(slot.future, values))
                given.append(slot.future)
            else:
                content = messages.placeholder(slot.future)
                promised.append(slot.future)
                self.placeholders.setdefault(slot.future, []).append(len(self.messages))
            self.messages.append(messages.tool_message(slot.tool_call_id, content))
        self.saw(given + asked_for, message.position)
        return given, promised

    def hand_over(self, values: Mapping[int, Value], delivery: Delivery) -> list[int]:
        """Show values that have resolved since their call was answered with a placeholder; returns which."""
        if delivery == "on_touch":
            return []
        late = [future for future in sorted(self.placeholders) if future in values]
        if late and delivery == "when_idle":
            message = self._answered[-1]
            slot, last = message.slots[-1], self.messages[-1]
            ours = slot.tool in (messages.AWAIT, messages.CANCEL) or slot.future in self.placeholders
            riding = self.previews({future: values[future] for future in late})
            plain = slot.answer is None and not ours
            content = messages.result(self._preview(slot.future, values)) if plain else last["content"]
            content = messages.with_resolved(content, riding, ours=ours)
            self.messages[-1] = {**last, "content": content}
            self.saw(late, message.position)
        elif late:
            for future in late:
                for position in self.placeholders[future]:
                    answered = self.messages[position]["tool_call_id"]
                    self.messages[position] = messages.tool_message(
                        answered, self._result(self._preview(future, values))
                    )
                    self.known = min(self.known, position)
                self.saw([future], self.placeholders[future][0])
        return late

    def previews(self, values: Mapping[int, Value]) -> Mapping[int, Value]:
        """These values as the model is shown them."""
        return {future: self._preview(future, values) for future in values}

    def _preview(self, future: int, values: Mapping[int, Value]) -> Value:
        return messages.preview(future, values[future], self._preview_chars)

    def saw(self, futures: Iterable[int], position: int) -> None:
        """The model is shown the values of these futures in a message at `position`."""
        for future in futures:
            if future in self.placeholders:
                placeholders = self.placeholders.pop(future)
                if self._cuts:
                    self._seen[future] = placeholders, position

    def drain(self, text: str, values: Mapping[int, Value]) -> list[int]:
        """The model answered without having seen these results: append its text, and the results as if awaited."""
        unseen = sorted(self.placeholders)
        name = f"drain_{len(self.messages)}"
        asks = [(name, messages.AWAIT, messages.arguments({"ids": [Ref(future) for future in unseen]}))]
        content = messages.awaited(self.previews({future: values[future] for future in unseen}), [])
        self.saw(unseen, len(self.messages))
        self.messages += [messages.assistant_message(text, asks), messages.tool_message(name, content)]
        return unseen

    def close(self, text: str) -> None:
        """Append the final answer. No call of its turn is unsettled or unseen any more: nothing can be cut back."""
        for table in (self.placeholders, self._seen, self._answered):
            table.clear()
        self.messages.append(messages.assistant_message(text, []))

    def cut(self, failed: int, streaming: Message | None) -> Message:
        """strict: forget everything after the call `failed`; returns its message, to be answered anew up to it."""
        message = next(m for m in [*self._answered, streaming] if m and any(s.future == failed for s in m.slots))
        kept = 1 + next(index for index, slot in enumerate(message.slots) if slot.future == failed)
        if message.position >= 0:
            self._answered = [m for m in self._answered if m.position < message.position]
            del self.messages[message.position :]
            self.known = min(self.known, message.position)
        end = len(self.messages)
        lost = {future: at for future, (at, shown) in self._seen.items() if shown >= end}
        self._seen = {future: seen for future, seen in self._seen.items() if future not in lost}
        promised = {**self.placeholders, **lost}  # what was shown behind the cut is to be shown again
        self.placeholders = {future: at for future, at in promised.items() if at[0] < end}
        for future, at in self.placeholders.items():
            self.placeholders[future] = [position for position in at if position < end]
        return Message(message.number, message.slots[:kept], message.text, ended=True, grace_over=True)
