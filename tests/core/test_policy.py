"""The named policies are data, and say what the papers' protocols say."""

from __future__ import annotations

from dataclasses import fields
from math import inf

import pytest

from asyncfc_sim.core.policy import ASYNCFC, BLIND, EARLY_START, POLICIES, SYNC, SYNC_PARALLEL, Policy, policy_named


def test_policies_are_found_by_name():
    assert list(POLICIES) == ["sync", "sync_parallel", "early_start", "asyncfc", "blind", "plan", "interrupt"]
    assert all(policy_named(name) is not None and POLICIES[name].name == name for name in POLICIES)
    assert policy_named("asyncfc") == ASYNCFC


def test_a_policy_can_be_changed_as_it_is_named():
    paper = policy_named("asyncfc", grace_s=0.0, delivery="on_touch")
    assert (paper.name, paper.grace_s, paper.delivery) == ("asyncfc", 0.0, "on_touch")
    assert paper.dispatch == ASYNCFC.dispatch
    assert ASYNCFC.grace_s == "auto", "the original is as it was"


def test_an_unknown_policy_is_an_error_that_lists_those_there_are():
    with pytest.raises(ValueError, match=r"no policy 'nosuch'; there are: sync, sync_parallel, early_start, asyncfc"):
        policy_named("nosuch")


def test_who_shows_the_model_futures_and_who_lets_it_write_references():
    assert [policy.name for policy in POLICIES.values() if policy.futures] == ["asyncfc", "blind", "interrupt"]
    assert [policy.name for policy in POLICIES.values() if policy.references] == [
        "asyncfc",
        "blind",
        "plan",
        "interrupt",
    ]
    assert not policy_named("asyncfc", grace_s=inf).futures


def test_what_sets_the_synchronous_policies_apart():
    assert (SYNC.dispatch, SYNC.max_running) == ("message", 1)
    assert (SYNC_PARALLEL.dispatch, SYNC_PARALLEL.max_running) == ("message", 32)
    assert (EARLY_START.dispatch, EARLY_START.max_running) == ("call", 32)
    assert all(policy.duplicates == "run" for policy in (SYNC, SYNC_PARALLEL, EARLY_START))


def test_blind_is_sync_but_for_what_the_model_is_shown():
    changed = {field.name for field in fields(Policy) if getattr(BLIND, field.name) != getattr(SYNC, field.name)}
    assert changed == {"name", "delivery", "blind"}
    assert (BLIND.delivery, SYNC.delivery) == ("on_touch", "when_idle"), "which matters only where there are futures"


@pytest.mark.parametrize(
    ("grace_s", "turn_overhead_s", "expected_s"),
    [
        (0.0, 3.0, 0.0),
        (1.5, 0.1, 1.5),
        (inf, 0.1, inf),
        ("auto", 0.1, 0.1),  # no longer than another turn would cost
        ("auto", 3.0, 0.5),  # and no longer than half a second
        ("auto", 0.0, 0.0),
        ("auto", inf, 0.5),  # nobody knows what a turn costs
    ],
)
def test_the_grace_time(grace_s, turn_overhead_s, expected_s):
    assert Policy("p", grace_s=grace_s).grace(turn_overhead_s) == expected_s


def test_the_defaults_are_those_of_a_live_run():
    assert Policy("asyncfc") == ASYNCFC
    defaults = {field.name: getattr(ASYNCFC, field.name) for field in fields(Policy)}
    assert defaults["grace_s"] == "auto"
    assert defaults["delivery"] == "when_idle"
    assert defaults["failure"] == "poison"
    assert (defaults["max_running"], defaults["max_running_per_tool"]) == (32, 8)
    assert (defaults["max_awaits"], defaults["max_misuses"]) == (None, None), "a simulated model misuses nothing"
    assert defaults["late_bound"]
    assert not defaults["blind"]
    assert defaults["retries"] == 0, "nothing is done twice unless somebody asks for it"


def test_a_field_that_no_policy_has_is_told_with_those_that_it_has() -> None:
    with pytest.raises(TypeError, match=r"a policy has no 'grace'; it has: .*grace_s.*late_bound"):
        policy_named("asyncfc", grace=0.0)
