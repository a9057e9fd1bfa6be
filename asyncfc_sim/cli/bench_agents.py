"""The agents of a benchmark, one for each policy, and the world that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from .agent_options import AgentRequest, BadOption

if TYPE_CHECKING:
    from asyncfc_sim.core.policy import Policy
    from asyncfc_sim.core.tool import Tool
    from asyncfc_sim.live.agent import Agent
    from asyncfc_sim.live.toolset import Given
    from asyncfc_sim.studies.bench import Plan

    Override = Callable[[Tool], Tool]


def agents_of(
    request: AgentRequest, policies: Mapping[str, Policy], tools: Sequence[Given], override: Override
) -> dict[str, Agent]:
    """One agent for each arm; the model and the tools are the same objects."""
    from asyncfc_sim.live.agent import Agent

    if request.approve not in ("all", "none"):
        raise BadOption(f"--approve {request.approve!r}: expected all or none: nobody is asked while time is measured")
    allowed = request.approve == "all"
    inject = request.inject.injection()
    model = request.endpoint.chat()
    return {
        arm: Agent(
            model,
            tools,
            policy=policy,
            approve=lambda question: allowed,
            timeout_s=request.timeout_s,
            instructions=request.system,
            override=override,
            inject=inject,
        )
        for arm, policy in policies.items()
    }


def fresh_of(tools: Iterable[Given]) -> Callable[[], None]:
    """Every `fresh` of the files of tools, one after the other."""
    from asyncfc_sim.tools.errors import ToolFileError
    from asyncfc_sim.tools.tool_file import ToolFile

    files = [given for given in tools if isinstance(given, ToolFile)]

    def fresh() -> None:
        for file in files:
            try:
                if file.fresh is not None:
                    file.fresh()
            except Exception as error:
                raise ToolFileError(f"{file.path}: fresh: {type(error).__name__}: {error}") from error

    return fresh


def warnings_of(plan: Plan, tools: Sequence[Given], override: Override) -> list[str]:
    """What makes the runs depend on one another."""
    writers = [given for given in tools if _may_write(given, override)]
    if writers and not plan.alone:
        return ["conversations run at once, and some tools may write: they share one world, and may disturb each other"]
    if not all(getattr(given, "fresh", None) for given in writers):
        return ["some tools may write, and there is no fresh(): each conversation finds the world as the last left it"]
    return []


def _may_write(given: Given, override: Override) -> bool:
    """Whether a tool of these may write, as far as anything is declared."""
    from asyncfc_sim.tools.tool_file import ToolFile

    if not isinstance(given, ToolFile):
        return True  # an MCP server says what its tools do when it is connected to
    effects = [override(tool).effects for tool in given.core.values()]
    return any(declared is None or bool(declared.writes) for declared in effects)
