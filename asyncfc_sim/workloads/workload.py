"""The form every workload takes: conversations of turns, each turn a program, and a world in which its tools run.

A workload says what a decoder would emit and what the tools would answer. Only one that was recorded knows of time.
Futures are numbered through the whole conversation: the program of a turn goes on where the turn before it ended, and
refers to futures of its own turn only, since a turn ends by showing the decoder everything (`Done` names each of its
futures).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value

from .recorded_times import Recorded


class World(Protocol):
    """The state that the tools of one conversation share, and the tools themselves."""

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        """Run one call to its end, as one step. Never raises: a tool that raises answers with an `ErrorValue`.

        What a tool reads from outside the world (the clock) is a function of `future` alone, so that it does not
        depend on when the call runs. The answer is a snapshot: later calls do not change it.
        """

    def state(self) -> str:
        """The whole state as text, private parts included: worlds with the same text answer every call alike."""

    def copy(self) -> World:
        """A second world in the same state, which shares nothing that changes with this one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the user and what the decoder does about it. `program` may be empty but for its `Done`."""

    prompt: str
    program: Program


@dataclass(frozen=True, slots=True)
class Task:
    """One conversation.

    `kinds` gives each tool the kind of work it does (`Class.method`), for models of durations. `preamble_chars`
    counts the characters of tool documentation that stand before the first turn. `make_world` makes a fresh world.
    """

    name: str
    source: str
    turns: tuple[Turn, ...]
    tools: Mapping[str, Tool]
    kinds: Mapping[str, str]
    make_world: Callable[[], World]
    preamble_chars: int = 0
    recorded: Recorded | None = None
