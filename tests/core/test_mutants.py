"""The mutants of the scheduler (verify/mutants.py): a handful of programs and random schedules must catch each of them.

Otherwise the properties that hold of the real scheduler say little. The real one passes the same programs and
schedules. Here calls are also cancelled and timed out, and in every state the rules are compared with their
definitions.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from asyncfc_sim.core.events import Action
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch
from asyncfc_sim.verify.configuration import MakeScheduler
from asyncfc_sim.verify.mutants import MUTANTS
from tests.chaos import Chaos, Invariants
from tests.toys import TOOLS, ToyWorld


def read(future: int, path: Any) -> Call:
    return Call(future, "read", {"path": path})


def write(future: int, path: Any, text: Any) -> Call:
    return Call(future, "write", {"path": path, "text": text})


def append(future: int, path: Any, text: Any) -> Call:
    return Call(future, "append", {"path": path, "text": text})


def send(future: int, body: Any) -> Call:
    return Call(future, "send", {"body": body})


PROGRAMS: dict[str, tuple[Statement, ...]] = {
    "WW": (write(1, "a", "1"), write(2, "a", "2")),
    "RAW": (write(1, "a", "1"), read(2, "a")),
    "WAR": (read(1, "a"), write(2, "a", "2")),
    "WRW": (write(1, "a", "1"), read(2, "a"), write(3, "a", "3")),
    "GAP": (append(1, "a", "1"), read(2, "b"), append(3, "a", "3"), read(4, "ptr"), read(5, "a")),
    "PHANTOM": (write(1, "x", "1"), Call(2, "ls"), write(3, "y", "1")),
    "LATEARG": (read(1, "b"), append(2, "a", Ref(1)), append(3, "a", "!")),
    "ALIAS-RAW": (read(1, "ptr"), write(2, Ref(1), "x"), read(3, "a")),
    "ALIAS-WAR": (read(1, "ptr"), read(2, Ref(1)), write(3, "a", "x")),
    "ALIAS-WAW": (read(1, "ptr"), write(2, Ref(1), "x"), write(3, "a", "y")),
    "TOUCH-MID": (write(1, "a", "1"), read(2, "a"), Touch((2,)), write(3, "a", "3")),
    "TOUCH-BOTH": (read(1, "a"), read(2, "b"), Touch((1, 2)), write(3, "a", Ref(2))),
    "BRANCH": (
        write(1, "b", "1"),
        read(2, "b"),
        Branch(Ref(2), "1", (send(3, "one"),), (send(4, "other"),)),
        read(5, "b"),
    ),
    "ANSWER": (write(1, "a", "1"), read(2, "b"), Done((Ref(2),))),
    "FAIL-SEND": (read(1, "zz"), send(2, "done"), send(3, "bye")),
    "FAIL-SOON": (read(1, "ptr"), read(2, "zz"), send(3, "done")),
    "FAIL-TOLD": (read(1, "zz"), Touch((1,)), send(2, "sorry"), read(3, "a")),
    "FAIL-W": (read(1, "zz"), write(2, "b", "x"), read(3, "b")),
    "FAIL-DEP": (Call(1, "fail"), Call(2, "pure", {"x": Ref(1)}), write(3, "b", Ref(2)), read(4, "b")),
    "FAIL-BOTH": (
        read(1, "zz"),
        Call(2, "fail"),
        Call(3, "copy", {"src": Ref(1), "dst": Ref(2)}),
        Done((Ref(3),)),
    ),
    "ALIAS-MISS": (read(1, "ptr"), write(2, Ref(1), "x"), read(3, "b")),
    "UNDECLARED": (append(1, "a", "1"), Call(2, "undeclared", {"path": "a", "text": "2"}), append(3, "a", "3")),
    "ADD": (Call(1, "add", {"n": 1}), Call(2, "incr"), Call(3, "add", {"n": 2})),
    "ADD2": (Call(1, "add", {"n": 1}), Call(2, "add", {"n": 2})),
}


# These run calls later than they might, end too early, or at the same time as tools that are atomic here.
HARMLESS = {"shrinking wakes nobody", "one by one", "no drain", "commuting together", "first freed only"}
WRONG = [name for name in MUTANTS if name not in HARMLESS]


def fault(program: Program, make: MakeScheduler, seed: int, failure: Failure) -> str | None:
    """What is wrong with one random run: it differs from the sequential run, breaks an invariant or gets stuck."""
    rng = np.random.default_rng(seed)
    world, in_order = ToyWorld(), ToyWorld()
    chaos = Chaos(
        program,
        TOOLS,
        world.execute,
        lambda n: int(rng.integers(n)),
        failure=failure,
        abandon=seed % 2 == 1,
        make=make,
    )
    chaos.invariants.without_caps = True
    try:
        outcome = chaos.run()
    except AssertionError as error:
        return str(error).partition("\n")[0]
    if outcome != chaos.sequential(TOOLS, in_order.execute, failure):
        return "another outcome"
    return None if world.state() == in_order.state() else "another world"


def first_fault(make: MakeScheduler, failure: Failure, seeds: int) -> tuple[str, int, str] | None:
    for seed in range(seeds):
        for name, body in PROGRAMS.items():
            found = fault(Program(body), make, seed, failure)
            if found is not None:
                return name, seed, found
    return None


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
def test_the_real_scheduler_passes(failure: Failure) -> None:
    assert first_fault(Scheduler, failure, seeds=60) is None


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_caught(name: str) -> None:
    assert first_fault(MUTANTS[name].make, "poison", seeds=400) is not None


@pytest.mark.parametrize("name", WRONG)
def test_mutants_that_run_calls_too_early_end_in_another_outcome_or_world(name: str) -> None:
    """They are not only caught by comparing states with the definition of a rule."""

    class Unwatched(Invariants):
        def after(self, actions: list[Action]) -> None:
            pass

        def at_the_end(self) -> None:
            pass

    with patch("tests.chaos.Invariants", Unwatched):
        found = first_fault(MUTANTS[name].make, "poison", seeds=400)
    assert found is not None
    assert found[2] in ("another outcome", "another world")
