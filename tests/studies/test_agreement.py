"""Agreement: within the tolerance and nowhere else; what lies between two values is said only where a line passes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.studies.agreement import Band, Span, nearest, spans, verdict

figures = st.floats(0.1, 100)
lines = st.lists(st.floats(0.5, 2), min_size=1, max_size=8)
bands = st.builds(Band, st.floats(0.6, 1.9), st.floats(0.01, 0.2))


@given(figures, st.floats(0.01, 0.5), st.floats(-0.99, 3))
def test_an_estimate_agrees_exactly_if_it_is_within_the_tolerance(claimed: float, tolerance: float, off: float):
    band = Band(claimed, tolerance)
    estimate = claimed * (1 + off)
    assert band.off(estimate) == pytest.approx(off, abs=1e-9)
    if abs(abs(off) - tolerance) > 1e-9:
        assert band.holds(estimate) == (abs(off) < tolerance)


@given(lines, bands)
def test_every_estimate_that_agrees_is_in_one_span_and_no_other_is(estimates: list[float], band: Band):
    within = [span for span in spans(estimates, band) if not span.crossed]
    covered = [place for span in within for place in range(span.first, span.last + 1)]
    assert covered == [place for place, each in enumerate(estimates) if band.holds(each)]
    assert all(one.last + 1 < other.first for one, other in pairwise(within))


@given(lines, bands)
def test_a_crossing_has_too_little_on_one_side_and_too_much_on_the_other(estimates: list[float], band: Band):
    for span in spans(estimates, band):
        if span.crossed:
            assert span.last == span.first + 1
            low, high = sorted(estimates[span.first : span.last + 1])
            assert low < band.claimed < high
            assert not band.holds(low)
            assert not band.holds(high)


def test_a_line_through_the_claim_is_crossed_and_a_line_beside_it_is_not():
    band = Band(1.5, 0.02)
    assert spans([1.0, 2.0], band) == [Span(0, 1, crossed=True)]
    assert spans([1.0, 2.0], band, between=False) == []
    assert spans([1.0, 1.2, 1.1], band) == []
    assert spans([1.0, 1.5, 1.51, 2.0, 1.0, 1.5], band) == [Span(1, 2), Span(3, 4, crossed=True), Span(5, 5)]


@given(st.lists(lines, min_size=1, max_size=4), bands)
def test_a_claim_is_missed_exactly_if_no_line_meets_or_crosses_it(several: list[list[float]], band: Band):
    found = verdict([spans(line, band) for line in several], scanned=True)
    every = [each for line in several for each in line]
    assert (found == "holds for some inputs") == any(map(band.holds, every))
    if found == "missed":
        assert all((band.off(a) < 0) == (band.off(b) < 0) for line in several for a, b in pairwise(line))


def test_one_point_agrees_or_is_missed():
    assert verdict([spans([1.5], Band(1.5, 0.01))], scanned=False) == "agrees"
    assert verdict([spans([1.6], Band(1.5, 0.01))], scanned=False) == "missed"
    assert verdict([[Span(0, 1, crossed=True)]], scanned=True) == "crossed between inputs"


@given(bands, figures, figures)
def test_an_interval_reaches_the_claim_exactly_if_it_has_something_that_agrees(band: Band, one: float, other: float):
    low, high = sorted((one, other))
    closest = min(max(band.claimed, low), high)  # the point of the interval that is nearest to the claim
    if abs(abs(band.off(closest)) - band.tolerance) > 1e-9:
        assert band.reached(low, high) == band.holds(closest)
    assert not band.reached(None, None)


def test_a_claim_that_only_an_interval_reaches_is_undecided():
    assert verdict([[]], scanned=True, reached=True) == "undecided"
    assert verdict([[]], scanned=True, reached=False) == "missed"
    assert verdict([[Span(0, 0)]], scanned=True, reached=True) == "holds for some inputs"


@given(lines, bands)
def test_none_is_nearer_than_the_nearest(estimates: list[float], band: Band):
    chosen = abs(band.off(estimates[nearest(estimates, band)]))
    assert all(chosen <= abs(band.off(each)) for each in estimates)
