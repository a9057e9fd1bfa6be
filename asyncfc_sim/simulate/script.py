"""A written program as a model that follows it: which message comes next, given what has been shown so far.

A program says which calls a model makes; a script says how they become messages, under any policy. What a
synchronous trace cannot tell is assumed here, and said in every result:

messages    `call`: every call is a message of its own. `turn`: the calls of a user's turn are one message, which ends
            early before a call that must first see a result (a touch; without futures, a result in its arguments).
            `step`: as recorded, where a recording says which calls were one message.
dependence  `values`: only observed value flow makes the model wait: a value not shown yet is passed on as a future.
            `all`: before each message the model needs every result so far, and awaits what it has not been shown.
            In between, a model may be given that awaits so now and then, needed or not (`awaits`).

A value that has been shown is written out, as a model would; so under a policy without futures (an infinite grace)
the transcript is the synchronous one. To await costs a message of its own. The answer needs what `return` names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from asyncfc_sim.core.duplicates import rename
from asyncfc_sim.core.interpreter import Cursor
from asyncfc_sim.core.messages import AWAIT
from asyncfc_sim.core.references import Ref, Template, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Touch, refs_in
from asyncfc_sim.core.values import UNKNOWN, ErrorValue, Unknown, Value, bind, follow, same_json

Messages = Literal["call", "turn", "step"]
Dependence = Literal["values", "all"]


_NO_NUMBER = 900_000_000
_NEVER_ISSUED = ErrorValue("invalid_reference", "this future stands in a branch that was not taken")


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call as the model writes it. `origin` is its number in the program, 0 for an `await_future`."""

    tool: str
    args: Mapping[str, Template]
    origin: int = 0


@dataclass(frozen=True, slots=True)
class NextMessage:
    """The message a model would write now. Without calls it is the final answer of turn number `turn`."""

    calls: tuple[ToolUse, ...] = ()
    turn: int = 0

    @property
    def is_await(self) -> bool:
        return bool(self.calls) and self.calls[0].tool == AWAIT


class Script:
    """One turn of a conversation. Calls are numbered on from `numbered`, as the session numbers them.

    `references`: whether the model may pass on what it has not been shown. `begins`: the calls with which recorded
    messages begin. `awaits` says whether the model, after so many calls, first awaits all it has not been shown.
    """

    def __init__(
        self,
        program: Program,
        *,
        references: bool,
        messages: Messages = "call",
        dependence: Dependence = "values",
        numbered: int = 0,
        begins: Collection[int] = (),
        awaits: Callable[[int], bool] = lambda numbered: False,
    ) -> None:
        self._cursor = Cursor(program.body)
        self._references = references
        self._messages = messages
        self._awaits = (lambda numbered: True) if dependence == "all" else awaits
        self._begins = begins
        self.numbered = numbered
        self._number: dict[int, int] = {}  # future in the program -> number in the session
        self.origin: dict[int, int] = {}  # and back
        self._shown: dict[int, Value] = {}  # by future in the program
        self._stopped = False

    def show(self, values: Mapping[int, Value]) -> None:
        """The model has been given these values, by number."""
        for number, value in values.items():
            if number in self.origin:
                self._shown[self.origin[number]] = value

    def stop(self) -> None:
        """strict cut the turn off: what a model would do about the failure is unknown, so it answers."""
        self._stopped = True

    def next_message(self) -> NextMessage:
        """The next message, given all that has been shown."""
        unseen = self._unseen(self._number)
        if unseen and not self._stopped and self._awaits(self.numbered):
            return self._await(unseen)
        calls: list[ToolUse] = []
        while not self._stopped:
            needs = self._unseen(self._needs())
            if needs:
                return NextMessage(tuple(calls)) if calls else self._await(needs)
            match self._cursor.statement():
                case Call(future) if calls and self._messages == "step" and future in self._begins:
                    break
                case Call() as call:
                    calls.append(self._use(call))
                    self._cursor = self._cursor.after()
                    if self._messages == "call":
                        break
                case Touch():
                    self._cursor = self._cursor.after()
                case Branch(ref, literal, then, orelse):
                    value = self._shown.get(ref.future, _NEVER_ISSUED)
                    value = value if isinstance(value, ErrorValue) else follow(value, ref.path)
                    chosen = not isinstance(value, ErrorValue) and same_json(value, literal)
                    self._cursor = self._cursor.into(then if chosen else orelse)
                case Done():
                    break
        return NextMessage(tuple(calls))

    def _needs(self) -> set[int]:
        """The futures whose values the next statement must see before it can be done."""
        match self._cursor.statement():
            case Call(_, _, args):
                return set() if self._references else {ref.future for item in args.values() for ref in refs_in(item)}
            case Touch(futures):
                return set(futures)
            case Branch(ref):
                return {ref.future}
            case Done(refs):
                return {ref.future for ref in refs}

    def _unseen(self, futures: Mapping[int, int] | set[int]) -> list[int]:
        return sorted(future for future in futures if future in self._number and future not in self._shown)

    def _await(self, futures: list[int]) -> NextMessage:
        ids: list[Any] = [Ref(self._number[future]) for future in futures]
        return NextMessage((ToolUse(AWAIT, {"ids": ids}),))

    def _use(self, call: Call) -> ToolUse:
        self.numbered += 1
        args = {name: self._written(template) for name, template in call.args.items()}
        self._number[call.future] = self.numbered
        self.origin[self.numbered] = call.future
        return ToolUse(call.tool, args, call.future)

    def _name(self, future: int) -> int:
        """The number of a future; for one of a branch not taken, a number that no call has."""
        if future not in self._number:
            self.origin[_NO_NUMBER + future] = future
        return self._number.get(future, _NO_NUMBER + future)

    def _written(self, template: Template) -> Template:
        """An argument as the model writes it: values it has been shown in full, the rest as references."""
        match template:
            case Ref() | Text():
                value: Value | Unknown = bind(template, self._shown)
                if value is UNKNOWN or isinstance(value, ErrorValue):
                    return rename(template, {ref.future: self._name(ref.future) for ref in refs_in(template)})
                return value
            case list():
                return [self._written(item) for item in template]
            case dict():
                return {name: self._written(item) for name, item in template.items()}
            case _:
                return template
