"""The scripts of a conversation, one per turn, and which call of the programs each numbered call is."""

from __future__ import annotations

from collections.abc import Mapping

from asyncfc_sim.core.values import Value
from asyncfc_sim.workloads.workload import Turn

from .script import Dependence, Messages, NextMessage, Script


class Conversation:
    """Calls are numbered by the session in emission order; `origin` is their number in the programs of the task."""

    def __init__(self, turns: tuple[Turn, ...], *, futures: bool, messages: Messages, dependence: Dependence) -> None:
        self._turns = turns
        self._options = {"futures": futures, "messages": messages, "dependence": dependence}
        self._scripts: list[Script] = []

    def next_turn(self) -> Turn | None:
        """Begin the next turn; None if there is none left."""
        if len(self._scripts) == len(self._turns):
            return None
        turn = self._turns[len(self._scripts)]
        numbered = self._scripts[-1].numbered if self._scripts else 0
        self._scripts.append(Script(turn.program, numbered=numbered, **self._options))  # type: ignore[arg-type]
        return turn

    @property
    def turn(self) -> int:
        """The number of the turn under way, from 1."""
        return len(self._scripts)

    def next_message(self) -> NextMessage:
        return self._scripts[-1].next_message()

    def show(self, values: Mapping[int, Value]) -> None:
        """The model has been given these values, by number."""
        self._scripts[-1].show(values)

    def stop(self) -> None:
        """strict cut this turn off."""
        self._scripts[-1].stop()

    def origin(self, number: int) -> int:
        return next(script.origin[number] for script in reversed(self._scripts) if number in script.origin)

    def by_origin(self, values: Mapping[int, Value]) -> dict[int, Value]:
        """`values`, given by number, by the call's number in the programs."""
        numbers = {number: origin for script in self._scripts for number, origin in script.origin.items()}
        return {origin: values[number] for number, origin in numbers.items() if number in values}
