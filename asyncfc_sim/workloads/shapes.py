"""Conversations made from a shape: how many calls, of which tools, what they take, and what must be seen in between.

A paper whose call plans are not public is simulated on what is known of them. A shape is a TOML file of figures, each
with where it comes from; what it gives are programs with pure tools, or tools of given footprints, in a symbolic
world. A conversation is one turn: `rounds` times all stages, in their order.

"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import floor, inf
from typing import Literal

import numpy as np

from asyncfc_sim.core.footprint import template_arguments
from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.references import Ref, Template
from asyncfc_sim.core.syntax import Call, Done, Program, Statement, Touch
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value

from .recorded_times import Recorded, RecordedMessage, RecordedPart
from .symbolic import SymbolicWorld
from .tools_file import Entry
from .workload import Task, Turn

Provenance = Literal["measured", "derived", "assumed"]
Takes = Literal["nothing", "one", "each", "all"]


class ShapeError(ValueError):
    """A shape that cannot be used: the file, the table and the key, and what was expected there."""


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a figure may have."""

    least: float = 0
    most: float = inf
    whole: bool = True

    def has(self, outcome: float | str) -> bool:
        if isinstance(outcome, str) or not self.least <= outcome <= self.most or outcome == inf:
            return False
        return not self.whole or outcome == int(outcome)

    def __str__(self) -> str:
        upper = "up" if self.most == inf else f"to {self.most:g}"
        return f"a {'whole ' if self.whole else ''}number from {self.least:g} {upper}"


