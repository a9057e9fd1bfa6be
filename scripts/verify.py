"""What the tests do in part, whole: random programs under every schedule, and the table of who kills which mutant.

    python scripts/verify.py [--programs 1500] [--killers 200] [--write]

`--write` rewrites tests/litmus/MUTANTS.md, which says who kills whom. Without it a table that is not that of the file
is a failure. Exits with 1 if a schedule differs from running in order, if fewer than 40 % of the programs differ
without the rule, or if nothing notices a mutant that something could.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from asyncfc_sim.report.console import progress
from asyncfc_sim.verify.differential import differential, random_settings
from asyncfc_sim.verify.mutants import MUTANTS
from asyncfc_sim.verify.teeth import kill_table, markdown, unnoticed
from asyncfc_sim.workloads.litmus_file import litmus_files, load_litmus

SEED = 7
TABLE = Path(__file__).resolve().parents[1] / "tests" / "litmus" / "MUTANTS.md"


def random_programs(n: int) -> bool:
    """Whether every schedule of every program is as running in order, and many would not be without the rule."""
    with progress("random programs", n) as advance:
        tally = differential(n, np.random.default_rng(SEED), advance=advance)
    print(tally)
    for program in tally.different:
        print(program)
    return not tally.different and tally.naive_differs > 0.4 * n


def mutants(killers: int, write: bool) -> bool:
    """Whether every mutant is noticed that can be, and the table in the file is this one."""
    tests = [load_litmus(str(path)) for path in litmus_files()]
    programs = list(random_settings(killers, np.random.default_rng(SEED)))
    with progress("mutants", len(MUTANTS)) as advance:
        table = kill_table(tests, programs, advance)
    text = markdown(table, len(tests), killers)
    print(text)
    if write:
        TABLE.write_text(text, encoding="utf-8")
    current = TABLE.is_file() and TABLE.read_text(encoding="utf-8") == text
    if not current:
        print(f"{TABLE.name} is not up to date: run scripts/verify.py --write")
    for name in unnoticed(table):
        print(f"nothing notices the mutant {name!r}")
    return current and not unnoticed(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--programs", type=int, default=1500)
    parser.add_argument("--killers", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    held = [random_programs(options.programs), mutants(options.killers, options.write)]
    sys.exit(0 if all(held) else 1)
