"""The long form of the tests of `asyncfc check FILE.py`: planted bugs are found, and correct tools give no alarm.

    python scripts/verify_footprints.py [SWAPS]

Each of the six planted bugs is looked for from 15 seeds; the median of trials must be 25 at most. Then pairs of calls
of correct tools are tried until SWAPS of them (17,000) have been run in both orders, and must never be told apart.
Exits with 1 otherwise.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from asyncfc_sim.report.console import progress
from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.search import Search
from tests.verify.effects import planted_tools as planted
from tests.verify.effects.test_planted import SEEDS, trials_until_found

CHECKS = (("access",), ("order",), ("overlap",), ("access", "order", "overlap"))
MOST = 300


def bugs() -> bool:
    """Print, for each bug and each check, the median of trials until it is found."""
    held = True
    names = ", ".join("+".join(checks) for checks in CHECKS)
    lines = [f"planted bugs: median trials until found, {SEEDS} seeds, at most {MOST} ({names})"]
    for bad in planted.BAD:
        medians = []
        with function_subject([*planted.GOOD, bad]) as subject:
            for checks in CHECKS:
                found = [
                    trials_until_found(subject, bad.__name__, seed, frozenset(checks), MOST) for seed in range(SEEDS)
                ]
                medians.append(median([MOST + 1 if trials is None else trials for trials in found]))
        lines.append(f"  {bad.__name__:16}" + "".join(f"{'-' if m > MOST else m:>8}" for m in medians))
        held &= medians[-1] <= 25
    print("\n".join(lines), flush=True)
    return held


def alarms(swaps: int) -> bool:
    """Print how often two calls of correct tools were told apart, which must be never."""
    rng = np.random.default_rng(1)
    with function_subject([*planted.GOOD, planted.add_wo, planted.add_commuting]) as subject:
        search = Search(subject, seed=1)
        pairs = list(search.pairs.values())
        done = 0
        with progress("swaps of correct tools", swaps) as advance:
            while done < swaps and not search.found:
                pair = pairs[int(rng.integers(len(pairs)))]
                before = pair.swaps
                search.trial(pair)
                done += pair.swaps - before
                if pair.swaps > before:
                    advance()
    overlaps = sum(pair.overlaps for pair in pairs)
    watched = len(search.seen.calls)
    print(
        f"correct tools: {done:,} swaps, {overlaps:,} overlaps, {watched:,} calls watched in {search.trials:,} trials: "
        f"{len(search.found)} false alarms",
        flush=True,
    )
    return not search.found


if __name__ == "__main__":
    swaps = int(sys.argv[1]) if len(sys.argv) > 1 else 17_000
    held = [bugs(), alarms(swaps)]
    sys.exit(0 if all(held) else 1)
