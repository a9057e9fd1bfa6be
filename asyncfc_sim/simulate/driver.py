"""A session on a clock: a decoder that takes time to write messages, tools that take time to return.

This driver adds time and nothing else. When a call runs is the scheduler's business, what the model is shown is the
session's, what it writes is the script's, and how long things take is the models' and the server's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, Final, Protocol

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import Cut, Deliver, Fail, Finish, Resume, Start
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Header, Recorder
from asyncfc_sim.workloads.workload import Task, Turn

from .conversation import Conversation, awaits_now
from .models import Models
from .replay import call_kind, call_s
from .script import Dependence, Messages, NextMessage
from .server import Stream
from .site import Site, alone
from .writing import Writer, Writing

LATELY: Final = 64  # requests by which an extra one is estimated, as in the live executor


class Speaking(Protocol):
    """What is said, turn by turn: see `Conversation`."""

    @property
    def turn(self) -> int: ...

    def next_turn(self, numbered: int) -> Turn | None: ...

    def next_message(self) -> NextMessage: ...

    def show(self, values: Mapping[int, Value]) -> None: ...

    def stop(self) -> None: ...

    def origin(self, number: int) -> int: ...

    def by_origin(self, values: Mapping[int, Value]) -> dict[int, Value]: ...


class Timing(Protocol):
    """How long it takes to write: see `Writer`."""

    def time(self, message: NextMessage, transcript: Sequence[dict[str, Any]], cached: int) -> Writing: ...


class Simulation:
    """One conversation under one policy. `run` it once; then read its fields.

    With others it is given the site that they share, and `start`ed. `conversation` and `writer` say what is written,
    and how long that takes, where it is not the programs of the task and the models. `grace_as_live`: an extra request
    is estimated as the live executor does it, by the times to the first token of this conversation so far.
    """

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
        site: Site | None = None,
        conversation: Speaking | None = None,
        writer: Timing | None = None,
        grace_as_live: bool = False,
    ) -> None:
        self.task, self.policy, self.models, self.seed = task, policy, models, seed
        self.world = task.make_world()
        self.recorder = Recorder(header)
        self.session = Session(task.tools, policy, turn_overhead_s=models.turn_overhead_s, log=self._log)
        self.requests = 0
        self.gave_up: str | None = None
        awaits = partial(awaits_now, await_rate, seed, task.name)
        self.conversation: Speaking = conversation or Conversation(
            task, policy, messages=messages, dependence=dependence, awaits=awaits
        )
        self.started_s = 0.0
        self._writer: Timing = writer or Writer(models, seed, task, stream=policy.stream)
        self._ttft_s: deque[float] | None = deque(maxlen=LATELY) if grace_as_live else None
        self._site = site or alone()
        self._clock = self._site.clock
        self._stream: Stream | None = None
        self._done: Callable[[], None] = lambda: None

    def run(self) -> Simulation:
        """From beginning to end."""
        self.start()
        self._clock.run()
        return self

    def start(self, done: Callable[[], None] = lambda: None) -> None:
        """The first user message arrives now; `done` is called when the last answer is given, or none will be."""
        self.started_s, self._done = self._clock.now_s, done
        self._next_turn()

    @property
    def makespan_s(self) -> float:
        """From the first user message to the last answer, tools that outlive it included."""
        return self.recorder.events[-1][0] if self.recorder.events else 0.0

    def values(self) -> dict[int, Value]:
        """The value of every call that has one, by its future in the task's programs."""
        return self.conversation.by_origin(self.session.values())

    def _feed(self, event: session.Event) -> None:
        for action in self.session.feed(event):
            match action:
                case Start():
                    self._run_tool(action)
                case session.Request(transcript, cached):
                    self._decode(transcript, cached)
                case session.SetTimer(timer, delay_s):
                    self._clock.after(delay_s, partial(self._feed, session.TimerFired(timer)))
                case session.AskApproval(future):  # assumed: a person approves everything, at once
                    self._clock.after(0.0, partial(self._feed, session.Decide(future, approved=True)))
                case session.Interrupt():
                    assert self._stream is not None
                    self._stream.cancel()
                    self._record("message", {"turn": self.requests})
                case session.Answer():
                    self._clock.after(self._site.think_s, self._next_turn)
                case session.GiveUp(reason):
                    self.gave_up = reason
                    self._done()

    def _next_turn(self) -> None:
        turn = self.conversation.next_turn(self.session.numbered)
        if turn is None:
            self._done()
        else:
            self._record("user", {"turn": self.conversation.turn})
            self._feed(session.UserMessage(turn.prompt))

    def _run_tool(self, start: Start) -> None:
        origin = self.conversation.origin(start.future)
        value = self.world.call(origin, start.tool, start.args)
        failed = isinstance(value, ErrorValue)
        end: session.Event = Fail(start.future, value) if failed else Finish(start.future, value)
        kind = call_kind(self.task, self.models, origin, start.tool)
        duration_s = call_s(self.task, self.models, self.seed, origin, start.tool)
        self._site.pools.run(kind, duration_s, partial(self._feed, end))

    def _decode(self, transcript: list[dict[str, Any]], cached: int) -> None:
        """Have the script's next message written; each call closes when its last token is out."""
        self.requests += 1
        message = self.conversation.next_message()
        writing = self._writer.time(message, transcript, cached)
        if self._ttft_s is not None:
            self._ttft_s.append(writing.first_token_s)
        milestones: list[Callable[[], None]] = [partial(self._record, "first_token", {"turn": self.requests})]
        for place, (use, text) in enumerate(zip(message.calls, writing.texts, strict=True), 1):
            closed = session.CallClosed(f"call_{self.requests}_{place}", use.tool, use.args, text)
            milestones.append(partial(self._feed, closed))
        answer = None if message.calls else "(answer)"
        milestones.append(partial(self._end_message, writing.tokens, answer))
        self._stream = self._site.server.write(self.task.name, writing, milestones)
        tokens = {"prompt_tokens": writing.prompt_tokens, "cached_tokens": self._stream.cached_tokens}
        self._record("request", {"turn": self.requests, **tokens})

    def _end_message(self, tokens: int, text: str | None) -> None:
        self._record("message", {"turn": self.requests, "tokens": tokens})
        if self._ttft_s is not None:
            self.session.turn_overhead_s = median(self._ttft_s)
        self._feed(session.MessageEnd(text))

    def _record(self, rule: str, fields: Mapping[str, Any]) -> None:
        self.recorder.record((self._clock.now_s - self.started_s, rule, fields))

    def _log(self, entry: object) -> None:
        """Trace what the session does, and let the script see what the model is shown."""
        traced = trace_entry(entry, self.requests)
        if traced is not None:
            self._record(*traced)
        match entry:
            case Resume(values):
                self.conversation.show(self.session.by_number(values))
            case Deliver(futures):
                self.conversation.show(self.session.by_number({f: self.session.scheduler.values[f] for f in futures}))
            case Cut():
                self.conversation.stop()
