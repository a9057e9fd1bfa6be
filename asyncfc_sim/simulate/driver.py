"""A session on a SimPy clock: a decoder that takes time to write messages, tools that take time to return.

This driver adds time and nothing else. When a call runs is the scheduler's business, what the model is shown is the
session's, what it writes is the script's, and how long things take is the models'.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import simpy

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import Cut, Deliver, Fail, Finish, Resume, Start
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Header, Recorder
from asyncfc_sim.workloads.workload import Task

from .conversation import Conversation
from .durations import uniform
from .models import Models
from .replay import call_s
from .script import Dependence, Messages
from .writing import Writer


class Simulation:
    """One conversation under one policy. `run` it once; then read its fields."""

    def __init__(
        self,
        task: Task,
        policy: Policy,
        models: Models,
        header: Header,
        *,
        seed: int = 0,
        messages: Messages = "call",
        dependence: Dependence = "values",
        await_rate: float = 0.0,
    ) -> None:
        self.task, self.policy, self.models, self.seed = task, policy, models, seed
        self.world = task.make_world()
        self.recorder = Recorder(header)
        self.session = Session(task.tools, policy, turn_overhead_s=models.turn_overhead_s, log=self._log)
        self.requests = self._calls = 0
        self.gave_up: str | None = None
        self.conversation = Conversation(
            task,
            references=policy.references,
            messages=messages,
            dependence=dependence,
            awaits=lambda numbered: uniform(seed, f"{task.name}/await", numbered) < await_rate,
        )
        self._writer = Writer(models, seed, task, stream=policy.stream)
        self._interrupts = 0  # so far: what was being written before the last one is not written any more
        self._env = simpy.Environment()

    def run(self) -> Simulation:
        self._next_turn()
        self._env.run()
        return self

    @property
    def makespan_s(self) -> float:
        """From the first user message to the last answer, tools that outlive it included."""
        return self.recorder.events[-1][0] if self.recorder.events else 0.0

    def values(self) -> dict[int, Value]:
        """The value of every call that has one, by its future in the task's programs."""
        return self.conversation.by_origin(self.session.values())

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        timeout = self._env.timeout(delay_s)
        assert timeout.callbacks is not None
        timeout.callbacks.append(lambda _: action())

    def _feed(self, event: session.Event) -> None:
        for action in self.session.feed(event):
            match action:
                case Start():
                    self._run_tool(action)
                case session.Request(transcript, cached):
                    self._decode(transcript, cached)
                case session.SetTimer(timer, delay_s):
                    self._after(delay_s, partial(self._feed, session.TimerFired(timer)))
                case session.AskApproval(future):  # assumed: a person approves everything, at once
                    self._after(0.0, partial(self._feed, session.Decide(future, approved=True)))
                case session.Interrupt():
                    self._interrupts += 1
                    self._record("message", {"turn": self.requests})
                case session.Answer():
                    self._after(0.0, self._next_turn)
                case session.GiveUp(reason):
                    self.gave_up = reason

    def _next_turn(self) -> None:
        turn = self.conversation.next_turn(self.session.numbered)
        if turn is not None:
            self._record("user", {"turn": self.conversation.turn})
            self._feed(session.UserMessage(turn.prompt))

    def _run_tool(self, start: Start) -> None:
        origin = self.conversation.origin(start.future)
        value = self.world.call(origin, start.tool, start.args)
        duration_s = call_s(self.task, self.models, self.seed, origin, start.tool)
        failed = isinstance(value, ErrorValue)
        end: session.Event = Fail(start.future, value) if failed else Finish(start.future, value)
        self._after(duration_s, partial(self._feed, end))

    def _decode(self, transcript: list[dict[str, Any]], cached: int) -> None:
        """Prefill, then write the script's next message; each call closes when its last token is out."""
        self.requests += 1
        message = self.conversation.next_message()
        writing = self._writer.time(message, transcript, cached)
        prompt, uncached = writing.prompt_tokens, writing.uncached_tokens
        tokens = {"prompt_tokens": prompt, "cached_tokens": prompt - uncached}
        self._record("request", {"turn": self.requests, **tokens})
        self._write(writing.first_token_s, lambda: self._record("first_token", {"turn": self.requests}))
        for use, text, at_s in zip(message.calls, writing.texts, writing.calls_s, strict=True):
            self._calls += 1
            closed = session.CallClosed(f"call_{self._calls}", use.tool, use.args, text)
            self._write(at_s, partial(self._feed, closed))
        answer = None if message.calls else "(answer)"
        self._write(writing.end_s, partial(self._end_message, writing.tokens, answer))

    def _write(self, at_s: float, action: Callable[[], None]) -> None:
        """Do `action` when this much of the message is out, unless it has been interrupted by then."""
        interrupts = self._interrupts
        self._after(at_s, lambda: action() if interrupts == self._interrupts else None)

    def _end_message(self, tokens: int, text: str | None) -> None:
        self._record("message", {"turn": self.requests, "tokens": tokens})
        self._feed(session.MessageEnd(text))

    def _record(self, rule: str, fields: dict[str, Any]) -> None:
        self.recorder.record((self._env.now, rule, fields))

    def _log(self, entry: object) -> None:
        """Trace what the session does, and let the script see what the model is shown."""
        traced = trace_entry(entry, self.requests)
        if traced is not None:
            self.recorder.record((self._env.now, *traced))
        match entry:
            case Resume(values):
                self.conversation.show(self.session.by_number(values))
            case Deliver(futures):
                self.conversation.show(self.session.by_number({f: self.session.scheduler.values[f] for f in futures}))
            case Cut():
                self.conversation.stop()
