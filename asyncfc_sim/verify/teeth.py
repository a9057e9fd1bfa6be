"""Which tests notice which mutant of the scheduler: the table of who kills whom.

A mutant is killed by a litmus test if some schedule ends otherwise than running in order where the test says that all
are equal, if the run gets stuck or breaks the scheduler's protocol, or if calls that must overlap never do; by a
random program if the same happens to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from asyncfc_sim.core.events import ProtocolError
from asyncfc_sim.language.litmus import LitmusTest

from .exhaust import TooManyStates
from .litmus import ending_otherwise, litmus_setting, missing_overlap
from .mutants import MUTANTS, Mutant
from .setting import Setting

REAL: Final = ("effect", "barrier", "strict")  # where tests say what the real scheduler does
LIMIT: Final = 50_000  # states of one exploration


@dataclass(slots=True)
class Kills:
    """Who noticed a mutant: litmus tests by name, and how many of the random programs."""

    litmus: list[str] = field(default_factory=list)
    random: int = 0


def kill_table(
    tests: Iterable[LitmusTest], programs: Sequence[Setting] = (), advance: Callable[[], None] = lambda: None
) -> Mapping[str, Kills]:
    """Run every mutant on every test and program; `advance` is called after each mutant."""
    tests = list(tests)
    table = {}
    for name, mutant in MUTANTS.items():
        kills = Kills([test.name for test in tests if killed_by_litmus(mutant, test)])
        kills.random = sum(killed_by_program(mutant, program) for program in programs)
        table[name] = kills
        advance()
    return table


def killed_by_litmus(mutant: Mutant, test: LitmusTest) -> bool:
    """Whether this test notices the mutant."""
    columns = [each.column for each in test.expectations if each.equal and each.column[0] in REAL]
    settings = [litmus_setting(test, *column) for column in columns]
    if any(_goes_wrong(replace(each, scheduler=mutant.make)) for each in settings if each.failure in mutant.failures):
        return True
    overlapping = replace(litmus_setting(test, "effect", "atomic"), scheduler=mutant.make)
    return any(missing_overlap(overlapping, overlap.futures) for overlap in test.overlaps if overlap.sometimes)


def killed_by_program(mutant: Mutant, setting: Setting) -> bool:
    """Whether some schedule of this program goes wrong under the mutant."""
    return any(_goes_wrong(replace(setting, scheduler=mutant.make, failure=failure)) for failure in mutant.failures)


def _goes_wrong(setting: Setting) -> bool:
    try:
        return ending_otherwise(setting, LIMIT) is not None
    except TooManyStates:
        return False  # not shown
    except (ProtocolError, AssertionError):
        return True


def unnoticed(table: Mapping[str, Kills]) -> list[str]:
    """The mutants that nothing kills, though something could."""
    return [name for name, kills in table.items() if not (kills.litmus or kills.random or MUTANTS[name].equivalent)]


def markdown(table: Mapping[str, Kills], tests: int, programs: int) -> str:
    """The table as a document."""
    lines = [
        "# Who kills whom",
        "",
        "Each mutant is the real scheduler with one rule left out or turned (asyncfc_sim/verify/mutants.py). A litmus",
        f"test or a random program (five calls, every schedule) kills it by noticing. {tests} litmus tests, {programs}",
        "random programs. Generated: `python scripts/verify.py --write`.",
        "",
        "| mutant | what it does | random | litmus | by name |",
        "|---|---|---|---|---|",
    ]
    for name, kills in table.items():
        names = " ".join(kills.litmus) or "-"
        equivalent = MUTANTS[name].equivalent
        if not kills.litmus and not kills.random and equivalent:
            names = f"none can: {equivalent}"
        lines.append(f"| {name} | {MUTANTS[name].rule} | {kills.random} | {len(kills.litmus)} | {names} |")
    return "\n".join(lines) + "\n"
