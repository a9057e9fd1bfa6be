"""The footprint check on BFCL's classes: ours hold, and what we would have forgotten is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.verify.effects.bfcl_subject import BfclSubject
from asyncfc_sim.verify.effects.search import Found, Search
from asyncfc_sim.workloads.bfcl import load
from asyncfc_sim.workloads.bfcl_classes import CLASSES
from asyncfc_sim.workloads.bfcl_effects import tools
from asyncfc_sim.workloads.escaped import EscapedDeclaration
from asyncfc_sim.workloads.workload import Task

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (make setup installs it)")
pytest.importorskip("mpmath", reason="mpmath is not installed")

# Never the only reason for an order: who draws a message's id also writes the inbox, and so on (the first three), or
# hardly ever (travel:random: two insurances, on two cards). No tool shows in which order tweets were commented on.
NEVER_ALONE = {"message:ids", "message:user_count", "trading:random", "travel:random", "twitter:comment_order"}


@cache
def tasks() -> Sequence[Task]:
    return load("base")


def effects(tool: Tool) -> EscapedDeclaration:
    assert isinstance(tool.effects, EscapedDeclaration)
    return tool.effects


def templates(declaration: Declaration) -> tuple[str, ...]:
    assert isinstance(declaration.reads, tuple)
    assert isinstance(declaration.writes, tuple)
    return declaration.reads + declaration.writes


def resource(template: str) -> str:
    return template.partition("/")[0]


def resources(name: str) -> list[str]:
    found = {resource(template) for tool in tools(name).values() for template in templates(effects(tool))}
    return sorted(each for each in found if "{" not in each)


def without(name: str, forgotten: str) -> Mapping[str, Tool]:
    """The tools of a class, had nobody thought of one resource."""

    def kept(keys: object) -> tuple[str, ...]:
        assert isinstance(keys, tuple)
        return tuple(key for key in keys if resource(key) != forgotten)

    return {
        tool: replace(
            each, effects=replace(effects(each), reads=kept(effects(each).reads), writes=kept(effects(each).writes))
        )
        for tool, each in tools(name).items()
    }


def first_found(name: str, forgotten: str, rounds: int = 20) -> Found | None:
    """Try the pairs of tools that should both speak of a resource, but do not."""
    speak = {tool for tool, each in tools(name).items() if forgotten in map(resource, templates(effects(each)))}
    search = Search(BfclSubject(name, tasks(), without(name, forgotten)))
    pairs = [pair for names, pair in search.pairs.items() if speak.issuperset(names)]
    for _ in range(rounds):
        for pair in pairs:
            search.trial(pair)
            if search.found:
                return next(iter(search.found.values()))
    return None


@pytest.mark.parametrize("name", CLASSES)
def test_our_footprints_hold(name: str):
    search = Search(BfclSubject(name, tasks()))
    pairs = list(search.pairs.values())
    for number in np.random.default_rng(2).permutation(len(pairs))[:50]:
        search.trial(pairs[number])
    assert search.found == {}
    assert search.refused == {}
    assert search.trials == min(50, len(pairs))


@pytest.mark.parametrize(
    ("name", "forgotten"),
    [(name, each) for name in CLASSES for each in resources(name) if each not in NEVER_ALONE],
)
def test_a_resource_that_was_forgotten_is_found(name: str, forgotten: str):
    found = first_found(name, forgotten)
    assert found is not None
    assert {found.trial.first.tool, found.trial.second.tool} <= set(tools(name))
