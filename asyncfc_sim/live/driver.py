"""A session on asyncio: a served model streams messages, tools run.

This driver performs actions and feeds events, and decides nothing. When a call runs is the scheduler's business, what
the model is shown is the session's, how the model is asked is the asker's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import Fail, Finish, Start, Stop
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.values import ErrorValue

from .asking import Asker, Written
from .live_tool import LiveTool
from .model import Began, TextPart
from .recording import Recording

Approve = Callable[[session.AskApproval], Awaitable[bool]]


class GaveUp(Exception):
    """A loop guard ended the turn without an answer; the reason is its text."""


class Driver:
    """One conversation on the running event loop: `turn` for each message of the user, and then `close`."""

    def __init__(
        self,
        tools: Mapping[str, LiveTool],
        policy: Policy,
        asker: Asker,
        recording: Recording,
        approve: Approve,
        on_text: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.session = Session({name: tool.core for name, tool in tools.items()}, policy, log=recording.log)
        self.asker, self.recording = asker, recording
        self._tools, self._approve, self._on_text = tools, approve, on_text
        self._loop = asyncio.get_running_loop()
        self._calls: dict[int, asyncio.Task[None]] = {}  # those under way, and those that a person is asked about
        self._asking: asyncio.Task[None] | None = None
        self._timers: dict[session.Timer, asyncio.TimerHandle] = {}
        self._ended: asyncio.Future[str] = self._loop.create_future()
        recording.begin(self._loop.time)

    async def turn(self, text: str) -> str:
        """The user speaks; returns the answer. Raises GaveUp, or ModelError if the model cannot be had."""
        self._ended = self._loop.create_future()
        self.recording.user()
        self.feed(session.UserMessage(text))
        return await self._ended

    def take_over(
        self, taken: Session, actions: Iterable[session.Action], events: Iterable[session.Event]
    ) -> Awaitable[str]:
        """Go on with a session that was fed before: do what it still wants done, then tell it what is known by now.

        Returns the answer that is to come, if a turn is under way.
        """
        self.session = taken
        for action in actions:
            self._perform(action)
        for event in events:
            self.feed(event)
        return self._ended

    async def close(self, patience_s: float = 5.0) -> tuple[int, ...]:
        """Start nothing more, ask what is under way to stop, and wait for it. Returns the calls that went on acting."""
        self.recording.close()
        for timer in self._timers.values():
            timer.cancel()
        tasks = [*self._calls.values(), *([self._asking] if self._asking is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)
        await self.recording.journal.committed()
        return tuple(future for future, task in self._calls.items() if not task.done())

    def feed(self, event: session.Event) -> None:
        """What has happened: tell the session, and do what it asks for."""
        try:
            self.recording.take(event)
            for action in self.session.feed(event):
                if not self.recording.closing:
                    self._perform(action)
        except Exception as error:  # a fault of ours: whoever waits for the answer is to see it
            self._fail(error)

    def _perform(self, action: session.Action) -> None:
        match action:
            case Start(future):
                self._calls[future] = self._loop.create_task(self._run(action))
            case Stop(future) | session.Withdraw(future) if future in self._calls:
                self._calls[future].cancel()
            case session.Request(transcript):
                self._asking = self._loop.create_task(self._ask(list(transcript)))
            case session.Interrupt() if self._asking is not None:
                self._asking.cancel()
                self.recording.message(self.recording.requests, None, {})
            case session.SetTimer(timer, delay_s):
                self._timers[timer] = self._loop.call_later(delay_s, self._fired, timer)
            case session.AskApproval(future):
                self._calls[future] = self._loop.create_task(self._ask_approval(action))
            case session.Answer(text) if not self._ended.done():
                self._ended.set_result(text or "")
            case session.GiveUp(reason):
                self._fail(GaveUp(reason))

    async def _run(self, start: Start) -> None:
        """One attempt at a call: the intent first, then the tool, then what came of it."""
        tool = self._tools[start.tool]
        try:
            if start.footprint.writes or tool.core.irreversible:
                await self.recording.journal.committed()
            value = await tool.run(start.args)
        except asyncio.CancelledError:
            if self.recording.closing:  # whether it has had its effect is for whoever resumes the run to say
                return
            value = ErrorValue("cancelled", "this call was cancelled before it returned", start.future)
        except OSError as error:  # the journal's: nothing is done that does not stand there
            self._fail(error)
            return
        del self._calls[start.future]
        self.feed(Fail(start.future, value) if isinstance(value, ErrorValue) else Finish(start.future, value))

    async def _ask_approval(self, question: session.AskApproval) -> None:
        approved = await self._approve(question)
        del self._calls[question.future]
        self.feed(session.Decide(question.future, approved))

    async def _ask(self, transcript: list[dict[str, Any]]) -> None:
        """Have the model write its next message; each call is fed when it is complete in the stream."""
        turn = self.recording.request()
        written = Written()
        try:
            async with aclosing(self.asker.ask(transcript)) as parts:
                async for part in parts:
                    match part:
                        case Began():
                            self.recording.note("first_token", {"turn": turn})
                        case TextPart(text):
                            self._on_text(text)
                        case session.CallClosed():
                            self.feed(part)
                        case Written():
                            written = part
        except Exception as error:
            self._fail(error)
            return
        self.recording.message(turn, written.text, written.usage.fields())
        self.session.turn_overhead_s = self.asker.turn_overhead_s
        self.feed(session.MessageEnd(written.text))

    def _fired(self, timer: session.Timer) -> None:
        del self._timers[timer]
        self.feed(session.TimerFired(timer))

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            self.recording.note("give_up", {"reason": str(error)})
            self._ended.set_exception(error)
