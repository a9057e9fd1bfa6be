"""A run that differs is told beside the one in order, and the first difference is marked."""

from __future__ import annotations

from asyncfc_sim.report.lanes import draw_lanes
from asyncfc_sim.verify.baselines import Naive
from asyncfc_sim.verify.counterexample import counterexample
from asyncfc_sim.verify.mutants import FirstFreedOnly
from asyncfc_sim.verify.schedules import parse_schedule
from tests.explored import appends, explored

RAW = 'f1 = write(path="a", text="1")\nf2 = read(path="a")'


def marked(told) -> tuple[str | None, str | None]:
    here, there = told.first
    lanes = (told.happened, told.in_order)
    left, right = (None if at is None else lane[at].text.strip() for lane, at in zip(lanes, (here, there), strict=True))
    return left, right


def test_a_wrong_value_is_the_first_difference() -> None:
    told = counterexample(explored(RAW, scheduler=Naive), parse_schedule("d d d f2 f1"))
    assert marked(told) == ('f2 is "A"', 'f2 is "1"')


def test_a_wrong_world_shows_in_the_end() -> None:
    program = 'f1 = write(path="a", text="1")\nf2 = write(path="a", text="2")'
    told = counterexample(explored(program, scheduler=Naive), parse_schedule("d d d f2 f1"))
    assert marked(told) == ('in the end file:a is "1"', 'in the end file:a is "2"')


def test_runs_that_end_alike_have_no_difference() -> None:
    assert counterexample(explored(appends("ab")), parse_schedule("d d d f2 f1")).first == (None, None)


def test_a_run_that_gets_stuck_says_so() -> None:
    text = 'f1 = append(path="a", text="1")\nf2 = read(path="a")\nf3 = read(path="a")'
    told = counterexample(explored(text, scheduler=FirstFreedOnly), ())
    assert any("nothing can happen any more" in line.text for line in told.happened)


def test_the_picture_has_two_lanes_and_a_mark_in_each() -> None:
    told = counterexample(explored(RAW, scheduler=Naive, granularity="steps"), parse_schedule("d d d f2 f2 f1 f1"))
    picture = draw_lanes(("this schedule", "in order"), (told.happened, told.in_order), told.first, width=80)
    lines = picture.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert [line.split("│")[0].strip() for line in lines if line.startswith("=>")] == ['=>    f2 is "A"']
    assert [line.split("│ ")[1] for line in lines if "│ =>" in line] == ['=>    f2 is "1"']
