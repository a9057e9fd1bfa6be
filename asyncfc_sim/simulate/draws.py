"""The numbers that the simulation draws, for many samples at once: how long calls run, how long messages are thought
about. To the last bit those of a run with that seed and that name of the task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from asyncfc_sim.workloads.workload import Task

from . import replay
from .durations import uniforms
from .models import Models
from .network import Column, Draws, Network


class Sample(NamedTuple):
    """What a draw depends on, besides the call: a seed, and the name of the case."""

    seed: int
    case: str


def draw(task: Task, models: Models, samples: Sequence[Sample], networks: Iterable[Network]) -> Draws:
    """What `networks` of `task` need, once for all of them: they meet the same numbers."""
    networks = list(networks)
    tools = {call: tool for network in networks for call, tool in network.tools.items()}
    thinks = sorted(set().union(*(network.thinks for network in networks)))
    calls_s: dict[int, Column] = {}
    drawn: list[int] = []
    for call in sorted(tools):
        known = replay.recorded_call_s(task, models, call)
        if known is None:
            drawn.append(call)
        else:
            calls_s[call] = np.full(len(samples), known)
    for call, u in zip(drawn, uniforms(samples, drawn), strict=True):
        calls_s[call] = models.durations.quantity_of(replay.tool_kind(task, call, tools[call])).at(u)
    for_messages = uniforms([(seed, f"{case}/step") for seed, case in samples], thinks)
    tokens = {call: np.rint(models.decoder.step.at(u)) for call, u in zip(thinks, for_messages, strict=True)}
    return Draws(len(samples), calls_s, tokens)
