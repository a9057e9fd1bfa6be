"""When sessions begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from asyncfc_sim.simulate.arrivals import ArrivalsError, OpenLoop, Replayed, arrival_times_s
from asyncfc_sim.workloads.recorded_times import Recorded
from tests.toy_tasks import calls, task

TOLD = [task(calls(("pure", {"x": 1}))) for _ in range(4000)]


def gaps_s(burstiness: float, rate: float = 2.0) -> np.ndarray:
    return np.diff(arrival_times_s(OpenLoop(rate, burstiness), TOLD, np.random.default_rng(0)), prepend=0.0)


@pytest.mark.parametrize("burstiness", [0.25, 1.0, 4.0])
def test_gaps_have_the_mean_and_the_variation_of_their_gamma_distribution(burstiness: float):
    gaps = gaps_s(burstiness)
    assert gaps.min() >= 0
    assert gaps.mean() == pytest.approx(0.5, rel=0.08)
    assert gaps.std() / gaps.mean() == pytest.approx(burstiness**-0.5, rel=0.08)


def test_less_is_burstier():
    assert gaps_s(0.25).std() > gaps_s(1.0).std() > gaps_s(4.0).std()


def test_recorded_sessions_begin_as_they_began():
    told = [replace(TOLD[0], recorded=Recorded(arrival_s=at_s)) for at_s in (12.0, 10.0, 30.0)]
    rng = np.random.default_rng(0)
    assert arrival_times_s(Replayed(), told, rng) == [2.0, 0.0, 20.0]
    assert arrival_times_s(Replayed(10.0), told, rng) == [0.2, 0.0, 2.0]
    with pytest.raises(ArrivalsError, match="toy: nothing says"):
        arrival_times_s(Replayed(), [*told, TOLD[0]], rng)
    with pytest.raises(ArrivalsError, match="speed"):
        arrival_times_s(Replayed(0.0), told, rng)


@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        (OpenLoop(float("inf")), "above zero"),
        (OpenLoop(float("nan")), "above zero"),
        (OpenLoop(1.0, float("inf")), "above zero"),
        (OpenLoop(1e-300), "begins after"),
    ],
)
def test_times_that_no_clock_shows_are_refused(arrivals: OpenLoop, words: str):
    with pytest.raises(ArrivalsError, match=words):
        arrival_times_s(arrivals, TOLD, np.random.default_rng(0))
