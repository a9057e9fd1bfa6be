"""A simulation in which a tool acts somewhere between its start and its return, and what it touches is recorded.

Where labels are true nobody can tell when a tool acts, and the driver has it act as it starts. Where they are false
that would hide most races: calls start in the order in which they were issued unless something holds one back. A
remote tool acts when its request arrives, after as much of its time as a draw of its own says (uniform: assumed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from asyncfc_sim.core.certificate import Access, Certified, certify
from asyncfc_sim.core.events import Fail, Finish, Start
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.durations import uniform
from asyncfc_sim.simulate.experiment import Arm, header
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.replay import call_s
from asyncfc_sim.workloads.workload import Task


class Acting(Simulation):
    """A task under one arm, with its tools labelled as in `labelled`. `run` it once; then read its fields."""

    def __init__(self, task: Task, labelled: Mapping[str, Tool], arm: Arm, models: Models, seed: int) -> None:
        assert arm.policy is not None
        super().__init__(
            replace(task, tools=labelled),
            arm.policy,
            models,
            header(task, arm, models, seed),
            seed=seed,
            messages=arm.messages,
            dependence=arm.dependence,
            await_rate=arm.await_rate,
        )
        self._true = task.tools
        self._accesses: list[Access] = []

    @property
    def certified(self) -> bool:
        """Whether conflicting calls, by the true labels, acted in the order in which they were issued.

        Then the run equals running in order (core/certificate.py). The other way round it need not hold.
        """
        return isinstance(certify(self._accesses), Certified)

    def _run_tool(self, start: Start) -> None:
        origin = self.conversation.origin(start.future)
        duration_s = call_s(self.task, self.models, self.seed, origin, start.tool)
        acts_s = duration_s * uniform(self.seed, f"{self.task.name}/acts", origin)
        self._clock.after(acts_s, partial(self._act, start, origin, duration_s - acts_s))

    def _act(self, start: Start, origin: int, rest_s: float) -> None:
        touched = self._true[start.tool].footprint(start.args)
        self._accesses += [Access(start.future, "r", pattern) for pattern in touched.reads]
        self._accesses += [Access(start.future, "w", pattern) for pattern in touched.writes]
        value = self.world.call(origin, start.tool, start.args)
        end = Fail(start.future, value) if isinstance(value, ErrorValue) else Finish(start.future, value)
        self._clock.after(rest_s, partial(self._feed, end))
