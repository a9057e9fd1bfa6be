"""What is explored: a program, its tools and world, and how calls are scheduled; and how a run of it may end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asyncfc_sim.core.interpreter import Outcome
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value, canonical
from asyncfc_sim.workloads.workload import World

from .configuration import UNCAPPED, Configuration, MakeScheduler
from .moves import Environment, Granularity


@dataclass(frozen=True, slots=True)
class Setting:
    """What is explored: a program, the tools as declared, the world, and how calls are scheduled and run."""

    program: Program
    tools: Mapping[str, Tool]
    make_world: Callable[[], World]
    granularity: Granularity = "atomic"
    failure: Failure = "poison"
    workers: int = UNCAPPED
    scheduler: MakeScheduler = Scheduler
    environment: Sequence[Environment] = ()

    def start(self) -> Configuration:
        """The run before anything has happened."""
        return Configuration(
            self.program,
            self.tools,
            self.make_world(),
            granularity=self.granularity,
            failure=self.failure,
            workers=self.workers,
            make=self.scheduler,
            environment=self.environment,
        )

    def in_order(self, failure: Failure | None = None) -> Ending:
        """What running the calls one by one, in issue order, comes to."""
        world = self.make_world()
        outcome = run_sequential(self.program, self.tools, world.call, failure or self.failure)
        return Ending(outcome, world.state())


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """All that can be observed of a whole run. Compared as text, in which `1`, `1.0` and `true` are three things."""

    outcome: Outcome
    world: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ending) and self.text() == other.text()

    def __hash__(self) -> int:
        return hash(self.text())

    def text(self) -> str:
        """All of it."""
        outcome = self.outcome
        seen = [[each.after, each.future, _shown(each.value)] for each in outcome.seen]
        values = {str(future): _shown(value) for future, value in outcome.values.items()}
        answer = [_shown(value) for value in outcome.answer]
        return canonical([values, seen, answer, outcome.stopped_at, self.world])


def _shown(value: Value) -> JSON:
    """An error is not the same as a value that looks like one."""
    return ["error", value.to_json()] if isinstance(value, ErrorValue) else ["value", value]
