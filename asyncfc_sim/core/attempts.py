"""Between the scheduler and the tools: a person's approval before a call runs, its time-out, and further attempts.

To the scheduler a call runs from its start to its end, whatever lies between; here lies what may lie between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .events import Cancel, End, Event, Fail, Finish, ProtocolError, Running, Settle, Start, Stop, Timeout
from .policy import Policy
from .scheduler import Scheduler
from .session_events import Action, AskApproval, SetTimer, Withdraw
from .values import ErrorValue


class Attempts:
    """Tells a scheduler what becomes of its calls. Every method gives the actions that follow, each to be performed
    before the next is asked for. `log` is shown every event that the scheduler is fed.
    """

    def __init__(self, scheduler: Scheduler, policy: Policy, log: Callable[[Event], None] | None = None) -> None:
        self.scheduler = scheduler
        self._policy = policy
        self._log = log
        self._starts: dict[int, Start] = {}  # of the calls that run
        self._retries: dict[int, int] = {}  # of these: how many attempts were made again
        self._in_question: set[int] = set()  # a person is asked about these
        self._withdrawn: set[int] = set()  # a person was asked about these, and they were given up
        self._between: set[int] = set()  # these failed, and are to be tried again

    def feed(self, event: Event) -> Iterator[Action]:
        """Feed the scheduler. A call that starts may have to be approved first; one that stops may not be under way."""
        if self._log is not None:
            self._log(event)
        for action in self.scheduler.feed(event):
            match action:
                case Start():
                    yield from self._start(action)
                case Stop(future):
                    self._forget(future)  # a call that was cut off does not settle
                    nothing_to_stop = future in self._in_question or future in self._between
                    yield from self._withdraw(future)
                    self._between.discard(future)
                    yield from self.feed(End(future)) if nothing_to_stop else (action,)
                case Settle(future):
                    self._forget(future)
                    yield action
                case _:
                    yield action

    def ended(self, event: Finish | Fail | End) -> Iterator[Action]:
        """A tool has ended. If it failed, it is tried again where that is harmless and still allowed."""
        if not isinstance(event, End) and not self._runs(event.future):
            yield from self.feed(End(event.future))  # it had been given up: its result is dropped
        elif isinstance(event, Fail) and self._may_be_tried_again(event):
            self._retries[event.future] = self._retries.get(event.future, 0) + 1
            self._between.add(event.future)
            yield SetTimer(("retry", event.future), self._policy.retry_delay_s)
        else:
            yield from self.feed(event)

    def retry(self, future: int) -> Iterator[Action]:
        """It is time for another attempt, unless the call was given up meanwhile. Its time-out goes on."""
        if future in self._between:
            self._between.discard(future)
            yield self._starts[future]

    def timeout(self, future: int) -> Iterator[Action]:
        """The call has taken as long as it may, unless it has ended meanwhile."""
        if self._runs(future):
            yield from self.feed(Timeout(future))

    def give_up(self, future: int) -> Iterator[Action]:
        """Cancel a call. One that still waits for a person counts as running, but has certainly had no effect."""
        if future in self._in_question:
            yield from self._withdraw(future)
            error = ErrorValue("cancelled", "cancelled before a person had approved it", future)
            yield from self.feed(Fail(future, error))
        else:
            yield from self.feed(Cancel(future))

    def decided(self, future: int, approved: bool) -> Iterator[Action]:
        """A person has answered; in vain if the question was withdrawn. Raises ProtocolError if it was never put."""
        if future in self._withdrawn:
            return
        if future not in self._in_question:
            raise ProtocolError(f"$f{future} does not wait for approval")
        self._in_question.discard(future)
        if approved:
            yield from self._begin(self._starts[future])
        else:
            yield from self.feed(Fail(future, ErrorValue("not_executed", "a person refused this call", future)))

    def _start(self, start: Start) -> Iterator[Action]:
        self._starts[start.future] = start
        if self.scheduler.tools[start.tool].approval:
            self._in_question.add(start.future)
            yield AskApproval(start.future, start.tool, start.args)
        else:
            yield from self._begin(start)

    def _begin(self, start: Start) -> Iterator[Action]:
        """Run the tool; its time-out counts from here."""
        yield start
        timeout_s = self.scheduler.tools[start.tool].timeout_s
        if timeout_s is not None:
            yield SetTimer(("timeout", start.future), timeout_s)

    def _withdraw(self, future: int) -> Iterator[Action]:
        """If somebody was being asked about a call that is given up, they need not answer any more."""
        if future in self._in_question:
            self._in_question.discard(future)
            self._withdrawn.add(future)
            yield Withdraw(future)

    def _may_be_tried_again(self, event: Fail) -> bool:
        tool = self.scheduler.tools[self._starts[event.future].tool]
        made = self._retries.get(event.future, 0)
        return tool.idempotent and event.error.retryable and made < self._policy.retries

    def _runs(self, future: int) -> bool:
        return isinstance(self.scheduler.futures.get(future), Running)

    def _forget(self, future: int) -> None:
        self._starts.pop(future, None)
        self._retries.pop(future, None)
