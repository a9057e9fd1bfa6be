"""A session driven by hand: the test plays the user, the model, the tools and the clock.

Whatever the session asks for is kept here, so that a test reads as the conversation it is about. Every request is
checked on the way: a chat server would accept its transcript.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from asyncfc_sim.core.events import Deliver, Fail, Finish, Issue, Resume, Start, Stop
from asyncfc_sim.core.policy import ASYNCFC, Policy
from asyncfc_sim.core.references import parse_string
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.session_events import (
    Action,
    Answer,
    AskApproval,
    CallClosed,
    Decide,
    Event,
    GiveUp,
    Interrupt,
    MessageEnd,
    Request,
    SetTimer,
    Timer,
    TimerFired,
    UserMessage,
    Withdraw,
)
from asyncfc_sim.core.syntax import Program, Statement, Touch
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from tests.toys import TOOLS, ToyWorld

# The paper's protocol, with every call run as it is written: what most tests vary.
PAPER = replace(ASYNCFC, grace_s=0.0, delivery="on_touch", duplicates="run")

# A call as the model writes it: the tool, and arguments in wire form (references are strings).
Written = tuple[str, Mapping[str, Any]]


class Dialogue:
    """One conversation. `world` answers calls whose value a test does not choose."""

    def __init__(
        self,
        policy: Policy = PAPER,
        tools: Mapping[str, Tool] = TOOLS,
        *,
        turn_overhead_s: float = float("inf"),
        begin: bool = True,
        watch: Callable[[object], None] = lambda entry: None,
    ) -> None:
        self.log: list[object] = []
        self._watch = watch
        self.session = Session(tools, policy, turn_overhead_s=turn_overhead_s, log=self._logged)
        self.world = ToyWorld()
        self.turns = 0
        self.actions: list[Action] = []
        self.requests: list[list[dict[str, Any]]] = []  # every transcript that was sent
        self.cached: list[int] = []  # and how much of it the model had seen as it is
        self.running: dict[int, Start] = {}  # tools under way
        self.started: list[int] = []
        self.questions: dict[int, Mapping[str, Any]] = {}  # calls that wait for a person
        self.withdrawn: list[int] = []  # calls that no longer do, because they were given up
        self.timers: dict[Timer, float] = {}
        self.asked = False  # the model has been asked and has not ended its message
        self.answers: list[str | None] = []
        self._ids = 0
        if begin:
            self.user()

    # ------------------------------------------------------------------------------------------ what a test does

    def user(self, text: str = "go") -> None:
        self.turns += 1
        self.feed(UserMessage(text))

    def call(self, tool: str, **args: Any) -> None:
        """The model writes one call of its message; `args` as on the wire."""
        self._ids += 1
        self.feed(CallClosed(f"call_{self._ids}", tool, {name: parsed(value) for name, value in args.items()}))

    def breaks_off(self, tool: str, fault: ErrorValue) -> None:
        """The model writes a call whose arguments are no JSON."""
        self._ids += 1
        self.feed(CallClosed(f"call_{self._ids}", tool, fault, text='{"x": '))

    def says(self, *calls: Written, text: str | None = None) -> None:
        """The model writes a whole message."""
        for tool, args in calls:
            self.call(tool, **args)
        self.end(text)

    def end(self, text: str | None = None) -> None:
        self.asked = False
        self.feed(MessageEnd(text))

    def finish(self, future: int, value: Any = ...) -> None:
        """A tool ends: with `value`, or as it does in the world."""
        start = self.running.pop(future)
        ended = self.world.execute(future, start.tool, start.args) if value is ... else value
        self.feed(Fail(future, ended) if isinstance(ended, ErrorValue) else Finish(future, ended))

    def fail(self, future: int, message: str = "boom", *, retryable: bool = False) -> None:
        self.finish(future, ErrorValue("tool_error", message, retryable=retryable))

    def fire(self, kind: str, number: int) -> None:
        timer: Any = (kind, number)
        self.timers.pop(timer)
        self.feed(TimerFired(timer))

    def _logged(self, entry: object) -> None:
        self.log.append(entry)
        self._watch(entry)

    def decide(self, future: int, approved: bool) -> None:
        self.questions.pop(future)
        self.feed(Decide(future, approved))

    def feed(self, event: Event) -> list[Action]:
        actions = self.session.feed(event)
        self.actions += actions
        for action in actions:
            match action:
                case Request(transcript, cached):
                    assert_protocol_valid(transcript)
                    self.requests.append(deepcopy(transcript))
                    self.cached.append(cached)
                    self.asked = True
                case Interrupt():
                    self.asked = False
                case Start(future):
                    self.running[future] = action
                    self.started.append(future)
                case Stop(future):
                    assert future in self.running, "nothing to stop"
                case AskApproval(future, _, args):
                    self.questions[future] = args
                case Withdraw(future):
                    del self.questions[future]
                    self.withdrawn.append(future)
                case SetTimer(timer, delay_s):
                    self.timers[timer] = delay_s
                case Answer(text):
                    self.answers.append(text)
                case GiveUp():
                    self.asked = False
        return actions

    # --------------------------------------------------------------------------------------------- what it sees

    @property
    def transcript(self) -> list[dict[str, Any]]:
        """As it was last sent."""
        return self.requests[-1]

    def shown(self) -> list[Any]:
        """What the calls of the latest message were answered with, as the model reads it."""
        last = max(position for position, message in enumerate(self.transcript) if message["role"] == "assistant")
        return [json.loads(message["content"]) for message in self.transcript[last + 1 :] if message["role"] == "tool"]

    def of(self, kind: type[Any]) -> list[Any]:
        """All actions of one kind, so far."""
        return [action for action in self.actions if isinstance(action, kind)]


def parsed(value: Any) -> Any:
    """An argument from its wire form."""
    match value:
        case str():
            return parse_string(value)
        case list():
            return [parsed(item) for item in value]
        case dict():
            return {name: parsed(item) for name, item in value.items()}
        case _:
            return value


def pending(future: int) -> dict[str, str]:
    """How a placeholder reads."""
    return {"future": f"$f{future}", "status": "pending"}


def assert_protocol_valid(transcript: list[dict[str, Any]]) -> None:
    """What chat servers demand: every call is answered exactly once, in order, right after its message."""
    position = 0
    while position < len(transcript):
        message = transcript[position]
        position += 1
        assert message["role"] in ("user", "assistant"), "a tool message without its call"
        for call in message.get("tool_calls", ()):
            json.loads(call["function"]["arguments"])
            answer = transcript[position]
            position += 1
            assert (answer["role"], answer["tool_call_id"]) == ("tool", call["id"])
            assert isinstance(answer["content"], str)
    assert transcript[-1]["role"] != "assistant", "nothing to answer"
    ids = [call["id"] for message in transcript for call in message.get("tool_calls", ())]
    assert len(set(ids)) == len(ids)


def emitted_program(log: list[object]) -> Program:
    """The program that a session turned out to run: its calls in order, with a touch wherever values were shown."""
    body: list[Statement] = []
    for entry in log:
        match entry:
            case Issue(call):
                body.append(call)
            case Resume(values) if values:
                body.append(Touch(tuple(values)))
            case Deliver(futures):
                body.append(Touch(futures))
    return Program(tuple(body))


def error_of(value: Value) -> str:
    """The kind of an error value."""
    assert isinstance(value, ErrorValue)
    return value.kind
