"""A world of keys and JSON values, and tools that are not atomic: each read or write of a key is a step of its own.

A tool's body is a generator of accesses. It yields `Read`, `Write` or `List`, is sent what it reads, and returns its
value or raises `ToolFailed`. It must be deterministic in its arguments and what it reads: a call under way is known by
its arguments and its history (what it was sent so far), and is run again from them to find its next step. So states
of a run are plain values that can be compared and copied (formal.md 1.2: the interaction tree of a tool).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.core.values import JSON, ErrorValue, Value, canonical

from .workload import World


@dataclass(frozen=True, slots=True)
class Read:
    """Read a key; answered with its value, None if it is absent."""

    key: str


@dataclass(frozen=True, slots=True)
class Write:
    """Write a key; None deletes it. Answered with None."""

    key: str
    value: JSON


@dataclass(frozen=True, slots=True)
class List:
    """Read a whole region (`file:/d/*`); answered with what stands behind its prefix in each key of it, sorted."""

    pattern: str


Op = Read | Write | List
Body = Callable[..., Generator[Op, JSON, JSON]]


class ToolFailed(Exception):
    """Raised by a body: the call fails with this message. What it wrote before stays written."""


@dataclass(frozen=True, slots=True)
class Accessed:
    """A step of a call: what it touched, and what it was sent for it, which goes into its history."""

    access: Access
    answer: JSON


@dataclass(frozen=True, slots=True)
class Returned:
    """The last step of a call: its value, or why it failed."""

    value: Value


Step = Accessed | Returned
History = tuple[JSON, ...]


class SteppedWorld(World, Protocol):
    """A world whose calls may be run step by step, in any interleaving."""

    def step(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Step:
        """Do the next step of a call that has been sent `history` so far."""

    def peek(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Access | None:
        """What the next step of a call would touch; None if it would return. Changes nothing."""


def all_steps(world: SteppedWorld, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
    """Run a call to its end, with nothing in between."""
    history: History = ()
    while isinstance(step := world.step(future, tool, args, history), Accessed):
        history = (*history, step.answer)
    return step.value


class KeyWorld:
    """Values by key, and the bodies of the tools by name."""

    def __init__(self, bodies: Mapping[str, Body], values: Mapping[str, JSON]) -> None:
        self._bodies = bodies
        self.values = {key: value for key, value in values.items() if value is not None}
        self._text = ""  # the state as text, once it was asked for

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        """Run a call to its end, as one step."""
        return all_steps(self, future, tool, args)

    def step(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Step:
        op = self._next(tool, args, history)
        match op:
            case Read(key):
                return Accessed(Access(future, "r", parse_pattern(key)), self.values.get(key))
            case List(pattern):
                region, prefix = parse_pattern(pattern), pattern.removesuffix("*")
                keys = sorted(key for key in self.values if region.covers(parse_pattern(key)))
                return Accessed(Access(future, "r", region), [key.removeprefix(prefix) for key in keys])
            case Write(key, value):
                self._text = ""
                if value is None:
                    self.values.pop(key, None)
                else:
                    self.values[key] = value
                return Accessed(Access(future, "w", parse_pattern(key)), None)
            case Returned():
                return op

    def peek(self, future: int, tool: str, args: Mapping[str, JSON], history: History) -> Access | None:
        match self._next(tool, args, history):
            case Read(key):
                return Access(future, "r", parse_pattern(key))
            case List(pattern):
                return Access(future, "r", parse_pattern(pattern))
            case Write(key):
                return Access(future, "w", parse_pattern(key))
            case Returned():
                return None

    def _next(self, tool: str, args: Mapping[str, JSON], history: History) -> Op | Returned:
        try:
            running = self._bodies[tool](**args)
            op = next(running)
            for answer in history:
                op = running.send(answer)
        except StopIteration as end:
            return Returned(end.value)
        except ToolFailed as error:
            return Returned(ErrorValue("tool_error", str(error)))
        return op

    def state(self) -> str:
        self._text = self._text or canonical(self.values)
        return self._text

    def __repr__(self) -> str:
        return f"KeyWorld(..., {self.values!r})"

    def copy(self) -> KeyWorld:
        twin = KeyWorld.__new__(KeyWorld)
        twin.__dict__.update(self.__dict__)
        twin.values = self.values.copy()
        return twin
