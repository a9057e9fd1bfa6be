"""Two calls at once, in threads that take turns: deterministic, whole, and not held up by locks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncfc_sim.verify.effects import overlap as module
from asyncfc_sim.verify.effects.function_subject import FunctionSubject, function_subject
from asyncfc_sim.verify.effects.overlap import overlap, single_switches
from asyncfc_sim.verify.effects.subject import CannotCheck
from asyncfc_sim.verify.effects.swap import run
from asyncfc_sim.verify.effects.trial import Call, Trial
from tests.verify.effects.sources import tools_from

SOURCE = """
    import threading

    N = {"n": 0}
    LOG = []
    LOCK, ONE, OTHER = threading.Lock(), threading.Lock(), threading.Lock()

    @tool
    def bump():
        value = N["n"]
        N["n"] = value + 1
    @tool
    def bump_in_one_line(): N["n"] += 1
    @tool
    def locked():
        with LOCK:
            value = N["n"]
            N["n"] = value + 1
    @tool
    def log(text: str):
        for letter in text:
            LOG.append(letter)
        return "".join(LOG)
    @tool
    def this_way():
        with ONE:
            with OTHER:
                N["n"] += 1
    @tool
    def that_way():
        with OTHER:
            with ONE:
                N["n"] += 1
"""


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[FunctionSubject]:
    with function_subject(tools_from(tmp_path, SOURCE)) as made:
        yield made


def twice(tool: str, **args: str) -> Trial:
    return Trial((), Call(tool, args), Call(tool, args))


def counts(subject: FunctionSubject, trial: Trial) -> set[str]:
    """What the counter may be in the end, over all schedules with one switch."""
    steps = overlap(subject, trial).steps
    found = set()
    for switches, second_begins in single_switches(steps):
        outcome = overlap(subject, Trial((), trial.first, trial.second, 0, None, switches, second_begins)).outcome
        found.add(outcome.state.content[("", "N"), ("[", "n")])
    return found


def test_an_update_is_lost_where_one_call_runs_inside_the_other(subject: FunctionSubject):
    assert counts(subject, twice("bump")) == {"1"}
    assert counts(subject, twice("bump_in_one_line")) == {"1"}


def test_a_lock_keeps_updates_and_nobody_waits_for_ever(subject: FunctionSubject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    assert counts(subject, twice("locked")) == {"2"}


def test_without_a_switch_it_is_one_call_after_the_other(subject: FunctionSubject):
    for trial in (twice("bump"), twice("log", text="ab")):
        assert overlap(subject, trial).outcome == run(subject, trial)


def test_the_same_schedule_gives_the_same_outcome(subject: FunctionSubject):
    seen = set()
    for switches in [(3,), (5,), (3, 4), (2, 3, 4, 5)]:
        trial = Trial((), Call("log", {"text": "ab"}), Call("log", {"text": "xy"}), switches=switches)
        outcomes = [overlap(subject, trial).outcome for _ in range(3)]
        assert outcomes[0] == outcomes[1] == outcomes[2]
        seen.add(outcomes[0].values)
    assert len(seen) > 1


def test_calls_that_wait_for_each_other_are_told(subject: FunctionSubject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_S", 0.3)
    trial = Trial((), Call("this_way", {}), Call("that_way", {}))
    schedules = single_switches(overlap(subject, trial).steps)
    told = ""
    for switches, second_begins in schedules:
        try:
            overlap(subject, Trial((), trial.first, trial.second, 0, None, switches, second_begins))
        except CannotCheck as why:
            told = str(why)
            break  # the locks are held for ever now
    assert "this_way() and that_way()" in told
    assert "do they wait for each other" in told


def test_what_a_call_raises_reaches_whoever_asked(subject: FunctionSubject):
    with pytest.raises(KeyError):
        overlap(subject, Trial((), Call("no such tool", {}), Call("bump", {})))
