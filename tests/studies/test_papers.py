"""Reproducing a paper: one text whatever the number of processes, and verdicts that follow from the estimates."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from asyncfc_sim.simulate.model_file import UnknownModelError
from asyncfc_sim.simulate.study import StudyError
from asyncfc_sim.studies.paper_files import load_paper, read_paper
from asyncfc_sim.studies.paper_run import points, spread
from asyncfc_sim.studies.paper_text import render
from asyncfc_sim.studies.papers import Result, reproduce
from asyncfc_sim.studies.setting import Axis
from asyncfc_sim.workloads.shapes import ShapeError
from tests.toy_paper import REPRODUCE, write_paper


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return reproduce(read_paper(write_paper(tmp_path_factory.mktemp("papers") / "toy")), workers=1)


def test_the_number_of_processes_changes_nothing(toy: Result):
    again = reproduce(toy.paper, workers=2)
    assert again == toy
    assert render(again) == render(toy)


def test_every_point_is_run_once_and_counted(toy: Result):
    counted = []
    reproduce(toy.paper, 1, lambda: counted.append(1))
    assert len(counted) == points(toy.paper) == 7  # two decoders by three delays, and the one that two claims share
    assert all(each.n == 4 for outcome in toy.outcomes for each in outcome.estimates)


def test_verdicts_follow_from_the_estimates(toy: Result):
    verdicts = {outcome.reproduction.claim.id: outcome.verdict for outcome in toy.outcomes}
    assert verdicts["toy.nothing"] == "agrees"
    assert verdicts["toy.too_much"] == "missed"
    for outcome in toy.outcomes:
        some = any(outcome.band.holds(each.value) for each in outcome.estimates)
        assert some == (outcome.verdict in ("agrees", "holds for some inputs"))
        least = min(abs(outcome.band.off(each.value)) for each in outcome.estimates)
        assert abs(outcome.band.off(outcome.nearest.value)) == least


def test_intervals_hold_the_estimate_and_no_schedule_is_beaten(toy: Result):
    for outcome in toy.outcomes:
        for each in outcome.estimates:
            assert each.low is not None
            assert each.high is not None
            assert each.low <= each.value <= each.high
            if outcome.reproduction.than is not None:
                assert each.value <= each.longest_path + 1e-9
            else:
                assert each.value >= each.longest_path - 1e-9
    speedups, seconds = toy.outcomes[0].estimates, toy.outcomes[1].estimates
    assert max(each.value for each in speedups) > 1.2
    assert min(each.value for each in speedups) < 1
    assert [one.value < other.value for one, other in pairwise(seconds[:3])] == [True, True]


def test_all_runs_are_as_in_order_and_closed_forms_hold(toy: Result):
    assert toy.different == 0 < toy.runs
    assert [each.largest_difference < 1e-9 for each in toy.compared] == [True] * 3


def test_claims_that_share_their_inputs_are_held_against_the_same_points(toy: Result):
    (joint,) = toy.joints
    assert joint.points == 6
    for place in range(joint.points):
        every = all(outcome.band.holds(outcome.estimates[place].value) for outcome in joint.outcomes)
        assert every == (place in joint.agreeing)


def test_the_text_has_each_claim_its_grid_its_assumptions_and_what_cannot_be_tried(toy: Result):
    text = render(toy)
    for outcome in toy.outcomes:
        assert outcome.reproduction.claim.id in text
        for each in outcome.estimates:
            assert f"{each.value:.2f}" in text
    assert "| delay_s \\ decoder | gpt-4o | gpt-oss-120b-vllm |" in text
    assert "- assumed: the same | as before" in text
    assert '| toy.accuracy | "preserved" (second-hand) | for tests |' in text
    assert "| search.calls | 2: 1, 3: 1 | 2 | measured | made up |" in text
    assert "Missed by" in text
    assert "No schedule of these calls is estimated to reach it on this grid" in text
    assert "Other readings: 1.25 (another note)." in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert all(line == line.rstrip() for line in text.splitlines())


def test_bold_is_what_agrees(toy: Result):
    text = render(toy)
    agreeing = [
        each.value for outcome in toy.outcomes[:2] for each in outcome.estimates if outcome.band.holds(each.value)
    ]
    assert sum(f"**{value:.2f}**" in text for value in agreeing) == len(agreeing)
    assert text.count("**") == 2 * (len(agreeing) + len(toy.outcomes))


def test_json_has_every_point(toy: Result):
    written = toy.to_json()
    assert [len(each["estimates"]) for each in written["reproductions"]] == [6, 6, 1, 1]
    assert written["not_reproducible"][0]["claim"] == "toy.accuracy"


@pytest.mark.parametrize("name", ["asyncfc", "asynclm", "llmcompiler"])
def test_each_reproduction_of_each_paper_runs_at_the_corner_of_its_grid(name: str):
    pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")
    paper = load_paper(name)
    corners = [
        replace(each, scan=tuple(Axis(axis.key, axis.values[-1:]) for axis in each.scan))
        for each in paper.reproductions
    ]
    result = reproduce(replace(paper, reproductions=tuple(corners), closed_forms=2), 1, most=2)
    assert [len(outcome.estimates) for outcome in result.outcomes] == [1] * len(corners)
    assert result.different == 0
    assert all(each.claim.id in render(result) for each in corners)


def test_cases_are_spread_over_a_split():
    tasks = list(range(200))
    assert spread(tasks, 4) == [0, 50, 100, 150]  # type: ignore[arg-type, comparison-overlap]
    assert spread(tasks[:3], 10) == [0, 1, 2]  # type: ignore[arg-type, comparison-overlap]


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ('"gpt-4o"', '"gpt-5"', UnknownModelError, "no 'gpt-5' in models/decoders"),
        ('policy = "asyncfc"', 'policy = "asyncfx"', StudyError, "there is no policy 'asyncfx'"),
        ("given = { grace = 0", 'given = { "shape.wings" = 2, grace = 0', ShapeError, "no figure 'wings'"),
        ('shape = "two.toml"', 'bfcl = "base"', ShapeError, "BFCL has no figures"),
    ],
)
def test_what_cannot_be_run_is_told_before_anything_runs(
    tmp_path: Path, old: str, new: str, error: type[Exception], message: str
):
    text = REPRODUCE.replace(old, new)
    if "bfcl" in new:
        text = text.replace("given = { grace = 0", 'given = { "shape.rounds" = 2, grace = 0')
    ran = []
    with pytest.raises(error, match=message):
        reproduce(read_paper(write_paper(tmp_path / "toy", reproduce=text)), 1, lambda: ran.append(1))
    assert ran == []
