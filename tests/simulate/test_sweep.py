"""Sweeps: every combination once, the same numbers however the work is spread, and intervals that keep their word."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from math import inf, prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.simulate.bound import Bound
from asyncfc_sim.simulate.experiment import Arm, ArmResult, CaseResult, run_arms, summarise_arms
from asyncfc_sim.simulate.knobs import KNOBS, Point, SweepError, columns, parse_sweeps, product_of
from asyncfc_sim.simulate.model_file import ModelFileError
from asyncfc_sim.simulate.parallel import Serial, Source, WorkloadDiffers
from asyncfc_sim.simulate.part_file import PartFile, decoded, encoded
from asyncfc_sim.simulate.precision import FIRST, Looks, doubling, half_width, once
from asyncfc_sim.simulate.scaling import scaled_recording
from asyncfc_sim.simulate.study import Study, StudyError
from asyncfc_sim.simulate.sweep import Chunk, SweepRow, chunk_key, condition_key, run_chunk, run_plan
from asyncfc_sim.workloads.processes import ProcessPool
from asyncfc_sim.workloads.recorded_times import Recorded, RecordedMessage, RecordedPart
from tests.sweeps import BASE, STUDY, load, models_of, on, planned, swept

# Two values of every knob, as they are written on the command line.
VALUES = {
    "policy": "asyncfc,sync_parallel",
    "grace": "0,auto",
    "delivery": "on_touch,when_idle",
    "failure": "poison,barrier",
    "messages": "call,turn",
    "dependence": "values,all",
    "await_rate": "0,0.5",
    "max_running": "1,4",
    "decoder": "gpt-4o,claude-opus-4.5",
    "durations": "default,bfcl-agent",
    "tool_scale": "0,2",
    "decode_scale": "0.5,2",
    "seed": "0,7",
}


def _by(rows: Sequence[SweepRow], *names: str) -> dict[tuple[object, ...], SweepRow]:
    return {tuple(row.knobs[name] for name in names): row for row in rows}


def test_every_knob_is_tried_here() -> None:
    assert VALUES.keys() == KNOBS.keys()


@pytest.mark.parametrize("name", KNOBS)
def test_what_a_knob_is_set_to_is_what_some_arm_has(name: str) -> None:
    values = parse_sweeps([f"{name}={VALUES[name]}"])[name]
    assert len(values) == 2
    for value, point in zip(values, product_of(BASE, {name: values}), strict=True):
        assert value in [columns(point, arm)[name] for arm in point.arms() if point.asked(arm)]


def test_a_knob_means_nothing_to_some_arms() -> None:
    sync, asyncfc, bound = (columns(BASE, arm) for arm in BASE.arms())
    assert (sync["grace"], sync["max_running"], sync["dependence"]) == (None, None, None)
    assert asyncfc["grace"] == 0
    assert (bound["policy"], bound["failure"], bound["decoder"]) == ("bound", None, "gpt-4o")
    needy = replace(BASE, study=replace(STUDY, dependence=("all",), await_rate=0.5))
    assert columns(needy, needy.arms()[1])["await_rate"] is None  # it awaits everything anyway


@given(st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None), max_size=4))
@settings(max_examples=20)
def test_points_are_the_product_of_the_knobs(names: dict[str, None]) -> None:
    sweeps = parse_sweeps([f"{name}={VALUES[name]}" for name in names])
    points = product_of(BASE, sweeps)
    assert len(points) == len(set(points)) == prod(len(values) for values in sweeps.values())


def test_the_last_knob_turns_fastest() -> None:
    points = product_of(BASE, parse_sweeps(["seed=0,1", "tool_scale=1,2,3"]))
    assert [(point.seed, point.tool_scale) for point in points] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grace", "KNOB=VALUE"),
        ("speed=1", "there are: policy, grace, .*tool_scale"),
        ("grace=soon", "seconds, inf or auto"),
        ("grace=", "seconds, inf or auto"),
        ("policy=fast", "sync_parallel"),
        ("delivery=late", "when_idle"),
        ("failure=ignore", "strict"),
        ("messages=both", "call, turn, step"),
        ("dependence=some", "values, all"),
        ("await_rate=1.5", "between 0 and 1"),
        ("max_running=0", "from 1"),
        ("tool_scale=-1", "from 0"),
        ("tool_scale=inf", "from 0"),
        ("tool_scale=nan", "from 0"),
        ("decode_scale=0", "above 0"),
        ("seed=1.5", "whole number"),
        ("decoder=gpt-9", "gpt-4o"),
        ("durations=none", "bfcl-agent"),
    ],
)
def test_a_knob_or_value_that_is_none_says_what_there_is(text: str, words: str) -> None:
    with pytest.raises((SweepError, StudyError, ModelFileError), match=words):
        parse_sweeps([text])


def test_a_knob_is_swept_once_and_a_value_run_once() -> None:
    with pytest.raises(SweepError, match="swept already"):
        parse_sweeps(["seed=1", "seed=2"])
    assert parse_sweeps(["seed=1,2,1"]) == {"seed": (1, 2)}
    assert parse_sweeps(["grace=inf, 0"]) == {"grace": (inf, 0.0)}


def test_plan_is_left_out_where_calls_come_one_by_one() -> None:
    points = product_of(BASE, parse_sweeps(["policy=plan,asyncfc", "messages=call,turn"]))
    assert [(point.study.policies, point.study.messages) for point in points] == [
        (("plan",), ("turn",)),
        (("asyncfc",), ("call",)),
        (("asyncfc",), ("turn",)),
    ]
    with pytest.raises(StudyError, match="plan writes a whole turn"):
        product_of(BASE, parse_sweeps(["policy=plan", "messages=call"]))


def test_a_point_is_what_the_study_gives_by_itself() -> None:
    rows = _by(swept("grace=0,auto", "tool_scale=1,3"), "policy", "grace", "tool_scale")
    study = replace(STUDY, graces=(0.0, "auto"))
    alone = summarise_arms(run_arms(load(12), study.arms(), models_of("gpt-4o", "default"), 0), 0)
    assert {row.label: row for row in alone} == {
        "sync": rows["sync", None, 1.0].row,
        "asyncfc grace=0": rows["asyncfc", 0.0, 1.0].row,
        "asyncfc grace=auto": rows["asyncfc", "auto", 1.0].row,
        "bound": rows["bound", None, 1.0].row,
    }
    assert rows["asyncfc", 0.0, 3.0].row != rows["asyncfc", 0.0, 1.0].row


def test_arms_to_which_a_knob_means_nothing_are_run_and_shown_once() -> None:
    todo = planned("grace=0,0.1,auto")
    (condition,) = todo.conditions
    assert [arm.label for arm in condition.arms].count("sync") == 1
    assert len(swept("grace=0,0.1,auto")) == 2 + 3
    # Sync is run because speed-ups are over it, and shown only to those who ask for it.
    assert [row.knobs["policy"] for row in swept("policy=asyncfc")] == ["asyncfc"]


def test_all_points_meet_the_same_draws() -> None:
    rows = _by(swept("decoder=gpt-4o,claude-opus-4.5", "await_rate=0,1"), "policy", "decoder", "await_rate")
    assert rows["asyncfc", "gpt-4o", 0.0].row.mean_s < rows["asyncfc", "gpt-4o", 1.0].row.mean_s
    one, other = (rows["bound", name, None].row for name in ("gpt-4o", "claude-opus-4.5"))
    assert one.mean_s != other.mean_s


def test_times_are_multiplied() -> None:
    rows = _by(swept("tool_scale=0,1,2", "decode_scale=1,2"), "policy", "tool_scale", "decode_scale")
    sync_s = {key[1:]: row.row.mean_s for key, row in rows.items() if key[0] == "sync"}
    tools_s = sync_s[1, 1] - sync_s[0, 1]
    assert tools_s > 0
    assert sync_s[2, 1] == pytest.approx(sync_s[0, 1] + 2 * tools_s)
    assert sync_s[0, 2] == pytest.approx(2 * sync_s[0, 1])
    assert sync_s[2, 2] == pytest.approx(2 * sync_s[1, 1])
    assert rows["asyncfc", 0, 1].row.speedup < 1 < rows["asyncfc", 2, 1].row.speedup


def test_recorded_times_are_multiplied_too() -> None:
    message = RecordedMessage(10, ttft_s=0.5, llm_s=2.0)
    parts = {1: RecordedPart(message, 4, True), 2: RecordedPart(message, 6, False)}
    unknown = {1: RecordedPart(RecordedMessage(3), 3, True)}
    scaled = scaled_recording(Recorded({1: 3.0, 2: 0.0}, {}, parts, unknown), 2, 3)
    assert scaled.call_s == {1: 6.0, 2: 0.0}
    assert (scaled.parts[1].message.ttft_s, scaled.parts[1].message.llm_s) == (1.5, 6.0)
    assert scaled.parts[1].message is scaled.parts[2].message
    assert scaled.answers == unknown
    (condition,) = planned("tool_scale=2", "decode_scale=3").conditions
    task = replace(load(1)[0], recorded=Recorded({1: 3.0}))
    assert condition.adapted(task).recorded == Recorded({1: 6.0})


def test_where_nothing_takes_time_there_is_no_speedup(monkeypatch: pytest.MonkeyPatch) -> None:
    todo = planned("tool_scale=0")
    nothing = [CaseResult("c", 0.0, 0.0, 0.0, 0.0, 1)]
    free = [Bound(0.0, 0.0, 0.0, 0.0, {})]

    def run(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, list[ArmResult]]]:
        for chunk in chunks:
            yield chunk, [ArmResult(arm, list(nothing), list(free)) for arm in todo.conditions[0].arms]

    with pytest.raises(SweepError, match=r"tool_scale=0.*nothing takes any time"):
        run_plan(todo, once(1), run)


SWEEP = ("grace=0,auto", "tool_scale=1,2")
MANY = 40  # several chunks for each condition


@pytest.fixture(scope="module")
def in_order() -> list[SweepRow]:
    return swept(*SWEEP, n=MANY)


@pytest.mark.parametrize("pool", [*(partial(ThreadPoolExecutor, n) for n in (1, 2, 5)), partial(ProcessPool, 2)])
def test_numbers_do_not_depend_on_the_workers(pool: Callable[[], Executor], in_order: list[SweepRow]) -> None:
    todo = planned(*SWEEP, n=MANY)
    with pool() as executor:
        assert run_plan(todo, once(MANY), on(executor, todo, MANY)) == in_order


def test_numbers_do_not_depend_on_which_chunk_is_done_first(in_order: list[SweepRow]) -> None:
    todo = planned(*SWEEP, n=MANY)
    chunks = [chunk for condition in (0, 1) for chunk in todo.chunks(condition, 0, MANY)]
    finished = list(on(Serial(), todo, MANY)(chunks))
    assert len(finished) > 4
    for seed in range(3):
        random.Random(seed).shuffle(finished)
        assert run_plan(todo, once(MANY), lambda chunks: finished) == in_order


def test_a_worker_that_reads_another_workload_is_found_out() -> None:
    (condition,) = planned().conditions
    with pytest.raises(WorkloadDiffers, match="other tasks"):
        run_chunk(Source(lambda: load(3), "token", "another digest"), condition, Chunk(0, ((0, 0),)))


# Precision


@given(st.integers(1, 100_000))
def test_looks_double_up_to_the_most(most: int) -> None:
    looks = doubling(0.01, most)
    assert looks.at[-1] == most
    assert all(a < b <= 2 * a for a, b in zip(looks.at, looks.at[1:], strict=False))
    assert looks.at[0] >= min(most, FIRST)
    assert 1 - looks.confidence == pytest.approx(0.05 / len(looks.at))


def test_a_single_look_is_an_ordinary_interval() -> None:
    assert once(5).confidence == 0.95
    assert once(5).reached(swept(n=2)[0].row) is None


def test_a_sweep_stops_when_it_is_precise() -> None:
    looks = Looks((10, 20, 40, 80), 0.05)
    rows = swept("tool_scale=0,3", n=20, looks=looks)
    by_scale = {row.knobs["tool_scale"]: row for row in rows if row.knobs["policy"] == "asyncfc"}
    easy, hard = by_scale[0.0], by_scale[3.0]
    assert easy.reached is True
    assert easy.row.n in looks.at
    assert easy.row.n < hard.row.n  # without tools there is little that varies
    for row in rows:
        assert row.half_width == half_width(row.row)
        assert row.reached == (row.half_width <= 0.05)
        assert row.reached or row.row.n == 80
        assert row.cases == min(20, row.row.n)
        assert row.row.speedup_low is not None
    # Asked for the impossible, it gives up at the most, and says so.
    assert {
        (row.row.n, row.reached) for row in swept(n=20, looks=Looks((10, 20), 1e-9)) if row.row.label != "sync"
    } == {(20, False)}


def test_a_task_drawn_again_is_drawn_anew() -> None:
    todo = planned(n=1)
    (condition,) = todo.conditions
    given = Source(lambda: load(1), "", "")
    results = [result for _, result in on(Serial(), todo, 1)([Chunk(0, ((0, time),)) for time in (0, 1, 2, 0)])]
    first, second, third, again = (result[0].cases[0] for result in results)
    assert first == again
    assert len({first.makespan_s, second.makespan_s, third.makespan_s}) == 3
    assert [first.case, second.case] == [f"{load(1)[0].name}", f"{load(1)[0].name}~2"]
    assert given.load()[0].name == first.case
    assert condition.seed == 0


def test_samples_come_in_a_random_order_that_is_always_the_same() -> None:
    one, other = planned(n=50, shuffled=True), planned(n=50, shuffled=True)
    assert one.order == other.order
    assert sorted(one.order) == list(range(50)) != list(one.order)
    assert planned(n=50).order == tuple(range(50))
    picks = [pick for chunk in one.chunks(0, 30, 130) for pick in chunk.picks]
    assert picks == [(one.order[number % 50], number // 50) for number in range(30, 130)]


# What is kept of a sweep that was interrupted

FLOATS = st.floats(0, 1e9)
CASES = st.builds(
    CaseResult, st.text(max_size=5), FLOATS, FLOATS, FLOATS, FLOATS, st.integers(0, 99), st.none() | st.text(max_size=5)
)
BOUNDS = st.builds(Bound, FLOATS, FLOATS, FLOATS, FLOATS, st.dictionaries(st.text(max_size=3), FLOATS, max_size=2))


@given(st.lists(st.tuples(st.lists(CASES, max_size=3), st.lists(BOUNDS, max_size=3)), max_size=3))
def test_chunks_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[list[CaseResult], list[Bound]]]
) -> None:
    arms = [Arm(f"arm{number}", None, "call") for number in range(len(made))]
    results = [ArmResult(arm, *each) for arm, each in zip(arms, made, strict=True)]
    assert decoded(arms, encoded(results)) == results
    path = tmp_path_factory.mktemp("parts") / "out.csv.part.jsonl"
    with PartFile(path) as parts:
        parts.add("key", results)
    with PartFile(path) as parts:
        assert parts.take("another", arms) is None
        assert parts.take("key", arms) == results
        assert parts.finished == 1


def test_a_line_that_was_cut_short_is_not_there_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "parts.jsonl"
    arms = [Arm("sync", None, "call")]
    results = [ArmResult(arms[0], [CaseResult("c", 1.0, 0.5, 0.0, 0.0, 2)])]
    with PartFile(path) as parts:
        parts.add("first", results)
        parts.add("second", results)
    data = path.read_bytes()
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        with PartFile(path) as parts:
            parts.add("third", results)
        with PartFile(path) as parts:
            assert (parts.take("first", arms) == results) == (cut > data.index(b"\n"))
            assert parts.take("second", arms) is None
            assert parts.take("third", arms) == results
    path.write_bytes(b'not ours\n[1]\n{"chunk": "x"}\n\xff\n')
    with PartFile(path) as parts:
        assert parts.take("x", arms) is None


@pytest.mark.parametrize("results", [[], 1, "ab", {}, [[], [[0, []]]], [[[]], []], [[[]], [[0, [["c", 1.0]]]]]])
def test_a_damaged_chunk_is_run_again(tmp_path: Path, results: object) -> None:
    path = tmp_path / "parts.jsonl"
    path.write_text(json.dumps({"chunk": "key", "results": results}) + "\n")
    with PartFile(path) as parts:
        assert parts.take("key", [Arm("sync", None, "call")]) is None
        assert parts.finished == 0


def test_a_part_file_without_parts_does_not_stay(tmp_path: Path) -> None:
    with PartFile(tmp_path / "parts.jsonl") as parts:
        assert parts.path.exists()
    assert not parts.path.exists()


def test_a_key_names_all_that_a_chunk_depends_on() -> None:
    chunk = Chunk(0, ((0, 0), (1, 0)))
    plans = [planned(), *(planned(f"{name}={values.split(',')[1]}") for name, values in VALUES.items())]
    keys = [chunk_key(condition_key("workload", todo.conditions[0]), chunk) for todo in plans]
    assert len(set(keys)) == len(keys)
    condition = plans[0].conditions[0]
    assert chunk_key(condition_key("workload", condition), chunk) == keys[0]
    assert chunk_key(condition_key("another", condition), chunk) not in keys
    assert chunk_key(condition_key("workload", condition), Chunk(0, ((0, 0), (1, 1)))) not in keys


def test_max_running_is_for_those_who_run_calls_side_by_side() -> None:
    point = replace(BASE, study=Study(messages=("turn",)), max_running=1)
    running = {arm.label: arm.policy.max_running for arm in point.arms() if arm.policy is not None}
    assert set(running.values()) == {1}
    wider: Point = replace(point, max_running=5)
    assert {arm.policy.max_running for arm in wider.arms() if arm.policy is not None} == {1, 5}
    rows = _by(swept("max_running=1,8", base=replace(BASE, study=Study(messages=("turn",)))), "policy", "max_running")
    assert rows["sync_parallel", 1].row.mean_s > rows["sync_parallel", 8].row.mean_s
