"""Summary statistics: the numbers of a hand calculation, and intervals that cover as often as they say."""

import numpy as np
import pytest

from asyncfc_sim.simulate import metrics
from asyncfc_sim.simulate.metrics import paired_speedup, percentile, summarise


def test_a_summary_by_hand():
    summary = summarise([1, 2, 3, 4])
    assert (summary.n, summary.total, summary.mean, summary.p50) == (4, 10, 2.5, 2.5)
    assert summary.p99 == percentile([1, 2, 3, 4], 99) == pytest.approx(3.97)


def test_the_speedup_is_the_ratio_of_totals_not_the_mean_of_ratios():
    speedup = paired_speedup([100.0, 1.0], [50.0, 1.0], np.random.default_rng(0))
    assert speedup.ratio == 101 / 51
    assert speedup.n == 2


def test_a_constant_speedup_has_no_spread():
    other = np.random.default_rng(1).exponential(size=50)
    speedup = paired_speedup(1.25 * other, other, np.random.default_rng(0))
    assert [speedup.low, speedup.ratio, speedup.high] == pytest.approx([1.25] * 3)


def test_one_case_has_no_interval():
    speedup = paired_speedup([3.0], [2.0], np.random.default_rng(0))
    assert (speedup.ratio, speedup.low, speedup.high, speedup.n) == (1.5, None, None, 1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    data = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        other = data.lognormal(0.0, 0.5, size=80)
        baseline = other * data.uniform(1.0, 1.6, size=80)  # independent of `other`: the ratio of totals is 1.3
        speedup = paired_speedup(baseline, other, data, resamples=400)
        assert speedup.low is not None
        assert speedup.high is not None
        assert speedup.low <= speedup.ratio <= speedup.high
        covered += speedup.low <= 1.3 <= speedup.high
    assert 0.90 <= covered / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval_and_blocks_do_not_matter(monkeypatch):
    baseline, other = np.random.default_rng(2).exponential(size=(2, 300))
    first = paired_speedup(baseline, other, np.random.default_rng(5))
    assert first == paired_speedup(baseline, other, np.random.default_rng(5))
    assert first != paired_speedup(baseline, other, np.random.default_rng(6))
    monkeypatch.setattr(metrics, "BLOCK", 1000)
    assert first == paired_speedup(baseline, other, np.random.default_rng(5))


def test_a_higher_confidence_is_a_wider_interval():
    baseline, other = np.random.default_rng(2).exponential(size=(2, 300))
    narrow = paired_speedup(baseline, other, np.random.default_rng(5), confidence=0.5)
    wide = paired_speedup(baseline, other, np.random.default_rng(5))
    assert wide.low is not None
    assert wide.high is not None
    assert narrow.low is not None
    assert narrow.high is not None
    assert wide.low < narrow.low < narrow.high < wide.high


def test_senseless_inputs_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least one value"):
        summarise([])
    with pytest.raises(ValueError, match="finite"):
        summarise([1.0, float("nan")])
    with pytest.raises(ValueError, match="pairs are needed: 2 baseline values, 1 others"):
        paired_speedup([1.0, 2.0], [1.0], rng)
    with pytest.raises(ValueError, match="take no time"):
        paired_speedup([1.0, 2.0], [0.0, 0.0], rng)
