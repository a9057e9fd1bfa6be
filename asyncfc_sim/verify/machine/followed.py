"""The real scheduler, followed on the machine while it runs: for any driver, which need not know.

What tools do is not looked at, nor which program there is: only that each event is one that the machine takes, and each
action one that its rules allow and force.
"""

from __future__ import annotations

from collections.abc import Mapping

from asyncfc_sim.core.events import Action, Event
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.tool import Tool

from .decoder import begin
from .follow import Follower
from .states import Given


class Followed(Scheduler):
    """A scheduler like any other, but `feed` raises Deviation where it leaves the rules."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        *,
        failure: Failure = "poison",
        max_running: int = 32,
        max_running_per_tool: int = 8,
    ) -> None:
        super().__init__(tools, failure=failure, max_running=max_running, max_running_per_tool=max_running_per_tool)
        self._given = Given(tools, None, failure, max_running, max_running_per_tool)
        self._state = begin(None, {})

    def feed(self, event: Event) -> list[Action]:
        actions = super().feed(event)
        follower = Follower(self._given, self._state)
        follower.saw(event)
        for action in actions:
            follower.saw(action)
        follower.rest()
        self._state = follower.state
        return actions
