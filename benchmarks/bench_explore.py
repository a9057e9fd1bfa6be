"""The explorer: how long all schedules of a program take, states per second, and nodes per Mazurkiewicz trace.

Times are also given in units of an anchor measured in the same run (a million turns of an empty loop), because the
machines are noisy. `python benchmarks/bench_explore.py [SEED]`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call, Program
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.exhaust import exhaust
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.verify.traces import explore_traces
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.random_programs import TOOLS, VALUES
from asyncfc_sim.workloads.toolbox import TOOLBOX

PROGRAMS = 60


def anchor() -> float:
    """Seconds for a million turns of an empty loop."""
    start = time.perf_counter()
    for _ in range(1_000_000):
        pass
    return time.perf_counter() - start


def calls(n: int, kind: Callable[[int], tuple[str, str]], granularity: str = "atomic", make: type = Naive) -> Setting:
    """A program of `n` calls; `kind` gives the tool and the path of each."""
    body = []
    for future in range(1, n + 1):
        tool, path = kind(future)
        body.append(Call(future, tool, {"path": path} if tool == "read" else {"path": path, "text": str(future)}))
    return Setting(Program(tuple(body)), TOOLS, partial(KeyWorld, TOOLBOX, VALUES), granularity, scheduler=make)  # type: ignore[arg-type]


def classes(n: int, rng: np.random.Generator, keys: str, granularity: str) -> Setting:
    """Reads and appends of random keys."""
    drawn = [(str(rng.choice(["read", "append"])), str(rng.choice(list(keys)))) for _ in range(n)]
    return calls(n, lambda future: drawn[future - 1], granularity, Scheduler)


def bounds(rng: np.random.Generator, unit: float) -> None:
    """The promised sizes, each over many random programs: the slowest counts."""
    print(f"{'all schedules, the real scheduler':54} {'programs':>8} {'states':>7} {'slowest s':>10} {'anchors':>8}")
    sizes: list[tuple[str, list[Setting]]] = [
        ("8 atomic calls, any conflicts", [classes(8, rng, "abcdefgh", "atomic") for _ in range(PROGRAMS)]),
        ("12 atomic calls, 3 keys", [classes(12, rng, "abc", "atomic") for _ in range(PROGRAMS)]),
        ("6 calls step by step", [classes(6, rng, "abcdef", "steps") for _ in range(PROGRAMS)]),
        ("8 atomic calls with references, touches, branches", _random(rng, 8, "atomic")),
        ("6 calls step by step with references, touches, branches", _random(rng, 6, "steps")),
    ]
    for name, settings in sizes:
        slowest, states = 0.0, 0
        for setting in settings:
            start = time.perf_counter()
            found = exhaust(setting)
            slowest, states = max(slowest, time.perf_counter() - start), max(states, found.states)
            assert found.differing(setting.in_order()) is None
        print(f"{name:54} {len(settings):8} {states:7} {slowest:10.3f} {slowest / unit:8.1f}")


def _random(rng: np.random.Generator, n: int, granularity: str) -> list[Setting]:
    return [replace(setting, granularity=granularity) for setting in random_settings(PROGRAMS, rng, n)]  # type: ignore[arg-type]


def rate(unit: float) -> None:
    """States per second, with nothing left out and with persistent sets."""
    print(f"\n{'states per second':54} {'states':>8} {'states/s':>9} {'anchors':>8}")
    setting = calls(5, lambda future: ("append", "ab"[future % 2]), "steps")
    rows = (("5 appends to 2 keys, naive, step by step, all moves", False), ("the same, persistent sets", True))
    for name, reduce in rows:
        start = time.perf_counter()
        found = exhaust(setting, reduce=reduce)
        seconds = time.perf_counter() - start
        print(f"{name:54} {found.states:8} {found.states / seconds:9.0f} {seconds / unit:8.1f}")


def nodes_per_trace(unit: float) -> None:
    header = "one execution per trace, naive, atomic"
    print(f"\n{header:54} {'traces':>8} {'executions':>10} {'nodes/trace':>11} {'anchors':>8}")
    shapes: Sequence[tuple[str, int, Callable[[int], tuple[str, str]]]] = [
        ("7 appends to 1 key", 7, lambda future: ("append", "a")),
        ("9 appends to 3 keys", 9, lambda future: ("append", "abc"[future % 3])),
        ("11 appends to 3 keys", 11, lambda future: ("append", "abc"[future % 3])),
        ("10 calls on 3 keys, every third an append", 10, lambda f: ("read" if f % 3 else "append", "abc"[f % 7 % 3])),
    ]
    for name, n, kind in shapes:
        start = time.perf_counter()
        found = explore_traces(calls(n, kind), limit=1_000_000)
        seconds = time.perf_counter() - start
        assert found is not None
        ratio = found.nodes / found.traces
        print(f"{name:54} {found.traces:8} {found.executions:10} {ratio:11.2f} {seconds / unit:8.1f}")


if __name__ == "__main__":
    one = anchor()
    bounds(np.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 0), one)
    rate(one)
    nodes_per_trace(one)
