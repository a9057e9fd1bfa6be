"""Going on with a run that broke off, from its journal. Nothing that was done is done again.

A session is a pure state machine: fed what the journal says it was fed, it is in the state in which it was, and wants
done what had not been done. Of that,

    a call that writes nothing, or is idempotent, is run again if it was under way, without asking
    a call that had not been started, as far as the disk knows, has had no effect (its intent is written first): it runs
    a call that was started, and whose end is not in the journal, is *in doubt*: it may have had its effect. Somebody
      has to say what to do: run it `again`, take it to have `failed` (so do the calls that need it), or say what it
      returned, `done`. Until then nothing goes on
    a call given up before (cancelled, timed out) has ended with the process that ran it
    a message that was being written ends after the calls that are complete; without one it is asked for again
    people are asked again for approval, and timers start anew

That the session, with the tools that there are now, does the same again is checked against the recorded trace.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Any, Final, Literal

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import End, Fail, Finish, ProtocolError, Settle, Start, Stop
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, canonical
from asyncfc_sim.traces.encode import encode_fields, template_from_json
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.journal import Entry, JournaledRun
from asyncfc_sim.traces.trace import RawEvent

from .driver import Driver
from .inputs import Closing, Resumed, from_row
from .model import Usage
from .plan import ResumeError, plan_of


@dataclass(frozen=True, slots=True)
class Done:
    """A call in doubt has had its effect, and returned this."""

    value: JSON


Decision = Literal["again", "failed"] | Done


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A call that may have had its effect: it was started, and did not end while anybody looked."""

    future: int
    tool: str
    args: Mapping[str, JSON]
    started_s: float  # since the start of the run

    def __str__(self) -> str:
        args = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in self.args.items())
        return f"$f{self.future} {self.tool}({args}), started at {self.started_s:.3f} s"


class InDoubt(ResumeError):
    """`calls` may have had their effects, and nobody has said what to do about them."""

    def __init__(self, calls: tuple[Doubtful, ...]) -> None:
        told = "".join(f"\n  {call}" for call in calls)
        super().__init__(f"calls are in doubt; decide for each: again, failed or done with a value{told}")
        self.calls = calls


def decision(text: str) -> tuple[int, Decision]:
    """`f3=again`, `f3=failed` or `f3=done:JSON`: the future, and what to do about it. Raises ResumeError."""
    name, _, what = text.partition("=")
    number = name.strip().lstrip("$").removeprefix("f")
    if number.isdecimal() and len(number) < 10:
        match what.strip():
            case "again" | "failed" as said:
                return int(number), said
            case said if said.startswith("done:"):
                try:
                    return int(number), Done(json.loads(said.removeprefix("done:")))
                except ValueError as error:
                    raise ResumeError(f"{text!r}: broken JSON after done: {error}") from None
    raise ResumeError(f"{text!r}: expected f3=again, f3=failed or f3=done:JSON")


@dataclass(slots=True)
class Next:
    """What to do to go on: actions of the session that had not been performed, and events that it is to be told."""

    actions: list[session.Action] = field(default_factory=list)
    events: list[session.Event] = field(default_factory=list)


# What the session itself writes into a trace; the rest comes from the driver.
_REPLAYED: Final = frozenset(
    {"issue", "start", "finish", "fail", "touch", "deliver", "cancel", "timeout", "end", "cut", "placeholder", "answer"}
)


