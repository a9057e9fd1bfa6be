"""Profiles of recorded tools: quantiles of what was measured, and a word on what is left out."""

from dataclasses import replace

import numpy as np
import pytest

from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.fit_samples import FitError
from asyncfc_sim.simulate.fit_tools import fit_tools
from asyncfc_sim.simulate.model_writer import durations_toml
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from tests.session_examples import marked


def session_of(seconds, mark="measured"):
    """A session with a call for each of `(tool, kind, exec_s)`."""
    calls = tuple(
        RecordedCall(id=str(place), tool=tool, kind=kind, exec_s=exec_s)
        for place, (tool, kind, exec_s) in enumerate(seconds)
    )
    turns = (RecordedTurn(steps=(RecordedStep(llm_s=1.0, calls=calls),)),)
    return marked(RecordedSession(session="s", source="made", turns=turns), mark)


def fit(*sessions):
    return fit_tools(sessions, np.random.default_rng(0), name="mine", source="made")


def test_a_profile_has_the_quantiles_of_the_data_and_can_be_loaded(tmp_path):
    seconds = np.exp(np.random.default_rng(1).normal(0, 1, 200))
    found = fit(session_of([("Bash", "bash_test", value) for value in seconds]))
    path = tmp_path / "mine.toml"
    path.write_text(durations_toml(found.profile, ["# odd\ncomment"]))
    loaded = load_durations(str(path))
    quantity = loaded.quantity_of("bash_test")
    assert (quantity.n, quantity.provenance, quantity.source) == (200, "measured", "made")
    assert [value for _, value in quantity.quantiles] == pytest.approx(
        np.percentile(seconds, [10, 50, 90, 99]), rel=1e-5
    )
    assert quantity.note.startswith("better by AIC: lognormal mu ")
    # What was not recorded is of a kind that comes with the package.
    assert loaded.kind_of("never_seen") == "web_fetch"


def test_a_tool_without_a_kind_is_a_kind_by_its_name():
    found = fit(session_of([("Odd.tool name", None, 1.0 + place) for place in range(20)]))
    assert list(found.profile.kinds) == ["Odd.tool name"]


def test_kinds_with_few_calls_are_left_out_and_named():
    found = fit(session_of([("a", None, 1.0)] * 9 + [("b", None, 1.0 + place) for place in range(10)]))
    assert list(found.profile.kinds) == ["b"]
    assert {fit.kind: fit.left_out for fit in found.kinds} == {"a": "9 calls, fewer than 10", "b": ""}


def test_times_too_short_for_the_clock():
    half = fit(session_of([("a", None, 0.0)] * 8 + [("a", None, 1.0)] * 4 + [("b", None, 1.0 + n) for n in range(20)]))
    assert {fit.kind: fit.left_out for fit in half.kinds}["a"].startswith("half of its calls took 0 s")
    some = fit(session_of([("a", None, 0.0)] * 4 + [("a", None, 1.0 + n) for n in range(16)]))
    quantity = some.profile.kinds["a"]
    assert [probability for probability, _ in quantity.quantiles] == [0.5, 0.9, 0.99]
    assert "4 calls took 0 s" in quantity.note
    equal = fit(session_of([("a", None, 2.0)] * 12))
    assert equal.profile.kinds["a"].note == "all equal: no fit"


def test_derived_times_say_so_and_sampled_ones_are_no_measurement():
    calls = [("a", None, 1.0 + place) for place in range(20)]
    assert fit(session_of(calls), session_of(calls, "derived")).profile.kinds["a"].provenance == "derived"
    mixed = fit(session_of(calls), session_of(calls, "sampled"))
    assert mixed.profile.kinds["a"].n == 20
    assert mixed.notes == ("20 calls with sampled times were left out",)
    with pytest.raises(FitError, match=r"no kind of tool has 10 calls.*20 calls have sampled times"):
        fit(session_of(calls, "sampled"))


def test_without_times_there_is_nothing_to_fit():
    with pytest.raises(FitError, match=r"no kind of tool has 10 calls with a time \(exec_s\); the most is 3"):
        fit(session_of([("a", None, 1.0)] * 3 + [("b", None, None)] * 30))


def test_a_failed_call_took_its_time_too():
    session = session_of([("a", None, 1.0 + place) for place in range(10)])
    (step,) = session.turns[0].steps
    failed = replace(step, calls=tuple(replace(call, error=True) for call in step.calls))
    assert fit(replace(session, turns=(RecordedTurn(steps=(failed,)),))).profile.kinds["a"].n == 10
