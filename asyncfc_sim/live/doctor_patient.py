"""An endpoint under examination: how it is asked, and what is remembered of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .accumulator import UNPARSED
from .doctor_exam import Exam
from .doctor_wire import Heard, Wire
from .model import CallPart, ModelError

T = TypeVar("T")


@dataclass(slots=True)
class Patient:
    """`model` is the one that is asked; None while it is not known."""

    wire: Wire
    exam: Exam
    model: str | None
    replay: bool = False  # what answers is no model
    stream: bool = True
    calls: list[CallPart] = field(default_factory=list)  # those of the first message that had some
    notes: dict[str, None] = field(default_factory=dict)  # what was odd, and was put right
    accidents: list[str] = field(default_factory=list)  # of the server, after which it was asked once more

    def ask(self, content: str, **body: Any) -> Heard:
        """Raises ModelError."""
        return self.send([{"role": "user", "content": content}], **body)

    def send(self, messages: Sequence[Mapping[str, Any]], **body: Any) -> Heard:
        """Raises ModelError."""
        heard = self.wire.chat(messages, stream=self.stream, model=self.model, **body)
        if not _cut_off_by_us(heard, body.get("max_tokens")):
            self.notes |= dict.fromkeys(note for note in heard.notes if note != UNPARSED or "tools" in body)
        ids = [call.tool_call_id for call in heard.calls]
        if not all(ids) or len(set(ids)) < len(ids):
            self.notes["calls have no ids, or several the same"] = None
        if heard.streamed and not heard.done:
            self.notes["a stream ended without [DONE]"] = None
        return heard

    def again(self, what: Callable[[], T]) -> T:
        """What comes of it; after an accident of the server it is done once more, as a run does. Raises ModelError."""
        try:
            return what()
        except ModelError as error:
            if error.unreachable or not error.retryable:
                raise
            self.accidents.append(error.reason)
            return what()


def _cut_off_by_us(heard: Heard, max_tokens: int | None) -> bool:
    """Some give another finish_reason where the last thing they write is a call."""
    tokens = heard.usage.completion_tokens
    return max_tokens is not None and (heard.finish_reason == "length" or (tokens is not None and tokens >= max_tokens))
