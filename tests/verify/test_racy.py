"""A certificate is never given to a run that came to another end; here with fewer runs than `make verify` makes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asyncfc_sim.core.certificate import Access, Certified, NotCertified, Verdict, certify
from asyncfc_sim.core.events import Action, Event
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.trace import Header, Recorder
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.racy import Tally, race, racy_runs
from asyncfc_sim.verify.recording import recording
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.workloads.random_programs import random_program
from tests.recorded import at_random, new_world

RUNS = 1500


def test_no_certificate_is_unsound_and_all_three_other_cases_occur():
    made = 0

    def advance() -> None:
        nonlocal made
        made += 1

    tally = racy_runs(RUNS, np.random.default_rng(11), advance=advance)
    assert tally.unsound == 0
    assert tally.runs == made == RUNS
    assert min(tally.sound, tally.caught) > RUNS / 10
    assert tally.benign > RUNS / 100  # not certified is not wrong


def test_the_real_scheduler_is_always_certified():
    assert racy_runs(300, np.random.default_rng(0), make=Scheduler) == Tally(sound=300)


def test_a_judge_who_forgets_a_kind_of_conflict_is_found_out():
    def forgets(first: str, second: str) -> Tally:
        def judge(log: Sequence[Access]) -> Verdict:
            for at, late in enumerate(log):
                for early in log[:at]:
                    conflict = early.pattern == late.pattern and "w" in (early.mode, late.mode)
                    # In order the later access would come first.
                    if conflict and early.future > late.future and (late.mode, early.mode) != (first, second):
                        return certify([early, late])
            return Certified(())

        return racy_runs(500, np.random.default_rng(11), judge=judge)

    assert forgets("none", "none").unsound == 0
    for first, second in (("w", "r"), ("r", "w"), ("w", "w")):
        assert forgets(first, second).unsound > 0, (first, second)


def test_a_tally_says_what_it_counted():
    tally = Tally()
    for certified, equal in [(True, True), (True, True), (False, True), (False, False), (False, False)]:
        tally.add(certified=certified, equal=equal)
    assert str(tally) == (
        "5 racy runs: 2 certified, of which 0 differ from running in order; "
        "3 not certified, of which 1 are equal all the same"
    )


def test_a_race_is_drawn_from_the_generator_alone():
    first, again = (race(np.random.default_rng(5)) for _ in range(2))
    assert first == again


def test_the_certificate_of_its_trace_is_that_of_its_log():
    """The trace has the same accesses; a call that made none, but declares some, stands with what it declares."""
    rng = np.random.default_rng(2)
    verdicts = set()
    for _ in range(200):
        program, tools, _ = random_program(rng, 5)
        setting = Setting(program, tools, new_world, granularity="steps", scheduler=Naive)
        recorder = Recorder(Header(run="race", source="walk"))
        log: list[Access] = []
        write = recording(recorder)

        def observe(happened: Event | Access | Action, log=log, write=write) -> None:
            write(happened)
            if isinstance(happened, Access):
                log.append(happened)

        at_random(setting, rng, observe)
        judged = certificate(recorder.run())
        assert judged.accesses == len(log)
        if log and not judged.unlogged:
            assert _said(judged.verdict) == _said(certify(log))
            verdicts.add(judged.certified)
        else:
            assert not judged.certified or isinstance(certify(log), Certified)
    assert verdicts == {True, False}


def _said(verdict: object) -> object:
    """A verdict without the numbers of places, which are those of the log or of the trace."""
    return (verdict.earlier, verdict.later) if isinstance(verdict, NotCertified) else verdict
