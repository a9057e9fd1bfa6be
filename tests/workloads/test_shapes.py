"""Shapes: programs that have the calls, references and touches which the figures say, the same for the same seed."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim._resources import data_path
from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, Touch, calls_in
from asyncfc_sim.simulate.reference import run_reference
from asyncfc_sim.workloads.shape_file import load_shape, parse_shape
from asyncfc_sim.workloads.shapes import Shape, ShapeError
from asyncfc_sim.workloads.workload import Task

TEXT = """
name = "toy"
title = "look, work on each, put together"
rounds = {counts = {1 = 1, 3 = 1}, n = 2, source = "made up", provenance = "assumed"}
call_chars = {value = 120, n = 0, source = "made up", provenance = "assumed"}

[[stages]]
name = "look"
calls = {counts = {2 = 3, 4 = 1}, n = 4, source = "made up", provenance = "measured"}
tools = {shares = {read = 3, write = 1}, n = 4, source = "made up", provenance = "derived"}
sees = {value = 1, n = 0, source = "made up", provenance = "assumed"}

[[stages]]
name = "each"
tools = {value = "work", n = 0, source = "made up", provenance = "assumed"}
takes = {value = "each", n = 0, source = "made up", provenance = "assumed"}
sees = {value = 0, n = 0, source = "made up", provenance = "assumed"}

[[stages]]
name = "all"
calls = {value = 1, n = 0, source = "made up", provenance = "assumed"}
tools = {value = "work", n = 0, source = "made up", provenance = "assumed"}
takes = {value = "all", n = 0, source = "made up", provenance = "assumed"}
sees = {value = 0.5, n = 0, source = "made up", provenance = "assumed"}

[tools.read]
reads = ["file:{file}"]
[tools.write]
writes = ["file:{file}"]
[tools.work]
reads = []
kind = "bash_python"

[arguments.file]
value = 2
n = 0
source = "made up"
provenance = "assumed"