class Past:
    """A journaled run, fed to a fresh session of these tools.

    `outputs` are the answers so far, `gave_up` why the last turn ended without one, `prompts` what the user has still
    to say. `completed` are the calls that will not run again, `in_doubt` those that somebody has to decide on.

    Raises ResumeError if the session does not do what the trace says it did.
    """

    def __init__(self, run: JournaledRun, tools: Mapping[str, Tool]) -> None:
        self.run, self.plan = run, plan_of(run)
        self.log = self._compare  # later the recording's
        self.session = Session(tools, self.plan.policy, log=lambda entry: self.log(entry))
        self.outputs: list[str] = []
        self.gave_up: str | None = None
        self.tool_call_ids: list[str] = []
        self.ttft_s: list[float] = []
        self.usage = Usage()
        self._tools = tools
        self._recorded = [(number, entry) for number, entry in enumerate(run.events, 1) if entry.name in _REPLAYED]
        self._written = 0  # entries of the session's log so far
        self._unwritten: list[object] = []  # those of them that did not reach the disk
        self._turns = self._users = self._messages = self._calls = 0
        self._requested: tuple[int, float] | None = None  # the message being written, and when it was asked for
        self._request: session.Request | None = None
        self._under_way: dict[int, Start] = {}
        self._started: dict[int, Entry | None] = {}  # None: not on disk
        self._given_up: set[int] = set()
        self._held: set[int] | None = None  # started while the run was being closed: not run
        self._questions: dict[int, session.AskApproval] = {}
        self._timers: dict[session.Timer, session.SetTimer] = {}
        self._replay()

    # ------------------------------------------------------------------------------------------------- what there is

    @property
    def prompts(self) -> tuple[str, ...]:
        return tuple(self.plan.prompts[self._turns :])

    @property
    def is_open(self) -> bool:
        """Whether the user waits for an answer."""
        return self._users > len(self.outputs) and self.gave_up is None

    @property
    def completed(self) -> tuple[int, ...]:
        return tuple(self.session.scheduler.values)

    @property
    def in_doubt(self) -> tuple[Doubtful, ...]:
        return tuple(
            Doubtful(future, start.tool, start.args, started.t)
            for future, start in self._under_way.items()
            if (started := self._started[future]) is not None and self._is_doubtful(start)
        )

    def _is_doubtful(self, start: Start) -> bool:
        tool = self._tools[start.tool]
        effects = bool(start.footprint.writes) or tool.irreversible
        held = self._held is not None and start.future in self._held
        return effects and not tool.idempotent and not held and start.future not in self._given_up

    # -------------------------------------------------------------------------------------------------- what to do

    def decided(self, decisions: Mapping[int, Decision]) -> Next:
        """How to go on. Raises InDoubt if a decision lacks, ResumeError if one is about a call not in doubt."""
        if not self.is_open and not self.prompts:
            why = f"it gave up: {self.gave_up}" if self.gave_up else "its last prompt was answered"
            raise ResumeError(f"run {self.run.header.run!r} has ended, there is nothing to resume: {why}")
        doubtful = {call.future: call for call in self.in_doubt}
        for future in decisions:
            if future not in doubtful:
                known = ", ".join(f"$f{number}" for number in doubtful) or "none"
                raise ResumeError(f"$f{future} is not in doubt; in doubt: {known}")
        if left := tuple(call for future, call in doubtful.items() if future not in decisions):
            raise InDoubt(left)
        todo = Next([*self._timers.values()])
        for future, start in self._under_way.items():
            match decisions.get(future, "again"):
                case _ if future in self._given_up:
                    todo.events.append(End(future))
                case "again":
                    todo.actions.append(start)
                case "failed":
                    todo.events.append(Fail(future, _unknown(future)))
                case Done(value):
                    todo.events.append(Finish(future, value))
        todo.actions += self._questions.values()
        if self._request is not None and self._calls:
            todo.events.append(session.MessageEnd())
        elif self._request is not None:
            todo.actions.append(self._request)
        if self._users > self._turns:  # the user's message was noted, and did not get through
            todo.events.append(session.UserMessage(self.plan.prompts[self._turns]))
            self._turns += 1
        return todo

    def take_up(self, driver: Driver, todo: Next) -> Awaitable[str] | None:
        """Have `driver`, a fresh one, go on. Returns the answer that is to come; None if the user has them all."""
        recording, self.log = driver.recording, driver.recording.log
        driver.asker.go_on(self.tool_call_ids, self.ttft_s, self.usage)
        recording.begin(asyncio.get_running_loop().time, [*map(_raw, self.run.events)])
        recording.take(Resumed())
        for entry in self._unwritten:
            recording.log(entry)
        if self._requested is not None:
            recording.message(self._requested[0], None, {})
        waits = self.is_open
        answer = driver.take_over(self.session, todo.actions, todo.events)
        return answer if waits else None

    # ------------------------------------------------------------------------------------------------- the replay

    def _replay(self) -> None:
        inputs = {entry.seq for entry in self.run.inputs}
        try:
            for entry in sorted((*self.run.events, *self.run.inputs)):
                if entry.seq in inputs:
                    self._feed(entry)
                else:
                    self._note(entry)
        except (ProtocolError, ValueError) as error:
            if isinstance(error, ResumeError):
                raise
            raise ResumeError(
                f"run {self.run.header.run!r}: what was fed to its session does not fit: {error}"
            ) from None
        if self._written < len(self._recorded):
            number, missed = self._recorded[self._written]
            raise self._differs(number, _shown(missed.name, missed.body), "nothing of the kind")

    def _note(self, entry: Entry) -> None:
        """An event of the trace that tells of the model, and how long it took."""
        match entry.name:
            case "user":
                self._users += 1
            case "request":
                self._requested = (entry.body["turn"], entry.t)
            case "first_token" if self._requested is not None:
                self.ttft_s.append(entry.t - self._requested[1])
            case "message":
                self._requested = None
                tokens = ("prompt_tokens", "tokens", "cached_tokens")
                self.usage = self.usage.plus(Usage(*(entry.body.get(name) for name in tokens)))

    def _feed(self, entry: Entry) -> None:
        given = from_row(entry.name, entry.body)
        match given:
            case Closing():
                self._held = set()
                return
            case Resumed():
                self._held = None
                return
            case session.UserMessage():
                self._turns += 1
            case session.CallClosed(tool_call_id):
                self._calls += 1
                self.tool_call_ids.append(tool_call_id)
            case session.MessageEnd():
                self._request = None
                self.session.turn_overhead_s = median(self.ttft_s) if self.ttft_s else inf
            case session.TimerFired(timer):
                self._timers.pop(timer, None)
            case session.Decide(future):
                self._questions.pop(future, None)
            case Finish(future) | Fail(future) | End(future):
                self._under_way.pop(future, None)
        for action in self.session.feed(given):
            self._left(action)

    def _left(self, action: session.Action) -> None:
        """Something to be done; later inputs may say that it was."""
        match action:
            case Start(future):
                self._under_way[future] = action
                if self._held is not None:
                    self._held.add(future)
            case Stop(future):
                self._given_up.add(future)
            case Settle(future):
                self._questions.pop(future, None)
                self._timers.pop(("timeout", future), None)
                self._timers.pop(("retry", future), None)
            case session.Request():
                self._request, self._calls = action, 0
                self._messages += 1
                for kind in ("grace", "await"):
                    self._timers.pop((kind, self._messages - 1), None)
            case session.Interrupt():
                self._request = None
            case session.SetTimer(timer):
                self._timers[timer] = action
            case session.AskApproval(future):
                self._questions[future] = action
            case session.Withdraw(future):
                self._questions.pop(future, None)
            case session.Answer(text):
                self.outputs.append(text or "")
            case session.GiveUp(reason):
                self.gave_up = reason

    def _compare(self, entry: object) -> None:
        """The session does the same as before, as far as it is written down; what comes then was not written."""
        traced = trace_entry(entry)
        if traced is None or traced[0] not in _REPLAYED:
            return
        row: Entry | None = None
        if self._written < len(self._recorded):
            number, row = self._recorded[self._written]
            now = traced[0], encode_fields(*traced)
            if _essence(*now) != _essence(row.name, row.body):
                raise self._differs(number, _shown(row.name, row.body), _shown(*now))
        else:
            self._unwritten.append(entry)
        self._written += 1
        if isinstance(entry, Start):
            self._started[entry.future] = row

    def _differs(self, number: int, then: str, now: str) -> ResumeError:
        return ResumeError(
            f"run {self.run.header.run!r} cannot be resumed with these tools. Event {number} of its trace is: {then}; "
            f"now it would be: {now}. Were tools or their footprints changed since?"
        )


def _essence(rule: str, fields: Mapping[str, JSON]) -> str:
    """What must be the same: which message a call was in and what was said are not the session's."""
    return rule + canonical({name: value for name, value in fields.items() if name not in ("message", "text")})


def _shown(rule: str, fields: Mapping[str, JSON]) -> str:
    return f"{rule} {canonical(fields)}"[:300]


def _unknown(future: int) -> ErrorValue:
    why = "the run broke off while this call was under way: whether it has had its effect is not known"
    return ErrorValue("tool_error", why, future, effects="unknown")


def _raw(entry: Entry) -> RawEvent:
    """An event as the driver had recorded it: a Recorder encodes references itself."""
    fields: dict[str, Any] = entry.body
    if entry.name == "issue":
        fields = {**fields, "args": template_from_json(fields["args"])}
    return entry.t, entry.name, fields
