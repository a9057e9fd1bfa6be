"""Least squares: exact on exact data, the same as NumPy's on noisy data, and intervals that hold what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate.linear_fit import linear_fit, r2


def columns(rng: np.random.Generator, n: int):
    return {"base": np.ones(n), "prompt": rng.integers(0, 20_000, n) * 1.0, "token": rng.integers(1, 800, n) * 1.0}


@given(st.floats(0.1, 5), st.floats(1e-6, 1e-3), st.floats(1e-3, 0.1), st.integers(0, 1000))
def test_without_noise_the_line_is_found(base, per_prompt, per_token, seed):
    x = columns(np.random.default_rng(seed), 60)
    y = base + per_prompt * x["prompt"] + per_token * x["token"]
    fit = linear_fit(x, y, np.arange(60) // 3)
    for name, value in (("base", base), ("prompt", per_prompt), ("token", per_token)):
        found = fit.coefficients[name]
        assert found.value == pytest.approx(value, rel=1e-6)
        assert found.low == pytest.approx(value, rel=1e-5)
        assert found.high == pytest.approx(value, rel=1e-5)
    assert (fit.n, fit.units) == (60, "sessions")


def test_with_noise_it_is_the_fit_of_numpy():
    rng = np.random.default_rng(3)
    x = columns(rng, 500)
    y = 1 + 0.02 * x["token"] + rng.normal(0, 1, 500)
    fit = linear_fit(x, y, np.arange(500))
    expected, *_ = np.linalg.lstsq(np.column_stack(list(x.values())), y, rcond=None)
    assert [fit.value(name) for name in x] == pytest.approx(list(expected), rel=1e-9)
    assert fit.value("absent") == 0


def test_intervals_hold_the_truth_about_as_often_as_they_say_where_steps_of_a_session_resemble_each_other():
    """95 % intervals over 60 experiments: 57 expected. With steps taken for independent it is far fewer."""
    held = {"sessions": 0, "steps": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        session = np.repeat(np.arange(40), 10)
        y = 2 + rng.normal(0, 1, 40)[session] + rng.normal(0, 0.3, 400)
        for kind, groups in (("sessions", session), ("steps", np.arange(400))):
            found = linear_fit({"base": np.ones(400)}, y, groups).coefficients["base"]
            held[kind] += found.low <= 2 <= found.high
    assert held["sessions"] >= 51
    assert held["steps"] < 40


def test_few_sessions_say_nothing_of_how_sessions_differ():
    rng = np.random.default_rng(0)
    fit = linear_fit({"base": np.ones(50)}, rng.normal(5, 1, 50), np.zeros(50, dtype=np.int64))
    assert fit.units == "steps"
    assert fit.coefficients["base"].low < fit.coefficients["base"].high


def test_r2_is_one_for_the_truth_none_for_the_mean_and_less_for_worse():
    y = np.array([1.0, 2.0, 6.0])
    assert r2(y, y) == 1
    assert r2(y, np.full(3, 3.0)) == 0
    assert r2(y, np.zeros(3)) < 0
    assert r2(np.ones(3), np.ones(3)) == 0
