"""Shrinking: what is left still fails, and nothing can be left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncfc_sim.verify.effects.arguments import accepted
from asyncfc_sim.verify.effects.function_subject import FunctionSubject, function_subject
from asyncfc_sim.verify.effects.shrink import shrink
from asyncfc_sim.verify.effects.trial import Call, Trial
from tests.verify.effects import planted_tools as planted


@pytest.fixture(scope="module")
def subject() -> Iterator[FunctionSubject]:
    with function_subject([planted.read, planted.write, planted.incr]) as made:
        for tool in made.tools:
            made.pools(tool)
        yield made


texts = st.sampled_from(["a", "b", "A", "c", "zz"])
calls = st.one_of(
    st.builds(lambda path: Call("read", {"path": path}), texts),
    st.builds(lambda path, text: Call("write", {"path": path, "text": text}), texts, texts),
    st.builds(lambda key: Call("incr", {"key": key}), texts),
)


def writes(trial: Trial, path: str) -> int:
    return sum(
        call.tool == "write" and call.args["path"] == path for call in (*trial.prefix, trial.first, trial.second)
    )


@settings(max_examples=50, suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
@given(st.lists(calls, max_size=5), calls, calls)
def test_a_smaller_trial_still_fails_and_cannot_do_without_any_call(
    subject: FunctionSubject, prefix: list[Call], first: Call, second: Call
):
    trial = Trial(tuple(prefix), first, second)
    path = next((str(call.args["path"]) for call in (*prefix, first, second) if call.tool == "write"), "a")
    wanted = min(2, writes(trial, path))

    def fails(smaller: Trial) -> bool:
        return writes(smaller, path) >= wanted

    small = shrink(subject, trial, fails)
    assert fails(small)
    assert (small.first.tool, small.second.tool) == (first.tool, second.tool)
    for index in range(len(small.prefix)):
        assert not fails(replace(small, prefix=small.prefix[:index] + small.prefix[index + 1 :]))
    assert all(accepted(subject, call) for call in (*small.prefix, small.first, small.second))


def test_arguments_become_the_simplest_that_do(subject: FunctionSubject):
    trial = Trial((), Call("write", {"path": "zz", "text": "zz"}), Call("incr", {"key": "c"}))
    small = shrink(subject, trial, lambda smaller: smaller.first.args["path"] != smaller.second.args["key"])
    assert small.first.args == {"path": "b", "text": "a"}
    assert small.second.args == {"key": "a"}
