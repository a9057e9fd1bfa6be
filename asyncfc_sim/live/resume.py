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
from typing import Any, Literal

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import End, Fail, Finish, Start
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue
from asyncfc_sim.traces.encode import template_from_json
from asyncfc_sim.traces.journal import Entry, JournaledRun
from asyncfc_sim.traces.trace import RawEvent

from .driver import Driver
from .inputs import Resumed
from .plan import Plan, ResumeError
from .rebuilt import Rebuilt


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


class Resumption:
    """A journaled run, ready to go on with these tools. Raises ResumeError if they do not fit to it."""

    def __init__(self, run: JournaledRun, tools: Mapping[str, Tool]) -> None:
        self.run = run
        self._tools, self._past = tools, Rebuilt(run, tools)

    @property
    def plan(self) -> Plan:
        return self._past.plan

    @property
    def outputs(self) -> tuple[str, ...]:
        """The answers so far."""
        return tuple(self._past.outputs)

    @property
    def prompts(self) -> tuple[str, ...]:
        """What the user has still to say."""
        return tuple(self.plan.prompts[max(self._past.turns, self._past.users) :])

    @property
    def is_open(self) -> bool:
        """Whether the user waits for an answer."""
        return self._past.users > len(self._past.outputs) and self._past.gave_up is None

    @property
    def completed(self) -> tuple[int, ...]:
        """The calls that will not run again."""
        return tuple(self._past.session.scheduler.values)

    @property
    def in_doubt(self) -> tuple[Doubtful, ...]:
        """The calls that somebody has to decide on."""
        return tuple(
            Doubtful(future, start.tool, start.args, started.t)
            for future, start in self._past.under_way.items()
            if (started := self._past.started[future]) is not None and self._is_doubtful(start)
        )

    def _is_doubtful(self, start: Start) -> bool:
        tool = self._tools[start.tool]
        ran = start.future not in self._past.held | self._past.given_up
        return tool.may_act(start.footprint) and not tool.idempotent and ran

    def decided(self, decisions: Mapping[int, Decision]) -> Next:
        """How to go on. Raises InDoubt if a decision lacks, ResumeError if one is about a call not in doubt."""
        past = self._past
        if not self.is_open and (past.gave_up or not self.prompts):
            why = f"it gave up: {past.gave_up}" if past.gave_up else f"its answer is {past.outputs[-1]!r}"
            raise ResumeError(f"run {self.run.header.run!r} has ended, there is nothing to resume: {why}")
        doubtful = {call.future: call for call in self.in_doubt}
        for future in decisions:
            if future not in doubtful:
                known = ", ".join(f"$f{number}" for number in doubtful) or "none"
                raise ResumeError(f"$f{future} is not in doubt; in doubt: {known}")
        if left := tuple(call for future, call in doubtful.items() if future not in decisions):
            raise InDoubt(left)
        todo = Next([*past.timers.values()])
        for future, start in past.under_way.items():
            match decisions.get(future, "again"):
                case _ if future in past.given_up:
                    todo.events.append(End(future))
                case "again":
                    todo.actions.append(start)
                case "failed":
                    todo.events.append(Fail(future, _unknown(future)))
                case Done(value):
                    todo.events.append(Finish(future, value))
        todo.actions += past.questions.values()
        if past.request is not None and past.calls_closed:
            todo.events.append(session.MessageEnd())
        elif past.request is not None:
            todo.actions.append(past.request)
        if past.users > past.turns:  # the user's message was noted, and the session was not told of it any more
            todo.events.append(session.UserMessage(self.plan.prompts[past.turns]))
        return todo

    def take_up(self, driver: Driver, todo: Next) -> Awaitable[str] | None:
        """Have `driver`, a fresh one, go on. Returns the answer that is to come; None if the user has them all."""
        past, recording = self._past, driver.recording
        past.log = recording.log
        driver.asker.go_on(past.tool_call_ids, past.ttft_s, past.usage)
        ran = (
            f"{len(self.completed)} calls are not run again, {sum(isinstance(a, Start) for a in todo.actions)} are run"
        )
        driver.asker.notes[f"resumed after {self.run.trace().makespan_s:.3f} s: {ran}"] = None
        recording.begin(asyncio.get_running_loop().time, [*map(_raw, self.run.events)])
        recording.take(Resumed())
        for entry in past.unwritten:
            recording.log(entry)
        if past.requested is not None:
            recording.message(past.requested[0], None, {})
        answer = driver.take_over(past.session, todo.actions, todo.events)
        return answer if self.is_open else None


def _unknown(future: int) -> ErrorValue:
    why = "the run broke off while this call was under way: whether it has had its effect is not known"
    return ErrorValue("tool_error", why, future, effects="unknown")


def _raw(entry: Entry) -> RawEvent:
    """An event as the driver had recorded it: a Recorder encodes references itself."""
    fields: dict[str, Any] = entry.body
    if entry.name == "issue":
        fields = {**fields, "args": template_from_json(fields["args"])}
    return entry.t, entry.name, fields
