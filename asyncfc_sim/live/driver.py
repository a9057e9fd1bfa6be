"""A session on asyncio: a served model streams messages, tools run.

This driver performs actions and feeds events, and decides nothing. When a call runs is the scheduler's business, what
the model is shown is the session's, how the model is asked is the asker's.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import Settle, Start, Stop
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session import Session

from .asking import Asker
from .calls import Calls, settled
from .live_tool import LiveTool
from .questions import Approve, Questions
from .recording import Recording
from .toolset import cores
from .writing import Writing


class GaveUp(Exception):
    """The turn ended without an answer, by a loop guard, say; the reason is its text."""


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
        self.session = Session(cores(tools), policy, instructions=asker.instructions, log=recording.log)
        self.tools, self.asker, self.recording = tools, asker, recording
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._calls = Calls(tools, recording, self._spawn, self.feed, self._fail)
        self._writing = Writing(asker, recording, self._spawn, self.feed, self._fail, on_text)
        self._questions = Questions(approve, self._spawn, self.feed, self._fail)
        self._timers: dict[session.Timer, asyncio.TimerHandle] = {}
        self._ended: asyncio.Future[str] = self._loop.create_future()
        recording.begin(self._loop.time)

    async def turn(self, text: str) -> str:
        """The user speaks; returns the answer. Raises GaveUp, or ModelError if the model cannot be had."""
        self._ended = self._loop.create_future()
        self.recording.user(text)
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
        """Start nothing more, ask what is under way to stop, and wait for it. Returns the calls that would not end."""
        self.recording.close()
        if self._ended.cancelled():
            self.recording.note("give_up", {"reason": "the run was cancelled"})
        others = {*self._questions.tasks.values(), *self._writing.tasks}
        for timer in self._timers.values():
            timer.cancel()
        for task in others:
            task.cancel()
        in_doubt = await self._calls.close(patience_s)
        await settled(others, patience_s)
        await self.recording.journal.committed()
        return in_doubt

    def feed(self, event: session.Event) -> None:
        """What has happened: tell the session, and do what it asks for."""
        try:
            self.recording.take(event)
            if isinstance(event, session.MessageEnd):
                self.session.turn_overhead_s = self.asker.turn_overhead_s
            for action in self.session.feed(event):
                if not self.recording.closing:
                    self._perform(action)
        except Exception as error:  # a fault of ours: whoever waits for the answer is to see it
            self._fail(error)

    def _perform(self, action: session.Action) -> None:
        match action:
            case Start():
                self._calls.start(action)
            case Stop(future):
                self._calls.stop(future)
            case Settle(future) if timer := self._timers.pop(("timeout", future), None):
                timer.cancel()
            case session.Request(transcript):
                self._writing.begin(transcript)
            case session.Interrupt():
                self._writing.cut_off()
            case session.SetTimer(name, delay_s):
                self._timers[name] = self._loop.call_later(delay_s, self._fired, name)
            case session.AskApproval():
                self._questions.ask(action)
            case session.Withdraw(future):
                self._questions.withdraw(future)
            case session.Answer(text) if not self._ended.done():
                self._ended.set_result(text or "")
            case session.GiveUp(reason) if not self._ended.done():
                self._ended.set_exception(GaveUp(reason))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task in the context of whoever made this driver: not in that of the call whose end has led to it.

        Not by the loop's task factory: an eager one would begin the work in the middle of what led to it.
        """
        return asyncio.Task(work, loop=self._loop, context=self._context.copy())

    def _fired(self, timer: session.Timer) -> None:
        del self._timers[timer]
        self.feed(session.TimerFired(timer))

    def _fail(self, error: BaseException) -> None:
        """The turn ends without an answer."""
        if self._ended.done() or self.recording.closing:
            return
        if isinstance(error, asyncio.CancelledError | StopIteration):  # neither can be raised by a future
            error = GaveUp(f"what the run waited for was ended from within: {error!r}")
        self.recording.note("give_up", {"reason": str(error)})
        self._ended.set_exception(error)
