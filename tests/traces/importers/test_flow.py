"""The flow of values between recorded calls: what is evidence, and above all what is none."""

import itertools

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.syntax import Call, Touch, refs_in
from asyncfc_sim.traces.importers.flow import recorded_result, with_flow
from asyncfc_sim.traces.sessions import (
    Provenance,
    RecordedCall,
    RecordedSession,
    RecordedStep,
    RecordedTurn,
    check_session,
)
from asyncfc_sim.workloads.value_flow import Observed, connect

MARK: Provenance = "derived"
NONE = ((), ())
UNKNOWN = (None, None)


def call(name, args=None, result=None, chars=None):
    if result is not None:
        chars = len(str(result))
    return RecordedCall(id=name, tool="t", args=args, result=result, result_chars=chars)


def turn(*steps, prompt=None):
    return RecordedTurn(prompt=prompt, steps=tuple(RecordedStep(calls=tuple(calls)) for calls in steps))


def flow(*turns):
    """deps and reads of each call."""
    return {each.id: (each.deps, each.reads) for turn in with_flow(turns) for step in turn.steps for each in step.calls}


def needs(args, result, prompt=None):
    """deps and reads of a call with `args`, after one with `result`."""
    return flow(turn([call("a", {}, result)], [call("b", args, "")], prompt=prompt))["b"]


def test_a_leaf_of_a_result_is_passed_on():
    assert needs({"id": "USR-77"}, {"users": [{"id": "USR-77"}]}) == (("a",), ())
    assert needs({"ids": [[4711]]}, {"id": 4711}) == (("a",), ())


def test_a_whole_text_is_passed_on():
    text = "The first line\nand src/second.py"
    assert needs({"body": text}, text) == (("a",), ())


def test_a_part_of_a_leaf_has_been_read():
    assert needs({"query": "budget of Oslo"}, {"title": "Annual budget of Oslo, 2025"}) == ((), ("a",))
    assert needs({"text": "Your ticket is TK-99."}, {"ticket": "TK-99"}) == ((), ("a",))
    assert needs({"amount": 12.5}, "It costs 12.5 dollars.") == ((), ("a",))


def test_a_name_in_a_long_text_has_been_read():
    listing = "src/parser_v2.py:10: def parse(text):\nsrc/other.py:3: parse()"
    assert needs({"command": "sed -n 1,20p src/parser_v2.py"}, listing) == ((), ("a",))
    assert needs({"command": "cd src; cat parser_v2.py"}, listing) == ((), ("a",))  # a part of a path


@pytest.mark.parametrize(
    ("args", "result"),
    [
        ({"mode": "content"}, "one line of content\nand another"),  # a plain word in a long text
        ({"limit": 100}, "line 100\nline 101"),  # a number there
        ({"n": 7}, {"n": 7}),  # one digit
        ({"flag": True, "none": None}, {"flag": True, "none": None}),
        ({"text": "x"}, {"text": "x"}),
        ({"id": "4711"}, {"other": "0815"}),
        ({}, {"id": "4711"}),
    ],
)
def test_chance_is_no_evidence(args, result):
    assert needs(args, result) == NONE


@pytest.mark.parametrize("result", ["src/parser_v2.py:10: def\nx", {"file": "src/parser_v2.py"}])
def test_what_the_user_said_is_no_evidence(result):
    args = {"path": "src/parser_v2.py"}
    assert needs(args, result) != NONE
    assert needs(args, result, prompt="Look at src/parser_v2.py!") == NONE


def test_what_an_earlier_turn_returned_or_an_earlier_call_said_is_no_evidence():
    told = [call("a", {}, {"id": "USR-77"})]
    again = [call("b", {}, {"owner": "USR-77"})]
    asks = [call("c", {"id": "USR-77"}, "ok")]
    assert flow(turn(told), turn(again, asks))["c"] == NONE
    assert flow(turn(again, asks))["c"] == (("b",), ())
    said = [call("x", {"id": "USR-77"}, "ok")]
    assert flow(turn(said, again, asks))["c"] == NONE


def test_what_was_passed_on_once_is_passed_on_again():
    first = [call("a", {}, {"id": "USR-77"})]
    asks = [[call(name, {"id": "USR-77"}, "ok")] for name in "bc"]
    assert flow(turn(first, *asks)) == {"a": NONE, "b": (("a",), ()), "c": (("a",), ())}


def test_what_was_read_once_is_known():
    assert flow(
        turn(
            [call("a", {}, {"name": "Annual budget", "id": "DOC-1"})],
            [call("b", {"query": "Annual budget 2025"}, "")],
            [call("c", {"id": "DOC-1"}, "")],
        )
    ) == {"a": NONE, "b": ((), ("a",)), "c": NONE}


