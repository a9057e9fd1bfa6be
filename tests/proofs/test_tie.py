"""The proofs speak of the scheduler that runs: each of its steps is one that the machine of the proofs may make, and
it makes every step that the rules force. Every schedule of every litmus test, and a thousand random programs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from asyncfc_sim.core.events import Action, Cancel, Deliver, Event, Timeout
from asyncfc_sim.core.footprint import EVERYTHING
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.language.litmus import LitmusTest
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.configuration import UNCAPPED, MakeScheduler, Stuck
from asyncfc_sim.verify.differential import FAILURES, random_settings
from asyncfc_sim.verify.litmus import litmus_setting
from asyncfc_sim.verify.machine import calls, conditions
from asyncfc_sim.verify.machine.decoder import begin
from asyncfc_sim.verify.machine.follow import Deviation, Follower
from asyncfc_sim.verify.machine.states import Given, State
from asyncfc_sim.verify.machine.tie import Tie, follow_all, follow_one
from asyncfc_sim.verify.mutants import MUTANTS
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.verify.teeth import REAL
from asyncfc_sim.workloads.litmus_file import litmus_files, load_litmus
from asyncfc_sim.workloads.toolbox import TOOLBOX
from tests.random_events import candidates, legal_events
from tests.scheduler_run import TOOLS

TESTS = {test.name: test for test in (load_litmus(str(path)) for path in litmus_files())}
FALSE_FOOTPRINTS = {"CLOCK-UNDECL", "WRONG-FP"}


def bodies(test: LitmusTest):
    return {tool: TOOLBOX[body] for tool, body in test.bodies.items()}


def settings(test: LitmusTest) -> Iterator[Setting]:
    """Those under which the test says what the real scheduler does."""
    for expectation in test.expectations:
        if expectation.column[0] in REAL:
            yield litmus_setting(test, *expectation.column)


@pytest.mark.parametrize("name", TESTS)
def test_every_schedule_of_a_litmus_test_goes_by_the_rules_of_the_proofs(name: str) -> None:
    """And every state on the way, completed in order, comes to what running in order comes to."""
    test = TESTS[name]
    delivers = any(isinstance(each, Deliver) for each in test.environment)
    in_order = not delivers and name not in FALSE_FOOTPRINTS
    for setting in settings(test):
        followed = follow_all(Tie(setting, bodies(test), in_order=in_order))
        assert followed.ends
        assert followed.moves >= followed.states - 1


@pytest.mark.parametrize("name", sorted(FALSE_FOOTPRINTS))
def test_where_a_footprint_is_false_the_rules_are_kept_and_the_end_is_another(name: str) -> None:
    """H1 is needed: the same runs as above, now with the claim about their end."""
    (setting, *_) = settings(TESTS[name])
    with pytest.raises(Deviation, match="in order, "):
        follow_all(Tie(setting, bodies(TESTS[name])))


@pytest.mark.slow
def test_a_thousand_random_programs_go_by_the_rules_of_the_proofs() -> None:
    """One random schedule of each, in every failure mode, with one worker, two, or as many as there are calls."""
    rng = np.random.default_rng(2)
    moves, failing = 0, 0
    for number, setting in enumerate(random_settings(1000, rng, calls=5)):
        workers = (1, 2, UNCAPPED)[number % 3]
        for failure in FAILURES:
            tie = Tie(replace(setting, failure=failure, workers=workers), TOOLBOX)
            moves += len(follow_one(tie, lambda possible: int(rng.integers(possible)))[0])
            failing += '"error"' in tie.expected
    assert moves > 30_000
    assert failing > 1_000


def test_calls_that_are_given_up_make_the_run_one_in_which_they_are_others() -> None:
    """With cancels and time-outs at random: in order, each of those calls does the writes that it did, and fails."""
    rng, met = np.random.default_rng(6), Counter[str]()
    for setting in random_settings(300, rng, calls=5):
        first, second, third = (int(future) for future in rng.permutation(5)[:3] + 1)
        environment = (Cancel(first), Timeout(second), Cancel(third))
        for failure in FAILURES:
            tie = Tie(replace(setting, failure=failure, environment=environment), TOOLBOX)
            for fate in follow_one(tie, lambda possible: int(rng.integers(possible)))[1].fates().values():
                assert isinstance(fate.value, ErrorValue)
                met[f"{fate.value.effects}, {'some' if fate.writes else 'no'} writes"] += 1
    assert met.keys() == {"none, no writes", "unknown, no writes", "unknown, some writes"}
    assert min(met.values()) > 30


def test_every_schedule_of_some_random_programs_goes_by_them() -> None:
    for setting in random_settings(25, np.random.default_rng(3), calls=4):
        assert follow_all(Tie(setting, TOOLBOX)).ends


def test_without_the_rule_many_random_programs_break_it() -> None:
    """So they say something about it: Naive starts a call as soon as its arguments are known."""
    rng, noticed = np.random.default_rng(4), 0
    for setting in random_settings(100, rng, calls=5):
        try:
            follow_one(Tie(replace(setting, scheduler=Naive), TOOLBOX), lambda possible: int(rng.integers(possible)))
        except (Deviation, Stuck):
            noticed += 1
    assert noticed > 25


@pytest.mark.parametrize("name", MUTANTS)
def test_some_litmus_test_shows_that_a_mutant_of_the_scheduler_breaks_the_rules(name: str) -> None:
    """Also those that no outcome can show: they only lose time, and do not do what the rules force."""
    assert any(breaks_the_rules(MUTANTS[name].make, test) for test in sorted(TESTS.values(), key=size))


def breaks_the_rules(make: MakeScheduler, test: LitmusTest) -> bool:
    for setting in settings(test):
        try:
            follow_all(Tie(replace(setting, scheduler=make), bodies(test), in_order=False))
        except (Deviation, Stuck):
            return True
        except AssertionError:
            return False  # the mutant trips over itself
    return False


def size(test: LitmusTest) -> int:
    """How much there is to explore: the smallest tests come first."""
    return max((expectation.states or 0 for expectation in test.expectations), default=0)


PERMISSIVE: dict[str, tuple[str, Any]] = {
    "quiet": ("ALIAS-RAW", lambda *_: ""),
    "exclusive": ("COMMUTE", lambda *_: ""),
    "slot": ("POOL-1", lambda *_: ""),
    "behind_barrier": ("SEND-WAIT", lambda *_: False),
    "unknown_failure": ("SEND-HELD", lambda *_: None),
    "settled_before": ("SEND-WAIT", lambda *_: True),
}
SEVERE: dict[str, tuple[str, Any]] = {
    "indep": ("RR", lambda *_: False),
    "holds": ("REGION", lambda *_: EVERYTHING),
    "behind_barrier": ("OVERLAP-MUST", lambda *_: True),
    "slot": ("RR", lambda given, state, tool: "one at a time" if state.under_way() else ""),
}


@pytest.mark.parametrize(("table", "name"), [(table, name) for table in (PERMISSIVE, SEVERE) for name in table])
def test_the_machine_is_as_strict_as_the_scheduler_and_no_stricter(
    table: dict[str, tuple[str, Any]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its side conditions is needed: with less it forces what the scheduler does not do, with more it forbids
    what the scheduler does."""
    test, instead = TESTS[table[name][0]], table[name][1]
    for module in (conditions, calls):
        monkeypatch.setattr(module, name, instead, raising=module is conditions)
    assert breaks_the_rules(Scheduler, test)


