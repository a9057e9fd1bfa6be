"""What one event costs the scheduler, with 10 to 10,000 calls open.

A round keeps N calls open: it issues a call, ends one that is under way, and so on. The figure is process CPU time per
event (one issue or one end, with all the starts and wakes that follow from it), as the median over rounds; the rounds
of all rows are interleaved, so that a slow moment of the machine hits all rows alike. The ratio is to the row with 10
open calls of the same round. Cost that stays flat means that the State Tree, not the number of calls, decides.

    python benchmarks/bench_scheduler.py [--rounds 9] [--pairs 2000] [--open 10 100 1000 10000] [--profile WORKLOAD]
"""

from __future__ import annotations

import argparse
import cProfile
import platform
import pstats
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from asyncfc_sim.core.events import Action, Finish, Issue, Start
from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool

SEED = 2605
TOOLS = {
    "write": Tool("write", Declaration(writes=["k:{path}"])),
    "put": Tool("put", Declaration(writes=["k:{folder}/{name}"])),
    "list": Tool("list", Declaration(reads=["k:{folder}/*"])),
    "undeclared": Tool("undeclared"),
}

# From the number of a future, the number of open calls and a random generator to the call.
MakeCall = Callable[[int, int, random.Random], Call]


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    make_call: MakeCall
    slots: int = 1_000_000


def disjoint(future: int, n: int, rng: random.Random) -> Call:
    return Call(future, "write", {"path": f"p{future}", "text": "x"})


def nested(future: int, n: int, rng: random.Random) -> Call:
    """Keys six segments deep; one call in ten reads a whole folder, and folders meet as often whatever n is."""
    folder = f"a/b/{rng.randrange(n)}/c"
    if future % 10 == 0:
        return Call(future, "list", {"folder": folder})
    return Call(future, "put", {"folder": folder, "name": f"p{future}"})


def unknown(future: int, n: int, rng: random.Random) -> Call:
    """One call in ten does not know yet what it writes, within a folder that others use too."""
    folder = str(rng.randrange(n))
    if future % 10 == 0:
        return Call(future, "put", {"folder": folder, "name": Ref(future - 1)})
    return Call(future, "put", {"folder": folder, "name": f"p{future}"})


def unbounded(future: int, n: int, rng: random.Random) -> Call:
    """One call in ten does not know yet what it writes, and it may be anything."""
    return Call(future, "write", {"path": Ref(future - 1) if future % 10 == 0 else f"p{future}"})


def default(future: int, n: int, rng: random.Random) -> Call:
    """No declarations: everything conflicts with everything."""
    return Call(future, "undeclared", {"path": f"p{future}"})


WORKLOADS = [
    Workload("disjoint keys", disjoint),
    Workload("disjoint keys, 32 slots", disjoint, slots=32),
    Workload("nested patterns", nested),
    Workload("10 % unknown, bounded", unknown),
    Workload("10 % unknown, unbounded", unbounded),
    Workload("all default", default),
]


def cpu_us_per_event(workload: Workload, n: int, pairs: int) -> float:
    """Process CPU time per event of `pairs` pairs of issue and end with `n` calls open."""
    rng = random.Random(SEED)
    scheduler = Scheduler(TOOLS, max_running=workload.slots, max_running_per_tool=workload.slots)
    calls = [workload.make_call(future, n, rng) for future in range(1, n + pairs + 1)]
    under_way: list[int] = []

    def started(actions: list[Action]) -> None:
        under_way.extend(action.future for action in actions if type(action) is Start)

    def end_one() -> None:
        at = int(rng.random() * len(under_way))
        under_way[at], under_way[-1] = under_way[-1], under_way[at]
        future = under_way.pop()
        started(scheduler.feed(Finish(future, f"r{future}")))

    for call in calls[:n]:
        started(scheduler.feed(Issue(call)))
    begin = time.process_time()
    for call in calls[n:]:
        started(scheduler.feed(Issue(call)))
        end_one()
    return (time.process_time() - begin) / (2 * pairs) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU time per event of the scheduler, by number of open calls.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--open", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--profile", metavar="WORKLOAD", help="profile one workload at 1,000 open calls instead")
    args = parser.parse_args()
    if args.profile:
        workload = next(workload for workload in WORKLOADS if workload.name == args.profile)
        with cProfile.Profile() as profile:
            cpu_us_per_event(workload, 1000, 20_000)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    rows = [(workload, n) for workload in WORKLOADS for n in args.open]
    cost: dict[tuple[str, int], list[float]] = {(workload.name, n): [] for workload, n in rows}
    for _ in range(args.rounds):
        for workload, n in rows:
            cost[workload.name, n].append(cpu_us_per_event(workload, n, args.pairs))
    print(f"Python {platform.python_version()}, seed {SEED}, {args.rounds} rounds of {args.pairs} issues and ends;")
    print("median [quartiles] of process CPU time per event, and its ratio to the first row of the same round")
    print(f"{'workload':<26}{'open calls':>11}{'us/event':>10}{'[quartiles]':>16}{'ratio':>7}")
    for workload, n in rows:
        some, first = cost[workload.name, n], cost[workload.name, args.open[0]]
        low, middle, high = statistics.quantiles(some, n=4)
        ratio = statistics.median(mine / base for mine, base in zip(some, first, strict=True))
        print(f"{workload.name:<26}{n:>11,}{middle:>10.1f}{f'[{low:.1f}, {high:.1f}]':>16}{ratio:>7.2f}")


if __name__ == "__main__":
    main()
