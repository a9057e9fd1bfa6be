"""The files of papers: every figure says how it is known, and is either tried or said not to be a matter of time."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncfc_sim.studies.paper_claims import PaperError
from asyncfc_sim.studies.paper_files import load_paper, paper_names, read_paper
from asyncfc_sim.studies.paper_run import points
from tests.toy_paper import CLAIMS, REPRODUCE, claim, write_paper

PAPERS = ("asyncfc", "asynclm", "llmcompiler")
# The figures that this project set out to reproduce.
COVERED = {
    "asyncfc": {1.26, 1.24, 1.17, 1.44, 1.21},
    "asynclm": {1.6, 5.4, 2.4, 1.23, 1.5},
    "llmcompiler": {3.74, 2.15, 1.80},
}


def test_the_papers_are_there():
    assert paper_names() == sorted(PAPERS)


@pytest.mark.parametrize("name", PAPERS)
def test_every_claim_says_where_it_stands_and_is_tried_or_has_a_reason(name: str):
    paper = load_paper(name)
    tried = {each.claim.id for each in paper.reproductions}
    for each in paper.claims:
        assert each.id
        assert each.where
        assert each.evidence
        assert each.reason
        assert each.reproducible == (each.id in tried)
        if each.kind == "accuracy":
            assert not each.reproducible, "what a model answers is not a matter of time"
    assert {each.claim.value for each in paper.reproductions} >= COVERED[name]
    assert points(paper) > len(paper.reproductions)


@pytest.mark.parametrize("name", PAPERS)
def test_what_is_scanned_and_what_is_assumed_is_told(name: str):
    for each in load_paper(name).reproductions:
        assert each.assumed
        assert bool(each.scan) == bool(each.scanned)
        assert not set(each.given) & {axis.key for axis in each.scan}


def test_figures_are_shown_as_papers_give_them(tmp_path: Path):
    shown = {each.id: each.figure for each in read_paper(write_paper(tmp_path / "toy")).claims}
    assert shown == {
        "toy.speedup": "1.5x",
        "toy.latency": "5 s",
        "toy.nothing": "1x",
        "toy.too_much": "50x",
        "toy.accuracy": '"preserved"',
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('claim = "toy.latency"', 'claim = "toy.late"', "reproduction[2].claim: claims.toml has no claim 'toy.late'"),
        ('claim = "toy.nothing"', 'claim = "toy.accuracy"', 'is accuracy_change "preserved": expected a speed-up'),
        ('claim = "toy.nothing"', 'claim = "toy.speedup"', "the claim toy.nothing is said to be reproducible"),
        ("tolerance = 0.05", "tolerance = 5", "reproduction[1].tolerance: expected a number between 0 and 1"),
        ('workload = "two"', 'workload = "three"', "reproduction[1].workload: expected one of two"),
        ('messages = "call" }', 'messages = "word" }', "faster.messages: expected one of call, turn, step"),
        ("than = ", "then = ", "reproduction[1].then: unknown key; did you mean than?"),
        ("delay_s = [0.25, 1, 4]", "delay_s = 1", "scan.delay_s: expected an array of values"),
        ("delay_s = [0.25, 1, 4]", "delay_s = [-1]", "scan.delay_s: expected a number that is not negative"),
        ("delay_s = [0.25, 1, 4]", "delay = [1]", "scan.delay: there is no such input; there are: decoder"),
        (", delay_s = [0.25, 1, 4] }\ninputs = { known", " }\ninputs = { known", "given.tools: is missing"),
        ('decoder = "gpt-4o", tools', "tools", "given.decoder: is missing; it is given or scanned"),
        ('shape = "two.toml"', 'shape = "two.toml"\nbfcl = "base"', "workloads.two: expected bfcl or shape"),
        ("n = 4", "n = 0", "workloads.two.n: expected a whole number, 1 or more"),
        ("instances = 3", "instances = 0", "closed_forms.instances: expected a whole number"),
        ('title = "Toy"', "", "title: is missing"),
        (
            "delay_s = [0.25, 1, 4] }\ninputs = { assumed",
            "delay_s = [1] }\ninputs = { assumed",
            "must scan the same inputs",
        ),
    ],
)
def test_what_is_wrong_with_a_reproduction_is_named_with_its_place(tmp_path: Path, old: str, new: str, message: str):
    assert old in REPRODUCE
    folder = write_paper(tmp_path / "toy", reproduce=REPRODUCE.replace(old, new, 1))
    with pytest.raises(PaperError) as caught:
        read_paper(folder)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(folder / "reproduce.toml"))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (CLAIMS.replace('where = "nowhere"', "", 1), "claim[1].where: is missing"),
        (CLAIMS.replace('reason = "for tests"', 'reason = ""', 1), "claim[1].reason: expected a string that is not"),
        (CLAIMS.replace("second_hand = true", 'second_hand = "yes"', 1), "claim[1].second_hand: expected true or"),
        (
            CLAIMS.replace("derived_from = []", 'derived_from = ["x"]', 1),
            "claim[1].derived_from: there is no claim 'x'",
        ),
        (CLAIMS.replace("{ value = 1.25, remark", "{ size = 1.25, remark", 1), "conflicts[1].size: unknown key"),
        (CLAIMS.replace("value = 1.5", "value = true", 1), "claim[1].value: expected a finite number"),
        (CLAIMS + claim("toy.speedup", 2.0), "two claims have the id 'toy.speedup'"),
        ("[[claim]\n", "not TOML"),
    ],
)
def test_what_is_wrong_with_a_claim_is_named_with_its_place(tmp_path: Path, claims: str, message: str):
    folder = write_paper(tmp_path / "toy", claims=claims)
    with pytest.raises(PaperError) as caught:
        read_paper(folder)
    assert message in str(caught.value)


def test_a_claim_that_nobody_tries_and_a_trial_of_what_cannot_be_are_refused(tmp_path: Path):
    untried = CLAIMS + claim("toy.other", 2.0)
    with pytest.raises(PaperError, match=r"toy\.other is said to be reproducible, and nothing tries it"):
        read_paper(write_paper(tmp_path / "one", claims=untried))
    impossible = CLAIMS.replace(claim("toy.nothing", 1.0), claim("toy.nothing", 1.0, reproducible=False))
    with pytest.raises(PaperError, match=r"toy\.nothing is tried, though"):
        read_paper(write_paper(tmp_path / "two", claims=impossible))


def test_a_paper_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(PaperError, match="no paper 'asyncfx'; there are: asyncfc, asynclm, llmcompiler"):
        load_paper("asyncfx")