CALLS = [
    Call(1, "read", {"path": "a"}),
    Call(2, "send", {"body": Ref(1)}),
    Call(3, "write", {"path": Ref(1), "text": "x"}),
    Call(5, "add", {"key": "n"}),
    Call(6, "sub", {"key": Ref(3)}),
    Call(7, "slow", {"x": Ref(9)}),
    Call(8, "undeclared"),
    Call(9, "move", {"path": Ref(1)}),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_for_any_decoder_the_same_events_are_legal_and_are_answered_alike(
    failure: Failure,
) -> None:
    """Not only programs: touches of any, wakes, deliveries, time-outs, ends in any order that the scheduler takes."""
    rng, met = np.random.default_rng(5), Counter[str]()
    for _ in range(60):
        scheduler = Scheduler(TOOLS, failure=failure, max_running=3, max_running_per_tool=2)
        given, state = Given(TOOLS, None, failure, workers=3, per_tool=2), begin(None, {})
        for _ in range(25):
            events = [event for event in candidates(scheduler, CALLS) if takes(given, state, event)]
            assert events == legal_events(scheduler, CALLS)
            event = events[int(rng.integers(len(events)))]
            follower = Follower(given, state)
            follower.saw(event)
            for action in scheduler.feed(event):
                follower.saw(action)
                met[type(action).__name__] += 1
            follower.rest()
            state = follower.state
            met[type(event).__name__] += 1
    missing = {"Cut"} if failure != "strict" else set()
    assert met.keys() == {each.__name__ for each in (*get_args(Event), *get_args(Action))} - missing


def takes(given: Given, state: State, event: Event) -> bool:
    """Whether some rule takes this event."""
    try:
        Follower(given, state).saw(event)
    except Deviation:
        return False
    return True
