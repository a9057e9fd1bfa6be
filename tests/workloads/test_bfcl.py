"""The BFCL conversations, read: counts as published, programs well-formed, and errors that say what to do."""

import importlib.util
import json
from collections import Counter
from typing import Any

import pytest

from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, calls_in, refs_in
from asyncfc_sim.core.values import ErrorValue, bind
from asyncfc_sim.workloads import bfcl_classes
from asyncfc_sim.workloads.bfcl import SPLITS, MissingBfcl, flow_counts, load

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (make setup installs it)")
pytest.importorskip("mpmath", reason="mpmath is not installed")

SMALL = Counter({0: 203, 1: 476, 2: 154, 3: 67, 4: 20, 5: 11, 6: 1, 7: 2})
# Turns, and turns by their number of calls; 200 conversations each.
COUNTS = {
    "base": (734, Counter({0: 3, 1: 474, 2: 156, 3: 67, 4: 20, 5: 11, 6: 1, 7: 2})),
    "miss_func": (934, SMALL),
    "miss_param": (934, SMALL),
    "long_context": (734, Counter({0: 3, 1: 474, 2: 155, 3: 68, 4: 18, 5: 11, 6: 1, 7: 2, 34: 2})),
}


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_is_complete_and_its_golden_calls_succeed(split: str):
    tasks = load(split)
    turns = [turn for task in tasks for turn in task.turns]
    assert (len(tasks), len({task.name for task in tasks})) == (200, 200)
    assert (len(turns), Counter(len(list(calls_in(turn.program.body))) for turn in turns)) == COUNTS[split]
    for task in tasks:
        world = task.make_world()
        values: dict[int, Any] = {}
        for call in (call for turn in task.turns for call in calls_in(turn.program.body)):
            assert task.kinds[call.tool].endswith(f".{call.tool}")
            args: Any = bind(dict(call.args), values)
            values[call.future] = result = world.call(call.future, call.tool, args)
            assert not isinstance(result, ErrorValue), f"{task.name}: {call}"
            assert json.loads(json.dumps(result)) == result
            assert not (isinstance(result, dict) and "error" in result), f"{task.name}: {call}"


def test_futures_rise_through_a_conversation_and_references_stay_in_their_turn():
    for task in load("base"):
        futures: list[int] = []
        for turn in task.turns:
            *statements, done = turn.program.body
            calls = [statement for statement in statements if isinstance(statement, Call)]
            here = {call.future for call in calls}
            assert {ref.future for call in calls for ref in refs_in(dict(call.args))} <= here
            assert done == Done(tuple(Ref(call.future) for call in calls))
            futures += [call.future for call in calls]
        assert futures == list(range(1, len(futures) + 1))


def test_the_data_flow_found():
    counts = flow_counts("base")
    assert (counts.calls, counts.bound, counts.references, counts.touches) == (1142, 78, 101, 13)
    assert (counts.literals, counts.unexplained) == (1987, 495)


def test_one_conversation_as_text():
    (task,) = [task for task in load("base") if task.name == "multi_turn_base_56"]
    assert str(task.turns[0].program).splitlines() == [
        'f1 = get_zipcode_based_on_city(city="San Francisco")',
        'f2 = get_zipcode_based_on_city(city="Rivermist")',
        "f3 = estimate_distance(cityA=$f1.zipcode, cityB=$f2.zipcode)",
        "return $f1, $f2, $f3",
    ]
    assert task.turns[0].prompt.endswith("?")
    assert (task.source, task.kinds["estimate_distance"]) == ("bfcl:base", "VehicleControlAPI.estimate_distance")
    assert 10_000 < task.preamble_chars < 30_000


def test_n_takes_the_first_conversations_and_all_takes_all_splits():
    assert [task.name for task in load("base", 2)] == ["multi_turn_base_0", "multi_turn_base_1"]
    assert len(load("all", 201)) == 201


def test_an_unknown_split_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no BFCL split 'bse': choose one of base, miss_func, .*, all"):
        load("bse")


def test_a_missing_benchmark_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(MissingBfcl, match=r"needs bfcl_eval; install it with: .*pip install --no-deps bfcl-eval"):
        load("base")
    with pytest.raises(MissingBfcl, match="bfcl_eval"):
        bfcl_classes.load_class.__wrapped__("TicketAPI")
