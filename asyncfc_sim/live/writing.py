"""What the model is writing: one message at a time, each call of it fed when it is complete in the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

from asyncfc_sim.core.session_events import CallClosed, MessageEnd

from .asking import Asker, Written
from .calls import Spawn
from .model import Began, TextPart
from .recording import Recording


class Writing:
    """Has messages written. `feed` is given what is written, `fail` why nothing more will be."""

    def __init__(
        self,
        asker: Asker,
        recording: Recording,
        spawn: Spawn,
        feed: Callable[[CallClosed | MessageEnd], None],
        fail: Callable[[BaseException], None],
        on_text: Callable[[str], None],
    ) -> None:
        self.tasks: set[asyncio.Task[None]] = set()  # the message being written, and such as were cut off
        self._asker, self._recording = asker, recording
        self._spawn, self._feed, self._fail, self._on_text = spawn, feed, fail, on_text
        self._number = 0  # of the message being written; 0 once it was cut off

    def begin(self, transcript: Sequence[Any]) -> None:
        """Have the next message written, to go on from `transcript`."""
        self._number = self._recording.request()
        task = self._spawn(self._write(self._number, list(transcript)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def cut_off(self) -> None:
        """Whatever else comes of the message is not wanted."""
        self._recording.message(self._number, None, {})
        self._number = 0
        for task in self.tasks - {asyncio.current_task()}:  # that one sees it for itself
            task.cancel()

    async def _write(self, number: int, transcript: list[dict[str, Any]]) -> None:
        written = Written()
        try:
            async with aclosing(self._asker.ask(transcript)) as parts:
                async for part in parts:
                    match part:
                        case Began():
                            self._recording.note("first_token", {"turn": number})
                        case TextPart(text):
                            self._on_text(text)
                        case CallClosed():
                            self._feed(part)
                        case Written():
                            written = part
                    if self._number != number:
                        return  # cut off by what it has just written
        except (Exception, asyncio.CancelledError) as error:
            if self._number == number:
                self._fail(error)
            return
        self._recording.message(number, written.text, written.fields())
        self._feed(MessageEnd(written.text))
