"""A conversation without a clock: which messages, which calls, and what each request waits for.

Where a transcript does not depend on the schedule, one schedule shows all of it. Here every tool ends as soon as it
has started; session, script and writer are those of the simulation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import Cut, Deliver, Fail, Finish, Issue, Resume, Start, Touch
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.workloads.workload import Task

from .conversation import Conversation
from .models import Models
from .script import Dependence, Messages, NextMessage
from .writing import Writer, Writing


@dataclass(slots=True)
class Message:
    """A message, and the calls that must have settled before the model is asked again.

    `calls` are the numbers of its calls in the session, one for each part of `writing`, 0 for what only awaits.
    """

    writing: Writing
    calls: tuple[int, ...]
    waits_for: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Outline:
    """What was written, in order; which calls that made, which of them ran, and what became of each, by number."""

    messages: list[Message] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    ran: dict[int, str] = field(default_factory=dict)  # the tool, by number
    origins: dict[int, int] = field(default_factory=dict)
    values: Mapping[int, Value] = field(default_factory=dict)
    most_in_turn: int = 0  # calls of the turn that has most
    gave_up: str | None = None
    cut: bool = False  # strict has cut the conversation off: it was not followed any further


class _Run:
    def __init__(
        self, task: Task, policy: Policy, models: Models, seed: int, messages: Messages, dependence: Dependence
    ) -> None:
        self.outline = Outline()
        self.session = Session(task.tools, policy, turn_overhead_s=models.turn_overhead_s, log=self._log)
        self._policy = policy
        self._world = task.make_world()
        self._conversation = Conversation(task, policy, messages=messages, dependence=dependence)
        self._writer = Writer(models, seed, task, stream=policy.stream)
        self._in_turn: set[int] = set()  # the calls of this turn so far
        self._calls = 0
        self._events: deque[session.Event] = deque()

    def run(self) -> Outline:
        self._next_turn()
        while self._events and not self.outline.cut:
            for action in self.session.feed(self._events.popleft()):
                self._perform(action)
        self.outline.values = self.session.scheduler.values
        return self.outline

    def _perform(self, action: session.Action) -> None:
        match action:
            case Start(future, tool, args):
                origin = self.outline.origins[future] = self._conversation.origin(future)
                self.outline.ran[future] = tool
                value = self._world.call(origin, tool, args)
                failed = isinstance(value, ErrorValue)
                self._events.append(Fail(future, value) if failed else Finish(future, value))
            case session.Request(transcript, cached):
                message = self._conversation.next_message()
                self._write(message, self._writer.time(message, transcript, cached))
            case session.Answer():
                self._next_turn()
            case session.GiveUp(reason):
                self.outline.gave_up = reason

    def _next_turn(self) -> None:
        turn = self._conversation.next_turn(self.session.numbered)
        if turn is not None:
            self._in_turn = set()
            self._events.append(session.UserMessage(turn.prompt))

    def _write(self, message: NextMessage, writing: Writing) -> None:
        first = self.session.numbered + 1
        own = tuple(range(first, first + sum(use.origin > 0 for use in message.calls)))
        numbers = iter(own)
        calls = tuple(next(numbers) if use.origin else 0 for use in message.calls)
        self._in_turn.update(own)
        self.outline.most_in_turn = max(self.outline.most_in_turn, len(self._in_turn))
        # An answer is given when all calls of its turn have settled, whether or not they were looked at.
        waits_for = set(self._in_turn) if not calls else set(own) if self._policy.grace_s == inf else set()
        self.outline.messages.append(Message(writing, calls, waits_for))
        for use, text in zip(message.calls, writing.texts, strict=True):
            self._calls += 1
            self._events.append(session.CallClosed(f"call_{self._calls}", use.tool, use.args, text))
        self._events.append(session.MessageEnd(None if calls else "(answer)"))

    def _log(self, entry: object) -> None:
        match entry:
            case Issue(call):
                self.outline.calls.append(call)
            case Touch(futures):
                self.outline.messages[-1].waits_for.update(futures)
            case Resume(values):
                self._conversation.show(self.session.by_number(values))
            case Deliver(futures):
                values = self.session.scheduler.values
                self._conversation.show(self.session.by_number({future: values[future] for future in futures}))
            case Cut():
                self.outline.cut = True


def outline(
    task: Task, policy: Policy, models: Models, seed: int, messages: Messages, dependence: Dependence
) -> Outline:
    """The outline of `task` under a policy whose transcript does not depend on the schedule."""
    return _Run(task, policy, models, seed, messages, dependence).run()
