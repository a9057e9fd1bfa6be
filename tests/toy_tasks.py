"""Tasks over the toy world, and models of how long things take, for tests of the simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from asyncfc_sim.core.duplicates import rename
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch, calls_in, refs_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import Value
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import DurationModel, Rule
from asyncfc_sim.simulate.model_file import Quantity
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.traces.trace import Header
from asyncfc_sim.workloads.workload import Task, Turn
from tests.toys import TOOLS, ToyWorld

# Constant, apart from each other, and binary fractions: sums of them are exact.
SECONDS = {"read": 0.5, "write": 1.0, "append": 0.75, "copy": 2.0, "pure": 4.0, "ls": 0.25, "send": 1.5}


class ToyTaskWorld(ToyWorld):
    """The toy world in the form that workloads take."""

    def call(self, future: int, tool: str, args: Mapping[str, Any]) -> Value:
        return self.execute(future, tool, args)

    def copy(self) -> ToyTaskWorld:
        return ToyTaskWorld(deepcopy(self.store))


def task(*programs: Program, tools: Mapping[str, Tool] = TOOLS, name: str = "toy") -> Task:
    """A conversation with one turn per program. As tasks must, each turn ends by showing everything."""
    turns = tuple(Turn("go", shows_all(program)) for program in programs)
    return Task(name, "tests", turns, tools, {}, ToyTaskWorld)


def shows_all(program: Program) -> Program:
    """`program`, returning all of its futures."""
    body = [statement for statement in program.body if not isinstance(statement, Done)]
    return Program((*body, Done(tuple(Ref(call.future) for call in calls_in(tuple(body))))))


def program(*statements: Statement) -> Program:
    return Program(statements)


def calls(*written: tuple[str, dict[str, Any]]) -> Program:
    """A straight program; its calls are numbered from 1."""
    return Program(tuple(Call(number, tool, args) for number, (tool, args) in enumerate(written, 1)))


def durations(seconds: Mapping[str, float] = SECONDS, other_s: float = 0.125) -> DurationModel:
    """Constant durations by tool."""
    kinds = {f"{tool}_time": quantity(value) for tool, value in seconds.items()} | {"other": quantity(other_s)}
    rules = tuple(Rule(tool, f"{tool}_time", "assumed", "a toy") for tool in seconds)
    return DurationModel("toy", "toy", kinds, rules, Rule("*", "other", "assumed", "a toy"))


def quantity(value: float, p90: float | None = None) -> Quantity:
    """A made-up figure: constant, or spread out between its median and its 90th percentile."""
    quantiles = () if p90 is None else ((0.5, value), (0.9, p90))
    return Quantity(value, "s", 0, "made up", "assumed", quantiles=quantiles)


def models(*, decoder: str = "gpt-4o", overhead: bool = True) -> Models:
    return Models(load_decoder(decoder), durations(), overhead)


def header(policy: str = "toy") -> Header:
    return Header(run="toy", source="simulate", policy=policy, case="toy", seed=0)


DECODER = """
name = "plain"
title = "only calls take time to decode"
engine = "none"
hardware = "none"
date = "2026-01-01"
[ttft]
points = [{uncached_prompt_tokens = 0, value = 0, unit = "s", n = 0, source = "made up", provenance = "assumed"}]
slope = {value = 0, unit = "s/token", n = 0, source = "made up", provenance = "assumed"}
[itl]
points = [{batch = 1, value = 0.125, unit = "s/token", n = 0, source = "made up", provenance = "assumed"}]
slope = {value = 0, unit = "s/token per request", n = 0, source = "made up", provenance = "assumed"}
[tokens]
chars_per_token = {value = 4, unit = "characters/token", n = 0, source = "made up", provenance = "assumed"}
call = {value = 4, unit = "tokens", n = 0, source = "made up", provenance = "assumed"}
step = {value = 0, unit = "tokens", n = 0, source = "made up", provenance = "assumed"}
answer = {value = 0, unit = "tokens", n = 0, source = "made up", provenance = "assumed"}
await = {value = 0, unit = "tokens", n = 0, source = "made up", provenance = "assumed"}
placeholder = {value = 0, unit = "tokens", n = 0, source = "made up", provenance = "assumed"}
"""
DECODE_CALL_S = 4 * 0.125


def plain_decoder(folder: Path) -> Path:
    """A decoder, as a file, of which only calls take time: `DECODE_CALL_S` each."""
    path = folder / "plain.toml"
    path.write_text(DECODER, encoding="utf-8")
    return path


def later(written: Program, by: int) -> Program:
    """`written` as the program of a later turn: all its futures `by` higher."""
    return Program(_later_block(written.body, by))


def _later_block(body: Sequence[Statement], by: int) -> tuple[Statement, ...]:
    return tuple(_later_statement(statement, by) for statement in body)


def _later_statement(statement: Statement, by: int) -> Statement:
    match statement:
        case Call(future, tool, args):
            named = {ref.future: ref.future + by for template in args.values() for ref in refs_in(template)}
            return Call(future + by, tool, rename(args, named))
        case Touch(futures):
            return Touch(tuple(future + by for future in futures))
        case Branch(ref, literal, then, orelse):
            moved = replace(ref, future=ref.future + by)
            return Branch(moved, literal, _later_block(then, by), _later_block(orelse, by))
        case Done(refs):
            return Done(tuple(replace(ref, future=ref.future + by) for ref in refs))