[tokens]
message = {counts = {20 = 1, 50 = 1}, n = 2, source = "made up", provenance = "measured"}
call = {value = 7, n = 2, source = "made up", provenance = "measured"}
answer = {value = 30, n = 2, source = "made up", provenance = "measured"}
"""
VALUES = tomllib.loads(TEXT)
TOY = parse_shape(VALUES, "toy.toml")
SHAPES = sorted(data_path("papers").glob("*/shapes/*.toml"))
seeds = st.integers(0, 2**32)


def drawn(shape: Shape, seed: int, n: int = 1) -> list[Task]:
    return shape.conversations(n, np.random.default_rng(seed))


def body(task: Task) -> tuple[Any, ...]:
    return task.turns[0].program.body


@given(seeds)
def test_the_same_seed_gives_the_same_and_more_conversations_change_none_before(seed: int):
    some, more = drawn(TOY, seed, 2), drawn(TOY, seed, 4)
    assert [(task.turns, task.recorded) for task in some] == [(task.turns, task.recorded) for task in more[:2]]


def test_another_seed_gives_others():
    assert len({repr(drawn(TOY, seed)[0].turns) for seed in range(10)}) > 5


@given(seeds)
def test_calls_are_numbered_from_one_and_all_are_shown_at_the_end(seed: int):
    (task,) = drawn(TOY, seed)
    futures = [call.future for call in calls_in(body(task))]
    assert futures == list(range(1, len(futures) + 1))
    assert body(task)[-1] == Done(tuple(Ref(future) for future in futures))


@given(seeds)
def test_a_round_looks_then_works_on_each_then_on_all(seed: int):
    calls = list(calls_in(body(drawn(TOY, seed)[0])))
    while calls:
        width = next(n for n, call in enumerate(calls) if call.tool == "work")
        looked = [call.future for call in calls[:width]]
        assert width in (2, 4)
        assert [call.args["input"] for call in calls[width : 2 * width]] == [Ref(future) for future in looked]
        worked = [call.future for call in calls[width : 2 * width]]
        assert calls[2 * width].args["inputs"] == [Ref(future) for future in worked]
        calls = calls[2 * width + 1 :]


@given(seeds)
def test_what_must_be_seen_is_touched_first_and_nothing_twice(seed: int):
    unseen: set[int] = set()
    for statement in body(drawn(TOY.with_value("all.sees", 1), seed)[0]):
        match statement:
            case Call(future):
                unseen.add(future)
            case Touch(futures):
                assert set(futures) == unseen
                unseen.clear()
    assert unseen  # what the last stage issued


def test_chances_of_zero_and_one_are_never_and_always():
    never = TOY.with_value("look.sees", 0).with_value("all.sees", 0)
    assert not any(isinstance(each, Touch) for task in drawn(never, 0, 20) for each in body(task))
    always = TOY.with_value("all.sees", 1).with_value("rounds", 1)
    assert all(sum(isinstance(each, Touch) for each in body(task)) == 1 for task in drawn(always, 0, 20))


@given(mean=st.floats(1, 4), seed=st.integers(0, 100))
def test_a_count_that_is_not_whole_is_a_mean(mean: float, seed: int):
    shape = TOY.with_value("look.calls", mean)
    figure = shape.figures()["look.calls"]
    assert figure.mean == pytest.approx(mean)
    assert figure.provenance == "assumed"
    assert {outcome for outcome, _ in figure.outcomes} <= {int(mean), int(mean) + 1}
    assert {figure.count(np.random.default_rng(seed)) for _ in range(3)} <= {int(mean), int(mean) + 1}


def test_outcomes_come_as_often_as_their_weights_say():
    rng = np.random.default_rng(0)
    counts = [TOY.figures()["look.calls"].count(rng) for _ in range(4000)]
    assert counts.count(2) / len(counts) == pytest.approx(0.75, abs=0.03)


def test_arguments_are_drawn_from_so_many_names_and_calls_differ_all_the_same():
    calls = [call for task in drawn(TOY, 1, 30) for call in calls_in(body(task)) if call.tool != "work"]
    assert {call.args["file"] for call in calls} == {"file0", "file1"}
    (task,) = drawn(TOY, 3)
    assert len({repr(call.args) for call in calls_in(body(task))}) == len(list(calls_in(body(task))))


@given(seeds)
def test_tokens_stand_with_the_calls_and_messages_begin_with_stages(seed: int):
    (task,) = drawn(TOY, seed)
    recorded = task.recorded
    assert recorded is not None
    assert set(recorded.parts) == {call.future for call in calls_in(body(task))}
    for future, part in recorded.parts.items():
        assert part.tokens in ((20, 50) if future in recorded.begins else (7,))
    rounds = sum("inputs" in call.args for call in calls_in(body(task)))
    assert len(recorded.begins) == 3 * rounds
    assert recorded.answers[1].tokens == 30


def test_calls_are_as_long_as_said_and_else_as_they_are():
    def lengths(shape: Shape) -> set[int]:
        calls = [call for task in drawn(shape, 0, 5) for call in calls_in(body(task))]
        return {len(call.tool) + len(arguments(call.args)) for call in calls}

    assert lengths(TOY) == {120}
    assert max(lengths(parse_shape(changed("call_chars", None), "x"))) < 120
    assert min(lengths(parse_shape(changed("call_chars.value", 1), "x"))) > 1


def test_a_shape_without_tokens_leaves_them_to_the_decoder():
    assert drawn(parse_shape({key: v for key, v in VALUES.items() if key != "tokens"}, "x"), 0)[0].recorded is None


@given(seeds)
def test_running_in_order_gives_every_call_a_value_that_depends_on_what_it_saw(seed: int):
    (task,) = drawn(TOY, seed)
    reference = run_reference(task)
    assert set(reference.values) == {call.future for call in calls_in(body(task))}
    assert not reference.fails
    assert len(set(map(str, reference.values.values()))) == len(reference.values)


# ---------------------------------------------------------------------------------------------------- shape files


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_each_shape_of_a_paper_can_be_drawn_and_says_where_its_figures_come_from(path: Path):
    shape = load_shape(path)
    assert shape.name == path.stem
    for name, figure in shape.figures().items():
        assert figure.source, name
        if figure.provenance == "measured":
            assert figure.n != 0, name
    assert all(list(calls_in(body(task))) for task in drawn(shape, 0, 3))


def changed(path: str, value: object) -> dict[str, Any]:
    """The toy file with one thing changed; `stages.0.calls` names a place, None takes it out."""
    values = copy.deepcopy(VALUES)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = values
    for part in way:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return values


FIGURE = {"value": 1, "n": 0, "source": "made up", "provenance": "assumed"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("rounds", None, "toy.toml: rounds: is missing"),
        ("rounds.provenance", "guessed", "rounds.provenance: expected one of measured, derived, assumed"),
        ("rounds.source", None, "rounds.source: is missing"),
        ("rounds", {**FIGURE, "value": 0}, "rounds.value: 0.0: expected a whole number from 1 up"),
        ("rounds", {**FIGURE, "value": 1.5}, "rounds.value: 1.5: expected a whole number"),
        ("rounds", {**FIGURE, "counts": {"1": 1}}, "rounds: expected one of value, counts and shares"),
        ("rounds.counts", {}, "rounds.counts: at least one outcome"),
        ("rounds.counts", {"few": 1}, "rounds.counts: expected whole numbers as names"),
        ("rounds.counts", {"1": 0}, "expected a weight above zero"),
        ("stages.0.sees", {**FIGURE, "value": 1.5}, "expected a number from 0 to 1"),
        ("stages.0.tools.shares", {"fly": 1}, "'fly': expected one of read, write, work"),
        ("stages.0.cals", FIGURE, "stages[1].cals: unknown key; did you mean calls?"),
        ("stages.0.calls", None, "stages[1].calls: is left out where"),
        ("stages.1.calls", FIGURE, "stages[2].calls: is left out where"),
        ("stages.1.name", "look", "stages: at least one stage is required, and each needs a name"),
        ("stages", [], "stages: at least one stage"),
        ("stages.1.takes.value", "both", "'both': expected one of nothing, one, each, all"),
        ("tools.read.reads", ["a*b"], "tools.read.reads"),
        ("tools.read.returns", 1, "tools.read.returns: unknown key"),
        ("tokens.call", None, "tokens.call: is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path: str, value: object, message: str):
    with pytest.raises(ShapeError) as caught:
        parse_shape(changed(path, value), "toy.toml")
    assert message in str(caught.value)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path):
    path = tmp_path / "shape.toml"
    path.write_text("rounds = ")
    with pytest.raises(ShapeError, match="not TOML"):
        load_shape(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("look.wings", 1.0, "no figure 'look.wings' can be changed; there are: rounds, look.sees"),
        ("each.calls", 2.0, "no figure 'each.calls' can be changed"),
        ("look.sees", 2.0, "expected a number from 0 to 1"),
        ("look.calls", 0.5, "expected a number from 1 up"),
        ("rounds", float("inf"), "expected a number from 1"),
    ],
)
def test_only_some_figures_can_be_changed_and_within_reason(name: str, value: float, message: str):
    with pytest.raises(ShapeError) as caught:
        TOY.with_value(name, value)
    assert message in str(caught.value)
