"""Experiments on real BFCL conversations: everything is the same as in order, and times keep within their bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path

import pytest

from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.simulate.assumptions import assumptions
from asyncfc_sim.simulate.bound import bound
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import Arm, ArmResult, run_arms, simulate, summarise_arms
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.parallel import run_in_processes
from asyncfc_sim.simulate.reference import difference, run_reference
from asyncfc_sim.simulate.study import Study, StudyError, dependence_interval, parse_graces
from asyncfc_sim.traces.timeline import busy
from asyncfc_sim.workloads.bfcl import load
from asyncfc_sim.workloads.program_file import load_program
from asyncfc_sim.workloads.workload import Task

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")

CASES = 60


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return load("base", CASES)


@pytest.fixture(scope="module")
def all_tasks() -> list[Task]:
    """All 800 conversations."""
    return load("all")


def _models(*, overhead: bool = True) -> Models:
    return Models(load_decoder("gpt-oss-120b-vllm"), load_durations("bfcl-agent"), overhead)


@pytest.fixture(scope="module")
def results(tasks: list[Task]) -> list[ArmResult]:
    return run_arms(tasks, Study().arms(), _models(), seed=0)


def _makespans(results: list[ArmResult]) -> dict[tuple[str, str, str], list[float]]:
    return {
        (one.arm.label, one.arm.messages, one.arm.dependence): [case.makespan_s for case in one.cases]
        for one in results
    }


def test_every_run_gives_what_running_in_order_gives(results: list[ArmResult]) -> None:
    assert [case for result in results for case in result.different] == []
    assert all(len(result.cases) == CASES for result in results)


def test_nothing_beats_the_bound(results: list[ArmResult]) -> None:
    times = _makespans(results)
    for (label, messages, dependence), makespans in times.items():
        if label == "interrupt":
            continue  # one request a turn: the bound is of the chat protocol, see below
        least = times["bound", messages, "values"]
        assert all(a >= b - 1e-9 for a, b in zip(makespans, least, strict=True)), (label, messages, dependence)


def test_without_overhead_bound_asyncfc_and_sync_are_in_this_order_on_every_case(all_tasks: list[Task]) -> None:
    study = Study(policies=("sync", "asyncfc", "bound"), graces=(0.0,))
    results = run_arms(all_tasks, study.arms(), _models(overhead=False), seed=0)
    assert [case for result in results for case in result.different] == []
    times = _makespans(results)
    for (label, messages, _), makespans in times.items():
        sync, least = times["sync", messages, "values"], times["bound", messages, "values"]
        assert len(makespans) == 800
        assert all(a <= b + 1e-9 for a, b in zip(makespans, sync, strict=True)), label
        assert all(a >= b - 1e-9 for a, b in zip(makespans, least, strict=True)), label
    assert sum(times["asyncfc grace=0", "call", "values"]) < sum(times["sync", "call", "values"])


def test_with_overhead_always_answering_with_a_future_sometimes_loses(results: list[ArmResult]) -> None:
    times = _makespans(results)
    pairs = list(zip(times["asyncfc grace=0", "call", "values"], times["sync", "call", "values"], strict=True))
    assert any(future > sync for future, sync in pairs)
    assert any(future < sync for future, sync in pairs)


def test_an_infinite_grace_is_sync(all_tasks: list[Task]) -> None:
    models = _models()
    for messages in ("call", "turn"):
        sync = Arm("sync", policy_named("sync"), messages)
        patient = Arm("asyncfc grace=inf", policy_named("asyncfc", grace_s=inf), messages)
        for task in all_tasks[::4]:
            one, other = simulate(task, sync, models, 0), simulate(task, patient, models, 0)
            assert one.session.transcript.messages == other.session.transcript.messages
            if messages == "call":
                assert one.makespan_s == pytest.approx(other.makespan_s)
            else:
                assert other.makespan_s <= one.makespan_s + 1e-9


def test_the_same_seed_gives_the_same_runs_and_another_seed_others(tasks: list[Task]) -> None:
    arm = Arm("asyncfc", policy_named("asyncfc"), "call")
    runs = [simulate(tasks[0], arm, _models(), seed).recorder.run() for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0].events != runs[2].events


def test_processes_do_not_change_the_results() -> None:
    arms = Study(policies=("sync", "asyncfc"), graces=(0.0,), messages=("call",), dependence=("values",)).arms()
    run: Callable[[int], list[ArmResult]] = lambda workers: run_in_processes(  # noqa: E731
        load("base", 110), partial(load, "base", 110), arms, _models(), 0, lambda: None, workers
    )
    one, two = run(1), run(2)
    assert one == two


def test_a_wrong_value_and_a_wrong_world_are_found(tasks: list[Task]) -> None:
    reference = run_reference(tasks[0])
    right = dict(reference.values)
    assert difference(reference, right, reference.state) is None
    assert difference(reference, right, "another") == "the world ends in another state"
    first = next(iter(right))
    assert f"$f{first} is" in str(difference(reference, {**right, first: "wrong"}, reference.state))
    del right[first]
    assert f"$f{first} has no value" in str(difference(reference, right, reference.state))


def test_the_bound_splits_a_conversation_into_the_terms_of_eq_1(tasks: list[Task]) -> None:
    models = _models()
    task = tasks[0]
    limit = bound(task, run_reference(task), models, 0, "call")
    assert max(limit.decode_s, limit.tool_s) <= limit.least_s + limit.tool_s
    assert limit.least_s <= limit.longest_path_s + 1e-9 <= limit.decode_s + limit.tool_s + 1e-9


def test_rows_are_over_sync_and_the_interval_is_between_the_two_assumptions(results: list[ArmResult]) -> None:
    rows = summarise_arms(results, seed=0)
    by_label = {(row.label, row.messages, row.dependence): row for row in rows}
    sync = by_label["sync", "call", "values"]
    assert (sync.speedup, sync.alpha) == (1.0, 0.0)
    future = by_label["asyncfc grace=0", "call", "values"]
    assert future.alpha is not None
    assert future.alpha > 0
    interval = dependence_interval(rows, "call", "asyncfc grace=0")
    assert interval is not None
    assert interval[0] < interval[1] == future.speedup
    assert by_label["bound", "call", "values"].eq1 >= by_label["bound", "call", "values"].speedup


def test_requests_that_cannot_be_met_say_what_was_expected() -> None:
    assert parse_graces("0, 0.5,auto,inf") == (0.0, 0.5, "auto", inf)
    for text in ("soon", "-1", ""):
        with pytest.raises(StudyError, match="grace"):
            parse_graces(text)
    with pytest.raises(StudyError, match="sync_parallel"):
        Study(policies=("fast",)).arms()
    with pytest.raises(StudyError, match="--messages turn"):
        Study(policies=("plan",), messages=("call",)).arms()
    with pytest.raises(StudyError, match="await rate"):
        Study(await_rate=1.5).arms()


def test_a_turn_without_calls_is_one_message(tasks: list[Task]) -> None:
    task = replace(tasks[0], turns=(replace(tasks[0].turns[0], program=Program(())),))
    run = simulate(task, Arm("sync", policy_named("sync"), "call"), _models(), 0)
    assert run.requests == 1
    assert run.values() == {}


FAILING = """
f1 = search(query="x")
f2 = write(path="/a", text="1")
f3 = send(text="done")
f4 = read(path="/a")
f5 = write(path="/b", text=$f1.text)
f6 = send(text="again")
return $f4, $f3
"""
FAILING_TOOLS = """
[tools.search]
reads = ["web:{query}"]
fails = "no network"
[tools.write]
writes = ["file:{path}"]
[tools.read]
reads = ["file:{path}"]
[tools.send]
writes = ["outbox"]
irreversible = true
"""


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
def test_failing_calls_do_what_they_do_in_order_given_what_the_model_was_shown(
    tmp_path: Path, failure: Failure
) -> None:
    program, tools = tmp_path / "failing.fc", tmp_path / "failing.tools.toml"
    program.write_text(FAILING, encoding="utf-8")
    tools.write_text(FAILING_TOOLS, encoding="utf-8")
    task = load_program(str(program), None)
    graces = (0.0, 0.3, "auto", inf)
    ran = []
    for delivery in ("on_touch", "when_idle", "rewrite"):
        study = Study(graces=graces, delivery=delivery, failure=failure)  # type: ignore[arg-type]
        for seed in range(3):
            models = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("default"))
            results = run_arms([task], study.arms(), models, seed)
            assert [case for result in results for case in result.different] == []
            for arm in study.arms():
                if arm.policy is not None:
                    values = simulate(task, arm, models, seed).values()
                    ran.append(not isinstance(values.get(3), ErrorValue) and 3 in values)
    assert any(ran) or failure == "strict"  # sync has shown the failure before it sends: the model knew
    assert not all(ran)  # asyncfc holds the message back: the model did not know


def test_references_that_replace_long_values_are_not_in_eq_1(tmp_path: Path) -> None:
    program, tools = tmp_path / "long.fc", tmp_path / "long.tools.toml"
    program.write_text('f1 = get(id="x")\nf2 = put(text=$f1.body)\nreturn $f2', encoding="utf-8")
    text = "[tools.get]\nreads=['web:{id}']\nreturns={body='" + "long " * 400 + "'}\n[tools.put]\nwrites=['store']\n"
    tools.write_text(text, encoding="utf-8")
    task = load_program(str(program), None)
    limit = bound(task, run_reference(task), _models(), 0, "call")
    sync = simulate(task, Arm("sync", policy_named("sync"), "call"), _models(), 0)
    decoding, _ = busy(sync.recorder.events)
    assert limit.decode_s == pytest.approx(sum(end - start for start, end in decoding), rel=1e-6)
    # A model that refers need not write the text out: what it decodes is a small part of what sync does.
    assert limit.longest_path_s < limit.tool_s + limit.decode_s / 2


def test_the_footnotes_name_what_decides_the_result(results: list[ArmResult]) -> None:
    notes = "\n".join(assumptions(_models(), "on_touch", results))
    assert "kind web_fetch (median 8.6 s, measured, n = 16)" in notes
    assert "prompts cost this decoder nothing per token (assumed)" in notes
