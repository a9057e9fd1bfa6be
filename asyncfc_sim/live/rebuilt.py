"""A journaled run, fed to a fresh session: the session as it was, and what it wants done that was not done.

A session is a pure state machine: fed what the journal says it was fed, it does the same again, if the tools are the
same; that is checked against the recorded trace. What it does beyond the end of the trace had not reached the disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from statistics import median
from typing import Final

from asyncfc_sim.core import session_events as session
from asyncfc_sim.core.events import End, Fail, Finish, ProtocolError, Settle, Start, Stop
from asyncfc_sim.core.session import Log, Session
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, canonical
from asyncfc_sim.traces.encode import encode_fields
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.journal import Entry, JournaledRun

from .inputs import Closing, Resumed, from_row
from .model import Usage
from .plan import ResumeError, plan_of

# What the session itself writes into a trace; the rest comes from the driver.
_REPLAYED: Final = frozenset(
    {"issue", "start", "finish", "fail", "touch", "deliver", "cancel", "timeout", "end", "cut", "placeholder", "answer"}
)


class Rebuilt:
    """The state of a run when it broke off. Raises ResumeError if the session does not do what the trace says it did.

    `log` is what the session reports to: while it is fed, the comparison with the trace; later whoever goes on.
    """

    def __init__(self, run: JournaledRun, tools: Mapping[str, Tool]) -> None:
        self.run, self.plan = run, plan_of(run)
        self.log: Log = self._compare
        instructions = self.plan.instructions or ""
        self.session = Session(tools, self.plan.policy, instructions=instructions, log=lambda entry: self.log(entry))
        self.outputs: list[str] = []  # the answers so far
        self.gave_up: str | None = None  # why the last turn ended without one
        self.users = self.turns = 0  # messages of the user: those noted, and those that the session was told of
        # Of the model: ids and times of all requests so far, and the message that is being written.
        self.tool_call_ids: list[str] = []
        self.ttft_s: list[float] = []
        self.usage = Usage()
        self.requested: tuple[int, float] | None = None  # its number in the trace, and when it was asked for
        self.request: session.Request | None = None
        self.calls_closed = 0  # in it
        # Of the calls: started and not ended, each with its start in the trace (None: not on disk); those of them
        # that were given up, or that were started while the run was being closed, and so did not run.
        self.under_way: dict[int, Start] = {}
        self.started: dict[int, Entry | None] = {}
        self.given_up: set[int] = set()
        self.held: set[int] = set()
        self.questions: dict[int, session.AskApproval] = {}
        self.timers: dict[session.Timer, session.SetTimer] = {}
        self.unwritten: list[object] = []  # what the session did that is not in the trace
        self._recorded = [(number, entry) for number, entry in enumerate(run.events, 1) if entry.name in _REPLAYED]
        self._compared = self._messages = 0
        self._closing = False
        self._replay()

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
        if self._compared < len(self._recorded):
            number, missed = self._recorded[self._compared]
            raise self._differs(number, _shown(missed.name, missed.body), "nothing of the kind")

    def _note(self, entry: Entry) -> None:
        """An event of the trace that tells of the model, and how long it took."""
        match entry.name:
            case "user":
                self.users += 1
            case "request":
                self.requested = (entry.body["turn"], entry.t)
            case "first_token" if self.requested is not None:
                self.ttft_s.append(entry.t - self.requested[1])
            case "message":
                self.requested = None
                tokens = ("prompt_tokens", "tokens", "cached_tokens")
                self.usage = self.usage.plus(Usage(*(entry.body.get(name) for name in tokens)))

    def _feed(self, entry: Entry) -> None:
        given = from_row(entry.name, entry.body)
        match given:
            case Closing():
                self._closing = True
                return
            case Resumed():
                self._closing = False
                self.held.clear()
                return
            case session.UserMessage():
                self.turns += 1
            case session.CallClosed(tool_call_id):
                self.calls_closed += 1
                self.tool_call_ids.append(tool_call_id)
            case session.MessageEnd():
                self.request = None
                self.session.turn_overhead_s = median(self.ttft_s) if self.ttft_s else inf
            case session.TimerFired(timer):
                self.timers.pop(timer, None)
            case session.Decide(future):
                self.questions.pop(future, None)
            case Finish(future) | Fail(future) | End(future):
                self.under_way.pop(future, None)
        for action in self.session.feed(given):
            self._left(action)

    def _left(self, action: session.Action) -> None:
        """Something to be done; later inputs may say that it was."""
        match action:
            case Start(future):
                self.under_way[future] = action
                if self._closing:
                    self.held.add(future)
            case Stop(future):
                self.given_up.add(future)
            case Settle(future):
                self.questions.pop(future, None)
                self.timers.pop(("timeout", future), None)
                self.timers.pop(("retry", future), None)
            case session.Request():
                self.request, self.calls_closed = action, 0
                self._messages += 1
                for kind in ("grace", "await"):
                    self.timers.pop((kind, self._messages - 1), None)
            case session.Interrupt():
                self.request = None
            case session.SetTimer(timer):
                self.timers[timer] = action
            case session.AskApproval(future):
                self.questions[future] = action
            case session.Withdraw(future):
                self.questions.pop(future, None)
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
        if self._compared < len(self._recorded):
            number, row = self._recorded[self._compared]
            now = traced[0], encode_fields(*traced)
            if _essence(*now) != _essence(row.name, row.body):
                raise self._differs(number, _shown(row.name, row.body), _shown(*now))
        else:
            self.unwritten.append(entry)
        self._compared += 1
        if isinstance(entry, Start):
            self.started[entry.future] = row

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
