"""asyncfc-sim: asynchronous function calling with futures, checked, simulated and run by one scheduler.

Importing this package does nothing; the names below are loaded when they are first used.

The language     parse_program, format_program, Program, Call, Touch, Branch, Done, Ref, Text
Tools            tool (a decorator), function_tool, load_tools, FunctionTool; what the core knows of them: Tool,
                 Declaration, Footprint, ErrorValue
The machines     Scheduler (asynchronous), run_sequential (the reference), Outcome (what both are compared by)
Checking         Setting (what to explore), judge (all of it), exhaust (every schedule), walk (one, chosen step by
                 step), replay (the one asked for), KeyWorld (a world whose tools take steps), certificate (of a run),
                 check_tools (your own: do they keep to the footprints that they declare?)
Hypothesis       programs, schedules, worlds (strategies that fit one another), Schedule, TOOLBOX_TOOLS (what the
                 programs call); st.from_type(Program), of Schedule and of World is the same
The protocol     Session, Policy, policy_named
Workloads        Task, Turn, World, load_bfcl, load_program, load_recorded (sessions in any format that can be read)
Simulation       Models, load_decoder, load_durations, fit_decoder; Study, run_arms, summarise_arms; run_on (any
                 executor), run_samples, Sample (many draws at once), run_fleet, FleetSetup, ClosedLoop, OpenLoop (a
                 server that is shared)
Live             Agent (a served model and your functions), AgentRun, RunFailed, OpenAIChat (the served model),
                 MCPServer (tools from elsewhere), open_journal (to resume by), serve_replay (recorded turns as an
                 endpoint), serve_tiny (a small model of ours as one), run_in_virtual_time (asyncio without waiting, for
                 tests)
Traces           read_trace, write_trace, write_perfetto; read_sessions, RecordedSession (what others recorded)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncfc_sim.core.footprint import Declaration, Footprint
    from asyncfc_sim.core.interpreter import Outcome
    from asyncfc_sim.core.policy import Policy, policy_named
    from asyncfc_sim.core.references import Ref, Text
    from asyncfc_sim.core.scheduler import Scheduler
    from asyncfc_sim.core.sequential import run_sequential
    from asyncfc_sim.core.session import Session
    from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Touch
    from asyncfc_sim.core.tool import Tool
    from asyncfc_sim.core.values import ErrorValue
    from asyncfc_sim.language.parser import parse_program
    from asyncfc_sim.language.printer import format_program
    from asyncfc_sim.live.agent import Agent
    from asyncfc_sim.live.journal import open_journal
    from asyncfc_sim.live.mcp_tools import MCPServer
    from asyncfc_sim.live.openai_chat import OpenAIChat
    from asyncfc_sim.live.replay_file import serve_replay
    from asyncfc_sim.live.run import AgentRun, RunFailed
    from asyncfc_sim.live.virtual_clock import run as run_in_virtual_time
    from asyncfc_sim.serve.tiny import serve_tiny
    from asyncfc_sim.simulate.arrivals import ClosedLoop, OpenLoop
    from asyncfc_sim.simulate.decoder import load_decoder
    from asyncfc_sim.simulate.draws import Sample
    from asyncfc_sim.simulate.durations import load_durations
    from asyncfc_sim.simulate.experiment import run_arms, summarise_arms
    from asyncfc_sim.simulate.fit_decoder import fit_decoder
    from asyncfc_sim.simulate.fleet import Setup as FleetSetup
    from asyncfc_sim.simulate.fleet import run_fleet
    from asyncfc_sim.simulate.max_plus import run_samples
    from asyncfc_sim.simulate.models import Models
    from asyncfc_sim.simulate.parallel import run_on
    from asyncfc_sim.simulate.study import Study
    from asyncfc_sim.tools.decorator import tool
    from asyncfc_sim.tools.function_tool import FunctionTool, function_tool
    from asyncfc_sim.tools.tool_file import load_tools
    from asyncfc_sim.traces.certificates import certificate
    from asyncfc_sim.traces.importers.formats import read_sessions
    from asyncfc_sim.traces.perfetto import write_perfetto
    from asyncfc_sim.traces.sessions import RecordedSession
    from asyncfc_sim.traces.trace import read_trace, write_trace
    from asyncfc_sim.verify.choices import Schedule
    from asyncfc_sim.verify.effects.check import check_tools
    from asyncfc_sim.verify.exhaust import exhaust
    from asyncfc_sim.verify.replay import replay
    from asyncfc_sim.verify.setting import Setting
    from asyncfc_sim.verify.strategies import programs, schedules, worlds
    from asyncfc_sim.verify.verdict import judge
    from asyncfc_sim.verify.walk import walk
    from asyncfc_sim.workloads.bfcl import load as load_bfcl
    from asyncfc_sim.workloads.key_world import KeyWorld
    from asyncfc_sim.workloads.program_file import load_program
    from asyncfc_sim.workloads.recorded import load_recorded
    from asyncfc_sim.workloads.toolbox_tools import TOOLS as TOOLBOX_TOOLS
    from asyncfc_sim.workloads.workload import Task, Turn, World

# Where each name lives: "module" or "module:name there".
_HOME = {
    "Agent": "live.agent",
    "AgentRun": "live.run",
    "Branch": "core.syntax",
    "Call": "core.syntax",
    "ClosedLoop": "simulate.arrivals",
    "Declaration": "core.footprint",
    "Done": "core.syntax",
    "ErrorValue": "core.values",
    "FleetSetup": "simulate.fleet:Setup",
    "Footprint": "core.footprint",
    "FunctionTool": "tools.function_tool",
    "KeyWorld": "workloads.key_world",
    "MCPServer": "live.mcp_tools",
    "Models": "simulate.models",
    "OpenAIChat": "live.openai_chat",
    "OpenLoop": "simulate.arrivals",
    "Outcome": "core.interpreter",
    "Policy": "core.policy",
    "Program": "core.syntax",
    "RecordedSession": "traces.sessions",
    "Ref": "core.references",
    "RunFailed": "live.run",
    "Sample": "simulate.draws",
    "Schedule": "verify.choices",
    "Scheduler": "core.scheduler",
    "Session": "core.session",
    "Setting": "verify.setting",
    "Study": "simulate.study",
    "TOOLBOX_TOOLS": "workloads.toolbox_tools:TOOLS",
    "Task": "workloads.workload",
    "Text": "core.references",
    "Tool": "core.tool",
    "Touch": "core.syntax",
    "Turn": "workloads.workload",
    "World": "workloads.workload",
    "certificate": "traces.certificates",
    "check_tools": "verify.effects.check",
    "exhaust": "verify.exhaust",
    "fit_decoder": "simulate.fit_decoder",
    "format_program": "language.printer",
    "function_tool": "tools.function_tool",
    "judge": "verify.verdict",
    "load_bfcl": "workloads.bfcl:load",
    "load_decoder": "simulate.decoder",
    "load_durations": "simulate.durations",
    "load_program": "workloads.program_file",
    "load_recorded": "workloads.recorded",
    "load_tools": "tools.tool_file",
    "open_journal": "live.journal",
    "parse_program": "language.parser",
    "policy_named": "core.policy",
    "programs": "verify.strategies",
    "read_sessions": "traces.importers.formats",
    "read_trace": "traces.trace",
    "replay": "verify.replay",
    "run_arms": "simulate.experiment",
    "run_fleet": "simulate.fleet",
    "run_in_virtual_time": "live.virtual_clock:run",
    "run_on": "simulate.parallel",
    "run_samples": "simulate.max_plus",
    "run_sequential": "core.sequential",
    "schedules": "verify.strategies",
    "serve_replay": "live.replay_file",
    "serve_tiny": "serve.tiny",
    "summarise_arms": "simulate.experiment",
    "tool": "tools.decorator",
    "walk": "verify.walk",
    "worlds": "verify.strategies",
    "write_perfetto": "traces.perfetto",
    "write_trace": "traces.trace",
}

__all__ = [
    "TOOLBOX_TOOLS",
    "Agent",
    "AgentRun",
    "Branch",
    "Call",
    "ClosedLoop",
    "Declaration",
    "Done",
    "ErrorValue",
    "FleetSetup",
    "Footprint",
    "FunctionTool",
    "KeyWorld",
    "MCPServer",
    "Models",
    "OpenAIChat",
    "OpenLoop",
    "Outcome",
    "Policy",
    "Program",
    "RecordedSession",
    "Ref",
    "RunFailed",
    "Sample",
    "Schedule",
    "Scheduler",
    "Session",
    "Setting",
    "Study",
    "Task",
    "Text",
    "Tool",
    "Touch",
    "Turn",
    "World",
    "certificate",
    "check_tools",
    "exhaust",
    "fit_decoder",
    "format_program",
    "function_tool",
    "judge",
    "load_bfcl",
    "load_decoder",
    "load_durations",
    "load_program",
    "load_recorded",
    "load_tools",
    "open_journal",
    "parse_program",
    "policy_named",
    "programs",
    "read_sessions",
    "read_trace",
    "replay",
    "run_arms",
    "run_fleet",
    "run_in_virtual_time",
    "run_on",
    "run_samples",
    "run_sequential",
    "schedules",
    "serve_replay",
    "serve_tiny",
    "summarise_arms",
    "tool",
    "walk",
    "worlds",
    "write_perfetto",
    "write_trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, there = _HOME[name].partition(":")
    found = getattr(import_module(f"{__name__}.{module}"), there or name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
