"""Examples a second: our strategies for programs and schedules, against what one would write first.

The naive strategy draws calls whose references name any call, and a permutation of all moves, and throws away what is
not valid: references that do not point backwards, schedules in which a move comes before it is possible. Ours throws
nothing away. Both are run by Hypothesis, and each example is a whole test: the program is run under its schedule.

Sizes matter, because a longer program is more often invalid. So ours is run first, which gives a distribution of
sizes (calls on the longest path; empty programs count as no example); the naive one is run for each size, and its
figure is for the same distribution. It draws calls only, no touches and no branches, which is in its favour. Figures
are process CPU time, medians over rounds; both are measured in each round.

    python benchmarks/bench_strategies.py [--rounds 3] [--examples 1000] [--max-calls 5]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, reject, seed, settings
from hypothesis import strategies as st

from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Program, calls_in, refs_in
from asyncfc_sim.verify.choices import Schedule
from asyncfc_sim.verify.moves import DECODE, Move
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.schedules import ScheduleError
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.verify.strategies import ARGUMENTS, programs, schedules, worlds
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.toolbox_tools import TOOLS

SEED = 2605
ENOUGH = 30  # valid examples of the naive strategy, of each size
PATIENCE_S = 20.0  # CPU time after which fewer have to do


@st.composite
def naive_programs(draw: st.DrawFn, n: int) -> Program:
    """Any `n` calls; a third of the arguments are references, as in ours."""
    body = []
    for future in range(1, n + 1):
        tool = draw(st.sampled_from(sorted(ARGUMENTS)))
        args: dict[str, Any] = {}
        for name, literals in ARGUMENTS[tool].items():
            refers = draw(st.sampled_from([False, False, True]))
            args[name] = draw(st.builds(Ref, st.integers(1, n)) if refers else literals)
        body.append(Call(future, tool, args))
    assume(all(ref.future < call.future for call in body for value in call.args.values() for ref in refs_in(value)))
    return Program(tuple(body))


def naive_schedules(n: int) -> st.SearchStrategy[list[Move]]:
    """The decoder's moves, one for each call and one for the end, and those of the calls, in any order."""
    moves: list[Move] = [DECODE] * (n + 1)
    return st.permutations([*moves, *range(1, n + 1)])


@dataclass(slots=True)
class Count:
    """Valid examples by size, how many were drawn, and the CPU time that all of it took."""

    sizes: Counter[int]
    drawn: int = 0
    cpu_s: float = 0.0

    @property
    def valid(self) -> int:
        return self.sizes.total()

    @property
    def seconds(self) -> float:
        """CPU time of a valid example; a lower bound if there was none."""
        return self.cpu_s / max(1, self.valid)


def timed(examples: int, number: int, count: Count, run: Callable[..., int], *strategies: Any) -> None:
    """Have Hypothesis draw this many examples; `run` tests one, and returns the calls of its program."""

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*strategies))
    def test(drawn: tuple[Any, ...]) -> None:
        count.drawn += 1
        size = run(*drawn)
        if size:
            count.sizes[size] += 1

    begin = time.process_time()
    test()
    count.cpu_s += time.process_time() - begin


def ours(examples: int, max_calls: int, number: int) -> Count:
    def run(program: Program, schedule: Schedule, world: KeyWorld) -> int:
        schedule.run(Setting(program, TOOLS, world.copy))
        return max((call.future for call in calls_in(program.body)), default=0)

    count = Count(Counter())
    timed(examples, number, count, run, programs(max_calls=max_calls), schedules(), worlds())
    return count


def naive(n: int, number: int) -> Count:
    def run(program: Program, schedule: list[Move], world: KeyWorld) -> int:
        try:
            replay(Setting(program, TOOLS, world.copy), schedule)
        except ScheduleError:
            reject()
        return n

    count = Count(Counter())
    while count.valid < ENOUGH and count.cpu_s < PATIENCE_S:
        number += 1
        timed(ENOUGH, number, count, run, naive_programs(n), naive_schedules(n), worlds())
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description="Examples a second of strategies for programs and schedules.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--max-calls", type=int, default=5)
    args = parser.parse_args()
    sizes = range(1, args.max_calls + 1)
    mine: list[Count] = []
    theirs: dict[int, list[Count]] = {n: [] for n in sizes}
    rates: list[tuple[float, float]] = []
    for round_ in range(args.rounds):
        mine.append(ours(args.examples, args.max_calls, SEED + round_))
        for n in sizes:
            theirs[n].append(naive(n, SEED + 100 * round_))
        share = {n: mine[-1].sizes[n] / mine[-1].valid for n in sizes}
        rates.append((1 / mine[-1].seconds, 1 / sum(share[n] * theirs[n][-1].seconds for n in sizes)))
    print(f"Python {platform.python_version()}, seed {SEED}, {args.rounds} rounds of {args.examples} examples of ours;")
    print("valid examples per second of process CPU time, median over rounds")
    print(f"{'calls':<8}{'share of ours':>14}{'naive/s':>10}{'of those run, legal':>21}")
    for n in sizes:
        share_of_ours = sum(count.sizes[n] for count in mine) / sum(count.valid for count in mine)
        rate = statistics.median(1 / count.seconds for count in theirs[n])
        legal = sum(count.valid for count in theirs[n]) / sum(count.drawn for count in theirs[n])
        bound = "" if all(count.valid for count in theirs[n]) else "<= "
        print(f"{n:<8}{share_of_ours:>14.0%}{bound + format(rate, '.1f'):>10}{legal:>21.1%}")
    ratio = statistics.median(our / their for our, their in rates)
    our, their = (statistics.median(rate) for rate in zip(*rates, strict=True))
    print(f"at these shares: ours {our:.0f}/s, naive {their:.0f}/s, ratio {ratio:.1f} (goal: at least 2)")


if __name__ == "__main__":
    main()
