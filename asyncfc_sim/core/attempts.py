"""From a call's [start] to its tool and back: a person's approval before it runs, further attempts after it failed.

To the scheduler a call runs from its start to its end, whatever lies between; here lies what may lie between.
"""

from __future__ import annotations

from collections.abc import Mapping

from .events import Fail, ProtocolError, Start
from .policy import Policy
from .session_events import AskApproval, SetTimer
from .tool import Tool

Doing = Start | AskApproval | SetTimer


class Attempts:
    """What calls wait for that the scheduler takes to be running. Everything here is told by the session."""

    def __init__(self, tools: Mapping[str, Tool], policy: Policy) -> None:
        self._tools = tools
        self._policy = policy
        self._starts: dict[int, Start] = {}
        self._retries: dict[int, int] = {}
        self._in_question: set[int] = set()  # a person is asked about these
        self._withdrawn: set[int] = set()  # a person was asked about these, and they were given up
        self._between: set[int] = set()  # these failed, and are to be tried again

    def start(self, start: Start) -> list[Doing]:
        """[start j], unless a person is to be asked first."""
        self._starts[start.future] = start
        if self._tools[start.tool].approval:
            self._in_question.add(start.future)
            return [AskApproval(start.future, start.tool, start.args)]
        return self.begin(start.future)

    def begin(self, future: int) -> list[Doing]:
        """Run the tool; its time-out counts from here."""
        start = self._starts[future]
        timeout_s = self._tools[start.tool].timeout_s
        return [start] if timeout_s is None else [start, SetTimer(("timeout", future), timeout_s)]

    def decided(self, future: int) -> bool:
        """The question is answered; False if it was withdrawn. Raises ProtocolError if it was never put."""
        if future in self._withdrawn:
            return False
        if future not in self._in_question:
            raise ProtocolError(f"$f{future} does not wait for approval")
        self._in_question.discard(future)
        return True

    def withdraw(self, future: int) -> bool:
        """The call is given up. Whether a person was being asked about it: then it has had no effect."""
        if future not in self._in_question:
            return False
        self._in_question.discard(future)
        self._withdrawn.add(future)
        return True

    def try_again(self, event: Fail) -> SetTimer | None:
        """When to make another attempt at a call that has failed; None if that might do harm, or was done enough."""
        start, made = self._starts.get(event.future), self._retries.get(event.future, 0)
        harmless = start is not None and self._tools[start.tool].idempotent and event.error.retryable
        if not harmless or made >= self._policy.retries:
            return None
        self._retries[event.future] = made + 1
        self._between.add(event.future)
        return SetTimer(("retry", event.future), self._policy.retry_delay_s)

    def retry(self, future: int) -> list[Doing]:
        """It is time for another attempt, unless the call was given up meanwhile. Its time-out goes on."""
        if future not in self._between:
            return []
        self._between.discard(future)
        return [self._starts[future]]

    def stop(self, future: int) -> bool:
        """The call is given up. Whether no tool is under way, so that nobody will report its end."""
        between = future in self._between
        self._between.discard(future)
        return between