COUNT = Range()
CHANCE = Range(most=1, whole=False)
FROM_ONE = Range(least=1)
MEAN = Range(least=1, whole=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its source: one outcome, or several with their weights."""

    outcomes: tuple[tuple[float | str, float], ...]
    n: int | str
    source: str
    provenance: Provenance
    note: str = ""

    def draw(self, rng: np.random.Generator) -> float | str:
        """One outcome, each by its weight. Takes one number of `rng`, also where there is no choice."""
        left = rng.random() * sum(weight for _, weight in self.outcomes)
        for outcome, weight in self.outcomes:
            if left < weight:
                return outcome
            left -= weight
        return self.outcomes[-1][0]

    def count(self, rng: np.random.Generator) -> int:
        """One outcome of a figure of whole numbers."""
        return int(self.draw(rng))

    @property
    def mean(self) -> float:
        """The mean of a figure of numbers."""
        return sum(float(outcome) * weight for outcome, weight in self.outcomes) / sum(w for _, w in self.outcomes)


@dataclass(frozen=True, slots=True)
class Stage:
    """Calls that are issued one after another. `calls` is None for one call per call of the stage before."""

    name: str
    calls: Figure | None
    tools: Figure
    takes: Figure
    sees: Figure


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is decoded up to the first call of a message, for each of its calls more, and for an answer."""

    message: Figure
    call: Figure
    answer: Figure


@dataclass(frozen=True, slots=True)
class Shape:
    """A workload by its figures. `call_chars` counts the characters of a call's name and arguments."""

    name: str
    title: str
    source: str
    rounds: Figure
    stages: tuple[Stage, ...]
    tools: Mapping[str, Entry]
    arguments: Mapping[str, Figure]
    call_chars: Figure | None
    tokens: Tokens | None

    def figures(self) -> dict[str, Figure]:
        """Every figure by its name, for reports that print where figures come from."""
        found = {"rounds": self.rounds}
        for stage in self.stages:
            found |= {} if stage.calls is None else {f"{stage.name}.calls": stage.calls}
            found |= {f"{stage.name}.{key}": getattr(stage, key) for key in ("tools", "takes", "sees")}
        found |= {f"arguments.{name}": figure for name, figure in self.arguments.items()}
        if self.call_chars is not None:
            found["call_chars"] = self.call_chars
        if self.tokens is not None:
            found |= {f"tokens.{key}": getattr(self.tokens, key) for key in ("message", "call", "answer")}
        return found

    def with_value(self, name: str, value: float) -> Shape:
        """The same shape with another value of `rounds` or of a stage's `calls` or `sees` (`search.sees`).

        Where a count is not whole it is a mean, of the whole numbers beside it. Raises ShapeError.
        """
        place, _, key = name.partition(".")
        known = ["rounds", *(f"{stage.name}.sees" for stage in self.stages)]
        known += [f"{stage.name}.calls" for stage in self.stages if stage.calls is not None]
        if name not in known:
            raise ShapeError(f"{self.source}: no figure {name!r} can be changed; there are: {', '.join(known)}")
        allowed = CHANCE if key == "sees" else MEAN
        if not allowed.has(value):
            raise ShapeError(f"{self.source}: {name}: {value!r}: expected {allowed}")
        beside = ((value, 1.0),) if key == "sees" or value == floor(value) else _beside(value)
        figure = Figure(beside, 0, "no measurement", "assumed", "scanned")
        if name == "rounds":
            return replace(self, rounds=figure)
        changed = (each if each.name != place else _with(each, key, figure) for each in self.stages)
        return replace(self, stages=tuple(changed))

    def conversation(self, number: int, rng: np.random.Generator) -> Task:
        """One conversation, drawn."""
        drawn = _Drawing(self, rng)
        return Task(
            name=f"{self.name}#{number}",
            source=self.source,
            turns=(Turn("", drawn.program()),),
            tools={name: entry.tool for name, entry in self.tools.items()},
            kinds={name: entry.kind for name, entry in self.tools.items()},
            make_world=partial(_world, {name: entry.tool for name, entry in self.tools.items()}),
            recorded=drawn.recorded(),
        )

    def conversations(self, n: int, rng: np.random.Generator) -> list[Task]:
        """`n` conversations, drawn one after another: the first ones do not depend on how many follow."""
        return [self.conversation(number, rng) for number in range(1, n + 1)]


def _beside(mean: float) -> tuple[tuple[float, float], ...]:
    """The two whole numbers beside a mean, with their weights."""
    low = floor(mean)
    return ((low, 1 - (mean - low)), (low + 1, mean - low))


def _with(stage: Stage, key: str, figure: Figure) -> Stage:
    return replace(stage, sees=figure) if key == "sees" else replace(stage, calls=figure)


class _Drawing:
    """The statements of one conversation as they are drawn, and the tokens of its messages."""

    def __init__(self, shape: Shape, rng: np.random.Generator) -> None:
        self._shape, self._rng = shape, rng
        self._body: list[Statement] = []
        self._issued = 0
        self._unseen: list[int] = []
        self._parts: dict[int, RecordedPart] = {}

    def program(self) -> Program:
        for _ in range(self._shape.rounds.count(self._rng)):
            before: list[int] = []
            for stage in self._shape.stages:
                before = self._stage(stage, before)
        return Program((*self._body, Done(tuple(Ref(future) for future in range(1, self._issued + 1)))))

    def recorded(self) -> Recorded | None:
        """The tokens drawn, in the form in which recordings give theirs."""
        if (tokens := self._shape.tokens) is None:
            return None
        answer = tokens.answer.count(self._rng)
        return Recorded(parts=self._parts, answers={1: RecordedPart(RecordedMessage(answer), answer, True)})

    def _stage(self, stage: Stage, before: Sequence[int]) -> list[int]:
        must_see = self._rng.random() < float(stage.sees.outcomes[0][0])
        if must_see and self._unseen:
            self._body.append(Touch(tuple(self._unseen)))
            self._unseen = []
        calls = len(before) if stage.calls is None else stage.calls.count(self._rng)
        takes = str(stage.takes.outcomes[0][0])
        issued = [self._call(stage, before, takes, number) for number in range(calls)]
        self._draw_tokens(issued)
        return issued

    def _call(self, stage: Stage, before: Sequence[int], takes: str, number: int) -> int:
        self._issued += 1
        tool = str(stage.tools.draw(self._rng))
        args: dict[str, Template] = {"n": self._issued}  # no two calls are the same
        for name in _arguments(self._shape.tools[tool]):
            figure = self._shape.arguments.get(name)
            size = figure.count(self._rng) if figure is not None else 0
            args[name] = f"{name}{int(self._rng.random() * size) if size else self._issued}"
        one = int(self._rng.random() * len(before))
        match takes:
            case "one" if before:
                args["input"] = Ref(before[one])
            case "each":
                args["input"] = Ref(before[number])
            case "all":
                args["inputs"] = [Ref(future) for future in before]
        if self._shape.call_chars is not None:
            missing = self._shape.call_chars.count(self._rng) - len(tool) - len(arguments({**args, "text": ""}))
            args["text"] = "x" * max(0, missing)
        self._body.append(Call(self._issued, tool, args))
        self._unseen.append(self._issued)
        return self._issued

    def _draw_tokens(self, issued: Sequence[int]) -> None:
        if (tokens := self._shape.tokens) is None or not issued:
            return
        counts = [tokens.message.count(self._rng), *(tokens.call.count(self._rng) for _ in issued[1:])]
        message = RecordedMessage(sum(counts))
        for future, count in zip(issued, counts, strict=True):
            self._parts[future] = RecordedPart(message, count, future == issued[0])


def _world(tools: Mapping[str, Tool]) -> SymbolicWorld:
    return SymbolicWorld(tools, _answer, frozenset(tools))


def _answer(future: int, tool: str, args: Mapping[str, JSON], digest: str) -> Value:
    return digest


def _arguments(entry: Entry) -> list[str]:
    """The arguments that the footprint of a tool needs, each once."""
    return list(dict.fromkeys(name for template in entry.templates for name in sorted(template_arguments(template))))
