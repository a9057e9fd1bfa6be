"""A dialogue whose model follows a program, or a list of messages, in an order of events that the caller chooses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncfc_sim.core.events import Cut, Deliver, Resume
from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session_events import Decide, GiveUp
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.simulate.script import Dependence, Messages, Script
from tests.dialogue import Dialogue, Written
from tests.toys import TOOLS

# From the number of things that may happen next to the one that does.
Choose = Callable[[int], int]


@dataclass(frozen=True)
class Said:
    """A message: calls in wire form, or the answer."""

    calls: Sequence[Written] = ()
    text: str | None = None


@dataclass
class Play:
    """Plays a conversation to its end: streams, tools, timers and decisions take turns as `choose` says."""

    talk: Dialogue
    next_message: Callable[[], Said]
    choose: Choose
    turns: int = 1  # of the user
    approve: bool = True
    values: Callable[[int], Value] | None = None  # what a tool returns; None: as in the toy world
    after_each: Callable[[Dialogue], None] = lambda talk: None
    _asked: int = 0
    _stream: list[Callable[[], None]] = field(default_factory=list)

    def run(self) -> Dialogue:
        """Until the last turn is over and every tool has ended.

        Then timers that are left over fire, and persons answer what they need not answer any more: in vain.
        """
        talk = self.talk
        while self._over() < self.turns or talk.running:
            moves = self._moves()
            assert moves, "stuck"
            moves[self.choose(len(moves))]()
            self.after_each(talk)
        for timer in list(talk.timers):
            talk.fire(*timer)
        for future in talk.withdrawn:
            assert talk.feed(Decide(future, approved=True)) == [], "it had been given up"
        return talk

    def _over(self) -> int:
        return len(self.talk.answers) + len(self.talk.of(GiveUp))

    def _moves(self) -> list[Callable[[], None]]:
        talk = self.talk
        if talk.asked and self._asked != len(talk.requests):
            self._asked = len(talk.requests)
            said = self.next_message()
            self._stream = [lambda call=call: self._write(*call) for call in said.calls]  # type: ignore[misc]
            self._stream.append(lambda: talk.end(said.text))
        moves: list[Callable[[], None]] = []
        if talk.asked:
            moves.append(lambda: self._stream.pop(0)())
        elif talk.turns == self._over() < self.turns:
            moves.append(talk.user)
        moves += [lambda future=future: self._finish(future) for future in talk.running]  # type: ignore[misc]
        moves += [lambda timer=timer: talk.fire(*timer) for timer in talk.timers]  # type: ignore[misc]
        moves += [lambda future=future: talk.decide(future, self.approve) for future in talk.questions]  # type: ignore[misc]
        return moves

    def _write(self, tool: str, args: Mapping[str, Any] | ErrorValue) -> None:
        if isinstance(args, ErrorValue):
            self.talk.breaks_off(tool, args)
        else:
            self.talk.call(tool, **args)

    def _finish(self, future: int) -> None:
        self.talk.finish(future, ... if self.values is None else self.values(future))


def run_program(
    program: Program,
    policy: Policy,
    choose: Choose,
    *,
    tools: Mapping[str, Tool] = TOOLS,
    messages: Messages = "call",
    dependence: Dependence = "values",
    after_each: Callable[[Dialogue], None] = lambda talk: None,
) -> tuple[Dialogue, Script]:
    """A whole conversation of one turn, in which the model does what `program` says."""
    script = Script(program, references=policy.references, messages=messages, dependence=dependence)

    def watch(entry: object) -> None:
        match entry:
            case Resume(values):
                script.show(talk.session.by_number(values))
            case Deliver(futures):
                values = talk.session.scheduler.values
                script.show(talk.session.by_number({future: values[future] for future in futures}))
            case Cut():
                script.stop()

    def next_message() -> Said:
        uses = script.next_message().calls
        return Said([(use.tool, wire(use.args)) for use in uses], None if uses else "done")

    talk = Dialogue(policy, tools, begin=False, watch=watch)
    talk.user()
    return Play(talk, next_message, choose, after_each=after_each).run(), script


def wire(args: Mapping[str, Any]) -> dict[str, Any]:
    """Templates as the model writes them; the dialogue parses them again."""
    loaded: dict[str, Any] = json.loads(arguments(args))
    return loaded
