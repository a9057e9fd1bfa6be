"""What a person is being asked: whether a call may run, once its arguments are known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from asyncfc_sim.core.session_events import AskApproval, Decide

from .calls import Spawn

Approve = Callable[[AskApproval], Awaitable[bool]]


class Questions:
    """Puts questions. `feed` is told the answers, `fail` that one cannot be had."""

    def __init__(
        self, approve: Approve, spawn: Spawn, feed: Callable[[Decide], None], fail: Callable[[BaseException], None]
    ) -> None:
        self.tasks: dict[int, asyncio.Task[None]] = {}  # by future
        self._approve, self._spawn, self._feed, self._fail = approve, spawn, feed, fail

    def ask(self, question: AskApproval) -> None:
        """Put a question; others go on meanwhile."""
        self.tasks[question.future] = self._spawn(self._ask(question))

    def withdraw(self, future: int) -> None:
        """The call was given up: its question is taken back, if it is still open."""
        task = self.tasks.pop(future, None)
        if task is not None:
            task.cancel()

    async def _ask(self, question: AskApproval) -> None:
        try:
            approved = await self._approve(question)
        except (Exception, asyncio.CancelledError) as error:
            if question.future in self.tasks:
                self._fail(error)
            return
        if self.tasks.pop(question.future, None):  # else it was withdrawn
            self._feed(Decide(question.future, approved))
