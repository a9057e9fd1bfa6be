"""A written program as the decoder of a run: which event comes next, and what it has seen.

The reference machine, the walker and the explorer all read programs through this one interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import syntax
from .events import Action, Cut, Drain, Drained, Event, Issue, Resume, Touch
from .references import Path
from .syntax import Branch, Call, Done, Program, Statement
from .values import ErrorValue, Value, follow, same_json


@dataclass(frozen=True, slots=True)
class Seen:
    """A value that was handed to the decoder, and the last call it had issued by then (0: none)."""

    after: int
    future: int
    value: Value


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that can be observed of a run, but for the world: what must be equal whatever the schedule."""

    values: Mapping[int, Value]
    seen: tuple[Seen, ...]
    answer: tuple[Value, ...]
    stopped_at: int | None = None  # strict: the call that failed first


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a program: a position in a block, and where to go on after that block."""

    body: tuple[Statement, ...]
    position: int = 0
    outer: Cursor | None = None

    def statement(self) -> Statement:
        """The statement to do next; past the end of the program, an empty `Done`."""
        place = self._settled()
        return place.body[place.position] if place.position < len(place.body) else Done()

    def after(self) -> Cursor:
        """The place behind this statement."""
        place = self._settled()
        return Cursor(place.body, place.position + 1, place.outer)

    def into(self, block: tuple[Statement, ...]) -> Cursor:
        """The start of a block of this statement; behind the block the program goes on behind the statement."""
        return Cursor(block, 0, self.after())

    def _settled(self) -> Cursor:
        place = self
        while place.position == len(place.body) and place.outer is not None:
            place = place.outer
        return place


class Interpreter:
    """Runs a program statement by statement. Ask for `next_event`, feed it to the scheduler, pass on what comes out."""

    def __init__(self, program: Program, last_issued: int = 0) -> None:
        self.cursor = Cursor(program.body)
        self.seen: tuple[Seen, ...] = ()
        self.answer: tuple[Value, ...] = ()
        self.ended = False
        self.stopped_at: int | None = None
        self.answered = False  # all that is left is to drain
        self._issued: set[int] = set()
        self._last_issued = last_issued
        self._waits = False

    @property
    def ready(self) -> bool:
        """Whether there is a next event: the decoder neither waits for values nor has ended."""
        return not (self._waits or self.ended)

    @property
    def awaited(self) -> tuple[int, ...]:
        """The futures that it waits for."""
        statement = self.cursor.statement()
        return () if self.ready or isinstance(statement, Call) else _futures(statement)

    def next_event(self) -> Event | None:
        """Do the next statement, and return its event; None if not `ready`."""
        if not self.ready:
            return None
        match self.cursor.statement():
            case Call() as call:
                self.cursor = self.cursor.after()
                self._issued.add(call.future)
                self._last_issued = call.future
                return Issue(call)
            case syntax.Touch() | Branch() | Done() as statement:
                self._waits = True
                return Touch(tuple(sorted(set(_futures(statement)) & self._issued)))

    def receive(self, action: Action) -> Event | None:
        """Take note of an action for the decoder; returns the event with which it answers at once, if any."""
        match action:
            case Resume(values):
                return self._resume(values)
            case Cut(future):
                self.seen = tuple(seen for seen in self.seen if seen.after < future)
                self.answer = ()
                self.stopped_at, self.ended, self._waits = future, True, False
            case Drained():
                self.ended, self._waits = True, False
        return None

    def _resume(self, values: Mapping[int, Value]) -> Event | None:
        self.hand_over(values)
        match self.cursor.statement():
            case Branch(ref, literal, then, orelse):
                value = _part(values, ref.future, ref.path)
                chosen = not isinstance(value, ErrorValue) and same_json(value, literal)
                self.cursor = self.cursor.into(then if chosen else orelse)
            case Done(refs):
                self.answered = True
                self.answer = tuple(_part(values, ref.future, ref.path) for ref in refs)
                return Drain()  # the decoder keeps waiting: it has ended when all is drained
            case _:
                self.cursor = self.cursor.after()
        self._waits = False
        return None

    def hand_over(self, values: Mapping[int, Value]) -> None:
        """Take note of values that were delivered unasked: a touch that the environment chose, at this place."""
        self.seen += tuple(Seen(self._last_issued, future, value) for future, value in values.items())

    def outcome(self, values: Mapping[int, Value]) -> Outcome:
        return Outcome(dict(values), self.seen, self.answer, self.stopped_at)

    def fork(self) -> Interpreter:
        twin = Interpreter.__new__(Interpreter)
        twin.__dict__.update(self.__dict__)
        twin._issued = set(self._issued)
        return twin


def _futures(statement: syntax.Touch | Branch | Done) -> tuple[int, ...]:
    match statement:
        case syntax.Touch(futures):
            return futures
        case Branch(ref):
            return (ref.future,)
        case Done(refs):
            return tuple(ref.future for ref in refs)


def _part(values: Mapping[int, Value], future: int, path: Path) -> Value:
    if future not in values:
        return ErrorValue("invalid_reference", f"there is no future $f{future}")
    return follow(values[future], path)