def test_calls_of_one_message_have_not_seen_each_other():
    (step,) = [[call("a", {}, {"id": "USR-77"}), call("b", {"id": "USR-77"}, "")]]
    assert flow(turn(step))["b"] == NONE


def test_the_earliest_of_several_results_is_taken():
    first, second = [call("a", {}, {"id": "USR-77"})], [call("b", {}, {"id": "USR-77"})]
    assert flow(turn(first, second, [call("c", {"id": "USR-77"}, "")]))["c"] == (("a",), ())


def test_without_contents_nothing_is_known():
    after = [call("b", {"id": "USR-77"}, "")]
    assert flow(turn([call("a", {}, None, chars=40)], after))["b"] == UNKNOWN  # the result was not recorded
    assert flow(turn([call("a", {}, None, chars=0)], after))["b"] == NONE  # there was none
    assert flow(turn([call("a", {}, "x")], [call("b", None, "")]))["b"] == UNKNOWN  # the arguments were not recorded


def test_results_are_json_only_where_they_are_written_as_objects_or_arrays():
    assert recorded_result(' {"a": [1]}') == {"a": [1]}
    assert recorded_result("[1, 2]") == [1, 2]
    for text in ("null", "12", "[not json", '"text"', ""):
        assert recorded_result(text) == text


values = st.sampled_from(["USR-77", "src/a_b.py", 4711, "plain", True, None, {"id": "USR-77"}, "see src/a_b.py\nthere"])
steps = st.lists(st.tuples(st.dictionaries(st.sampled_from("xy"), values), values | st.none()), max_size=2)


@given(st.lists(st.tuples(st.sampled_from([None, "USR-77"]), st.lists(steps, max_size=4)), min_size=1, max_size=3))
def test_what_is_found_is_always_an_earlier_call_of_the_turn(drawn):
    turns, number = [], 0
    for prompt, messages in drawn:
        made = []
        for message in messages:
            made.append([call(f"c{number + k}", args, result) for k, (args, result) in enumerate(message, 1)])
            number += len(message)
        turns.append(turn(*made, prompt=prompt))
    for before, after in zip(turns, with_flow(turns), strict=True):
        here: set[str] = set()
        for old, new in zip(before.steps, after.steps, strict=True):
            for each in new.calls:
                assert set(each.deps or ()) | set(each.reads or ()) <= here
                assert not set(each.deps or ()) & set(each.reads or ())
            here |= {each.id for each in old.calls}
    if any(each.steps for each in turns):
        provenance = dict.fromkeys(["call.deps", "call.reads", "call.result_chars"], MARK)
        check_session(RecordedSession(session="s", source="test", turns=with_flow(turns), provenance=provenance))


pool = st.sampled_from(["USR-77", "alpha", "Alpha beta", 4711, 12.5, 12.4983, True, None, "x", 7])
objects = st.dictionaries(st.sampled_from("xyz"), pool, max_size=2)
dialogues = st.lists(
    st.tuples(st.sampled_from(["", "alpha", "It is 4711."]), st.lists(st.tuples(objects, objects), max_size=4)),
    min_size=1,
    max_size=3,
)


def by_references(dialogue):
    """deps and reads as the references and touches that a decoder with futures would write instead of the values."""
    numbers = itertools.count(1)
    observed = []
    for prompt, pairs in dialogue:
        calls = tuple(Call(next(numbers), "t", args) for args, _ in pairs)
        observed.append(Observed(prompt, calls, tuple(result for _, result in pairs)))
    found, touched = {}, set()
    for program in connect(observed)[0]:
        for statement in program.body:
            match statement:
                case Touch(futures):
                    touched = set(futures)
                case Call(future, _, args):
                    refs = {ref.future for ref in refs_in(dict(args))}
                    found[f"c{future}"] = ({f"c{ref}" for ref in refs}, {f"c{touch}" for touch in touched})
                    touched = set()
    return found


def by_results(dialogue):
    numbers = itertools.count(1)
    turns = [
        turn(*([call(f"c{next(numbers)}", args, result)] for args, result in pairs), prompt=prompt)
        for prompt, pairs in dialogue
    ]
    return {name: (set(deps), set(reads)) for name, (deps, reads) in flow(*turns).items()}


@given(dialogues)
def test_in_short_values_the_references_of_a_decoder_with_futures_are_found(dialogue):
    assert by_results(dialogue) == by_references(dialogue)


@pytest.mark.parametrize("kind", [0, 1], ids=["deps", "reads"])
def test_such_dialogues_sometimes_have_references_and_touches(kind):
    def has(dialogue):
        return any(found[kind] for found in by_references(dialogue).values())

    find(dialogues, has, settings=settings(phases=[Phase.generate], max_examples=1000))
