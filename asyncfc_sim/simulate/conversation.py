"""The scripts of a conversation, one per turn, and which call of the programs each numbered call is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.workloads.workload import Task, Turn

from .durations import uniform
from .script import Dependence, Messages, NextMessage, Script


class Conversation:
    """Calls are numbered by the session in emission order; `origin` is their number in the programs of the task."""

    def __init__(
        self,
        task: Task,
        policy: Policy,
        *,
        messages: Messages,
        dependence: Dependence,
        awaits: Callable[[int], bool] = lambda numbered: False,
    ) -> None:
        self._turns = task.turns
        self._options: dict[str, Any] = {
            "references": policy.references,
            "messages": messages,
            "dependence": dependence,
            "awaits": awaits,
        }
        if task.recorded is not None:
            self._options["begins"] = task.recorded.begins
        self._scripts: list[Script] = []

    def next_turn(self, numbered: int) -> Turn | None:
        """Begin the next turn, `numbered` calls having been numbered so far; None if there is none left."""
        if len(self._scripts) == len(self._turns):
            return None
        turn = self._turns[len(self._scripts)]
        self._scripts.append(Script(turn.program, numbered=numbered, **self._options))
        return turn

    @property
    def turn(self) -> int:
        """The number of the turn under way, from 1."""
        return len(self._scripts)

    def next_message(self) -> NextMessage:
        return replace(self._scripts[-1].next_message(), turn=self.turn)

    def show(self, values: Mapping[int, Value]) -> None:
        """The model has been given these values, by number."""
        self._scripts[-1].show(values)

    def stop(self) -> None:
        """strict cut this turn off."""
        self._scripts[-1].stop()

    def origin(self, number: int) -> int:
        return next(script.origin[number] for script in reversed(self._scripts) if number in script.origin)

    def by_origin(self, values: Mapping[int, Value]) -> dict[int, Value]:
        """`values`, given by number, by the call's number in the programs, with errors that speak of those numbers.

        The two differ after a branch that skips numbers, and after a turn that strict cut off.
        """
        numbers = {number: origin for script in self._scripts for number, origin in script.origin.items()}
        return {origin: _renumbered(values[number], numbers) for number, origin in numbers.items() if number in values}


def _renumbered(value: Value, numbers: Mapping[int, int]) -> Value:
    if not isinstance(value, ErrorValue):
        return value
    origin = None if value.origin is None else numbers.get(value.origin, value.origin)
    if value.kind == "tool_error":  # the tool's own words
        return replace(value, origin=origin)

    def name(match: re.Match[str]) -> str:
        return f"$f{numbers.get(int(match[1]), int(match[1]))}"

    return replace(value, origin=origin, message=re.sub(r"\$f([1-9][0-9]*)", name, value.message))


def awaits_now(rate: float, seed: int, case: str, numbered: int) -> bool:
    """Whether a model that awaits too often does so after so many calls; then so does any of a higher rate."""
    return uniform(seed, f"{case}/await", numbered) < rate
