"""The litmus tests come to what they say, and a test that says something else is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.language.litmus import LitmusTest
from asyncfc_sim.verify.configuration import Configuration
from asyncfc_sim.verify.exhaust import TooManyStates, exhaust
from asyncfc_sim.verify.litmus import SCHEDULERS, differs, litmus_setting, run_litmus, under_way_together
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.schedules import ScheduleError
from asyncfc_sim.verify.setting import Ending
from asyncfc_sim.workloads.litmus_file import litmus_files, load_litmus

TESTS = {test.name: test for test in map(load_litmus, map(str, litmus_files()))}
# The programs of the table from which the suite began, and those that were to be added by hand.
PROTOTYPE = {
    "WW", "RAW", "WAR", "RR", "DISJ", "APPEND2", "ADD2", "INCR2", "WRW", "COPYX", "RENAME", "PHANTOM",
    "PHANTOM2", "CHAIN", "HIDDEN", "FAN", "LATEARG", "ALIAS-RAW", "ALIAS-WAR", "ALIAS-WAW", "ALIAS-MISS",
    "ALIAS-BOTH", "ALIAS-PATH", "PTR-MOVE", "CHASE", "TOUCH-FENCE", "TOUCH-MID", "TOUCH-OTHER", "BRANCH",
    "BRANCH-RACE", "ANSWER", "INJECT", "FAIL-DEP", "FAIL-BADPATH", "FAIL-R", "FAIL-W", "FAIL-SEND",
    "FAIL-PARTIAL", "FAIL-WHICH", "FAIL-MASK", "FAIL-LATE", "FAIL-TOUCH", "FAIL-IF", "SEND-ORDER", "CLOCK",
    "CLOCK-UNDECL", "WRONG-FP",
}  # fmt: skip
BY_HAND = {
    "CANCEL-PEND", "CANCEL-RUN", "TIMEOUT-QUEUE", "TIMEOUT-DOUBT", "DELIVER-EAGER", "OVERLAP-MUST", "EXIT-ERR",
    "BADREF", "POOL-1",
}  # fmt: skip
FALSE_FOOTPRINTS = {"CLOCK-UNDECL", "WRONG-FP"}


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_a_file_expects_what_comes_out(test: LitmusTest):
    result = run_litmus(test)
    assert result.surprises == ()
    assert [finding.states for finding in result.findings] == [each.states for each in test.expectations]


def test_all_are_there():
    assert len(PROTOTYPE) == 47
    assert TESTS.keys() >= PROTOTYPE | BY_HAND
    assert [path.stem for path in litmus_files()] == sorted(name.lower().replace("-", "_") for name in TESTS)
    assert all(test.description for test in TESTS.values())
    assert all({("effect", "atomic"), ("effect", "steps")} <= columns(test).keys() for test in TESTS.values())
    assert all(len(columns(TESTS[name])) == 2 * len(SCHEDULERS) for name in PROTOTYPE)


def columns(test: LitmusTest) -> dict[tuple[str, str], bool]:
    return {expectation.column: expectation.equal for expectation in test.expectations}


def unequal(scheduler: str, granularity: str) -> set[str]:
    return {name for name in PROTOTYPE if not columns(TESTS[name])[scheduler, granularity]}


def test_the_verdicts_add_up_to_those_of_the_table():
    """naive fails in 33 of 47, the real scheduler in the two whose footprints are false; and so on."""
    assert len(unequal("naive", "steps")) == 33
    assert unequal("naive", "steps") - unequal("naive", "atomic") == {"ADD2"}
    for scheduler in ("effect", "barrier", "strict"):
        assert unequal(scheduler, "steps") == unequal(scheduler, "atomic") == FALSE_FOOTPRINTS
    assert unequal("effect/failstop", "steps") == {"FAIL-W", "FAIL-SEND", "FAIL-LATE"} | FALSE_FOOTPRINTS
    fail_stop = unequal("naive", "steps") - {"FAIL-PARTIAL"} | {"FAIL-W"}
    assert unequal("naive/failstop", "steps") == fail_stop


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_one_worker_is_enough(test: LitmusTest):
    """POOL-1, for every program: no schedule gets stuck, and all are as in order, unless footprints are false."""
    for scheduler in ("effect", "barrier", "strict"):
        setting = replace(litmus_setting(test, scheduler, "atomic"), workers=1)
        found = exhaust(setting)
        assert found.stuck is None
        wrong = any(differs(setting, ending) for ending, _ in found.endings)
        assert not wrong or test.name in FALSE_FOOTPRINTS


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_footprints_are_false_only_where_that_is_the_point(test: LitmusTest):
    outside: list[Access] = []

    def watch(happened):
        if isinstance(happened, Access):
            footprint = run.under_way[happened.future].start.footprint
            allowed = footprint.writes if happened.mode == "w" else footprint.reads + footprint.writes
            outside.extend([] if any(pattern.covers(happened.pattern) for pattern in allowed) else [happened])

    run = litmus_setting(test, "effect", "steps").start()
    run.observer = watch
    while not run.over():
        run.make(run.moves()[0])
    assert bool(outside) == (test.name in FALSE_FOOTPRINTS)


# What a test says is looked at ----------------------------------------------------------------------------------------


def changed(name: str, column: tuple[str, str], **changes: Any) -> LitmusTest:
    """The test of this name, expecting something else in one column."""
    test = TESTS[name]
    expectations = tuple(replace(each, **changes) if each.column == column else each for each in test.expectations)
    assert expectations != test.expectations
    return replace(test, expectations=expectations)


def ended(run: Configuration) -> Ending:
    return Ending(run.outcome(), run.world.state())


def surprises(test: LitmusTest) -> list[str]:
    return [surprise.message for surprise in run_litmus(test).surprises]


@pytest.mark.parametrize("name", TESTS)
def test_a_wrong_verdict_is_noticed(name: str):
    test = TESTS[name]
    wrong = tuple(replace(each, equal=not each.equal, witness=None) for each in test.expectations)
    found = run_litmus(replace(test, expectations=wrong)).surprises
    assert [surprise.column for surprise in found] == [each.column for each in test.expectations]
    for surprise, expectation in zip(found, test.expectations, strict=True):
        if expectation.equal:
            assert surprise.schedule is None
            assert "but all are equal to it" in surprise.message
        else:
            assert surprise.schedule is not None
            setting = litmus_setting(test, *surprise.column)
            assert differs(setting, ended(replay(setting, surprise.schedule)))


def test_the_surprise_says_what_is_different():
    (message,) = surprises(changed("RAW", ("naive", "atomic"), equal=True, witness=None))
    assert '`f2 is "A"` stands where in order there is `f2 is "1"`' in message


def test_a_wrong_count_is_noticed():
    (message,) = surprises(changed("WW", ("effect", "steps"), states=1))
    assert message == "effect steps: expected 1 states, found 8"
    assert surprises(changed("WW", ("effect", "steps"), states=None)) == []


@pytest.mark.parametrize(
    ("witness", "why"),
    [
        ("d d d f1 f2", "it ends as running in order does"),
        ("", "it ends as running in order does"),
        ("d f2", "move 2: f2 is not possible"),
    ],
)
def test_a_schedule_that_does_not_differ_is_no_witness(witness: str, why: str):
    (message,) = surprises(changed("WW", ("naive", "atomic"), witness=witness))
    assert message.startswith(f"naive atomic: the schedule {witness!r} does not differ: ")
    assert why in message


def test_a_witness_that_is_no_schedule_is_bad_input():
    with pytest.raises(ScheduleError, match=r"ww\.lit:\d+: schedule, move 2: 'x' is none"):
        run_litmus(changed("WW", ("naive", "atomic"), witness="d x"))


@pytest.mark.parametrize("name", [name for name, test in TESTS.items() if test.overlaps])
def test_a_wrong_overlap_is_noticed(name: str):
    test = TESTS[name]
    wrong = tuple(replace(overlap, sometimes=not overlap.sometimes) for overlap in test.overlaps)
    found = run_litmus(replace(test, overlaps=wrong, expectations=())).surprises
    assert [surprise.line for surprise in found] == [overlap.line for overlap in wrong]
    for surprise, overlap in zip(found, wrong, strict=True):
        assert (surprise.schedule is None) == overlap.sometimes
        if surprise.schedule is not None:
            run = litmus_setting(test, "effect", "atomic").start()
            for move in surprise.schedule:
                run.make(move)
            assert set(overlap.futures) <= run.under_way.keys()


def test_too_many_states_are_said_to_be_too_many():
    with pytest.raises(TooManyStates):
        run_litmus(TESTS["WW"], limit=7)
    overlap = replace(TESTS["WW"], expectations=())
    with pytest.raises(TooManyStates):
        run_litmus(overlap, limit=5)
    assert run_litmus(overlap).surprises == ()


# Where the environment acts -------------------------------------------------------------------------------------------


class InATrice(Scheduler):
    """Takes a call that was abandoned to have ended at once: its keys are free while its tool may still act."""

    def _settle(self, future, value, *, in_doubt=False):
        super()._settle(future, value)


class Unharmed(Scheduler):
    """Says of a call that was abandoned while it wrote that it had no effect."""

    def _settle(self, future, value, *, in_doubt=False):
        super()._settle(future, replace(value, effects="none") if in_doubt else value, in_doubt=in_doubt)


@pytest.mark.parametrize("name", ["CANCEL-PEND", "CANCEL-RUN", "TIMEOUT-DOUBT", "TIMEOUT-HALF", "TIMEOUT-QUEUE"])
@pytest.mark.parametrize("wrong", [InATrice, Unharmed])
def test_no_run_in_order_explains_a_scheduler_that_lets_go_too_early(name: str, wrong: type[Scheduler]):
    setting = replace(litmus_setting(TESTS[name], "effect", "steps"), scheduler=wrong)
    assert any(differs(setting, ending) for ending, _ in exhaust(setting).endings)


def endings(name: str) -> list[dict[int, object]]:
    found = exhaust(litmus_setting(TESTS[name], "effect", "steps")).endings
    return [dict(ending.outcome.values) for ending, _ in found]


def effects(value: object) -> str:
    return getattr(value, "effects", "ran")


@pytest.mark.parametrize(
    ("name", "future", "fates"),
    [
        ("CANCEL-PEND", 2, {"ran", "none", "unknown"}),  # never started, or cancelled too late
        ("CANCEL-RUN", 1, {"ran", "unknown"}),
        ("CANCEL-READ", 1, {"ran", "none"}),
        ("TIMEOUT-QUEUE", 2, {"ran", "unknown"}),  # no `none`: it had started
        ("TIMEOUT-DOUBT", 1, {"ran", "unknown"}),
    ],
)
def test_each_fate_happens_in_some_schedule(name: str, future: int, fates: set[str]):
    assert {effects(values[future]) for values in endings(name)} == fates


def test_what_timed_out_may_have_been_done_in_part():
    found = {(effects(values[1]), effects(values[2]), effects(values[3])) for values in endings("TIMEOUT-HALF")}
    read, missing = "ran", "none"
    in_doubt = {("unknown", a, c) for a, c in [(read, missing), (read, read), (missing, read)]}
    assert found == {("ran", missing, read)} | in_doubt


def test_an_error_is_delivered_before_the_first_message_between_the_two_or_never():
    sent = {tuple(effects(values[future]) for future in (2, 3)) for values in endings("DELIVER-EAGER")}
    assert sent == {("ran", "ran"), ("none", "ran"), ("none", "none")}


def test_a_delivery_is_a_touch_at_the_place_where_it_happened():
    """Each ending says where; at another place, running in order comes to something else, or sees it elsewhere."""
    setting = litmus_setting(TESTS["DELIVER-EAGER"], "effect", "atomic")
    places = set()
    for ending, _ in exhaust(setting).endings:
        for seen in ending.outcome.seen:
            places.add(seen.after)
            sent = [effects(ending.outcome.values[future]) == "ran" for future in (2, 3)]
            assert sent == [seen.after < 2, seen.after < 3]
            if seen.after in (1, 2):
                elsewhere = replace(ending.outcome, seen=(replace(seen, after=seen.after + 1),))
                assert differs(setting, replace(ending, outcome=elsewhere))
    assert places == {1, 2, 3, 4}


def test_an_end_that_nothing_explains_differs():
    setting = litmus_setting(TESTS["TIMEOUT-DOUBT"], "effect", "steps")
    for ending, _ in exhaust(setting).endings:
        assert not differs(setting, ending)
        assert differs(setting, replace(ending, world='{"file:a":"2"}'))
        assert differs(replace(setting, environment=()), ending) == (effects(ending.outcome.values[1]) == "unknown")


# Both kinds of test are needed ----------------------------------------------------------------------------------------


def test_a_scheduler_that_runs_everything_one_by_one_is_caught_by_overlaps_alone():
    class OneByOne(Scheduler):
        def __init__(self, tools, **options):
            super().__init__(tools, **options | {"max_running": 1})

    caught = set()
    for name in ["RR", "DISJ", "ALIAS-MISS", "OVERLAP-MUST"]:
        setting = replace(litmus_setting(TESTS[name], "effect", "atomic"), scheduler=OneByOne)
        assert not any(differs(setting, ending) for ending, _ in exhaust(setting).endings)
        met = under_way_together(setting, 10_000)
        caught |= {name for overlap in TESTS[name].overlaps if overlap.sometimes and overlap.futures not in met}
    assert caught == {"RR", "DISJ", "ALIAS-MISS", "OVERLAP-MUST"}


def test_a_run_that_gets_stuck_is_a_surprise(monkeypatch: pytest.MonkeyPatch):
    class Forgetful(Scheduler):
        def _resume_if_satisfied(self):
            pass

    monkeypatch.setitem(SCHEDULERS, "effect", (Forgetful, "poison"))
    (surprise, *_) = run_litmus(TESTS["TOUCH-FENCE"]).surprises
    assert "`nothing can happen any more, and the run is not over`" in surprise.message
    assert surprise.schedule == (0, 0, 1)
