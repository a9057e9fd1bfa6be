"""What the proofs can compute, extracted from Coq to OCaml, against core/sequential.py and states of the scheduler.

The sequential machine of proofs/Machine.v runs the random programs, and `completion` of proofs/Invariant.v completes
states that the real scheduler was in. The tools are written once more, in OCaml (reference/reference.ml).
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asyncfc_sim.core.syntax import Call
from asyncfc_sim.verify.differential import random_settings
from asyncfc_sim.verify.machine.states import Entry, Pending, Resolved, Running, State
from asyncfc_sim.verify.machine.tie import Tie
from asyncfc_sim.workloads.toolbox import TOOLBOX
from tests.explored import appends, explored
from tests.extracted import Words, ending, shown, words_of

HERE = Path(__file__).parent / "reference"
PROOFS = Path(__file__).parents[2] / "proofs"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extracted machine, as a program."""
    for program in ("coqc", "ocamlc"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} (make proofs installs both, as root)")
    folder = tmp_path_factory.mktemp("extracted")
    files = [line for line in (PROOFS / "_CoqProject").read_text(encoding="utf-8").splitlines() if line.endswith(".v")]
    for path in (*(PROOFS / name for name in files[: files.index("Invariant.v") + 1]), HERE / "Extract.v"):
        shutil.copy(path, folder)
        run(["coqc", "-q", "-noglob", "-Q", ".", "AsyncFC", path.name], folder)
    shutil.copy(HERE / "reference.ml", folder)
    run(["ocamlc", "-w", "-a", "machine.mli", "machine.ml", "reference.ml", "-o", "reference"], folder)
    return folder / "reference"


def run(words: list[str], folder: Path, stdin: str = "") -> str:
    done = subprocess.run(words, cwd=folder, input=stdin, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def completed(reference: Path, states: Iterable[State]) -> list[tuple[list[str], str]]:
    """What each state comes to: the values of its calls, and the world."""
    answers = run([str(reference)], reference.parent, "".join(" ".join(words_of(each)) + "\n" for each in states))
    return [ending(Words(line)) for line in answers.splitlines()]


def in_order(tie: Tie) -> tuple[list[str], str]:
    """What core/sequential says of the program."""
    found = tie.setting.in_order()
    return [shown(value) for value in found.outcome.values.values()], found.world


def test_a_thousand_random_programs_come_to_what_the_extracted_machine_says(reference: Path) -> None:
    ties = [Tie(setting, TOOLBOX) for setting in random_settings(1000, np.random.default_rng(8))]
    expected = [in_order(tie) for tie in ties]
    assert completed(reference, [tie.begin.state for tie in ties]) == expected
    met = Counter(
        kind for values, _ in expected for value in values for kind in ("tool_error", "needs") if kind in value
    )
    assert min(met.values()) > 200


def test_states_of_the_scheduler_completed_by_the_extracted_function_end_as_in_order(
    reference: Path,
) -> None:
    """The lemma of the proofs, by the function of the proofs, on states that the scheduler was in."""
    rng = np.random.default_rng(9)
    states: list[State] = []
    expected, met = [], Counter[type]()
    for setting in random_settings(150, rng):
        tie = Tie(setting, TOOLBOX)
        for state in states_of_a_run(tie, rng):
            states.append(state)
            expected.append(in_order(tie))
            met.update(type(entry.status) for entry in state.pool)
    assert completed(reference, states) == expected
    assert min(met[Pending], met[Running], met[Resolved]) > 500


def test_a_state_that_no_schedule_may_reach_comes_to_another_end(reference: Path) -> None:
    """Two appends to one file, of which the second was first: the function is not the same for whatever happened."""
    tie = Tie(explored(appends("aa")), TOOLBOX)
    first, second = (statement for statement in tie.setting.program.body if isinstance(statement, Call))
    pool = (Entry(first, frozenset()), Entry(second, frozenset(), Resolved("ok")))
    overtaken = replace(tie.begin.state, code=(), pool=pool, world={**tie.begin.state.world, "file:a": "A2"})
    (values, world), expected = completed(reference, [overtaken])[0], in_order(tie)
    assert values == expected[0]
    assert (world, expected[1]) == (world.replace("A12", "A21"), world.replace("A21", "A12"))
    assert world != expected[1]


def states_of_a_run(tie: Tie, rng: np.random.Generator) -> Iterator[State]:
    made, at = tie.setting.start(), tie.begin
    while not made.over():
        moves = made.moves()
        at = tie.make(made, at, moves[int(rng.integers(len(moves)))])
        if not at.state.answered:
            yield at.state
