"""BFCL results: messages with their times and tokens, calls in every notation, results from the log."""

import gzip
import json

import pytest

from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import by_name, calls, hand_made, read, steps

FLAT, NESTED = hand_made("bfcl_result_flat.json"), hand_made("bfcl_result_nested.json")


def record(**fields):
    return {"id": "c", "result": "text", "input_token_count": 1, "output_token_count": 2, "latency": 0.5, **fields}


def nested(result, latency):
    return record(result=result, latency=latency, input_token_count=None, output_token_count=None)


def written(tmp_path, *records, name="r.json"):
    path = tmp_path / name
    path.write_text("".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in records))
    return str(path)


def test_flat_files_have_one_message_a_case():
    imported = read(FLAT, "bfcl_result")
    assert [
        (session.session, step.prompt_tokens, step.out_tokens, step.llm_s, step.ttft_s)
        for session in imported.sessions
        for step in session.steps()
    ] == [
        ("parallel_0", 175, 64, 1.5, None),
        ("parallel_1", 90, 30, 0.8, None),
        ("relevance_0", 80, 12, 0.5, None),
    ]


def test_calls_are_read_as_json_and_as_python():
    assert [(call.id, call.tool, call.args) for call in calls(read(FLAT, "bfcl_result"))] == [
        ("1.1", "add", {"a": 1, "b": 2}),
        ("1.2", "primes", {"upto": 100}),
        ("1.1", "weather", {"city": "Oslo", "days": 3}),
        ("1.2", "math.sqrt", {"1": 16}),
    ]


def test_nested_files_have_turns_with_prompts_and_results():
    session = by_name(read(NESTED, "bfcl_result"))["multi_turn_base_0"]
    assert [turn.prompt for turn in session.turns] == ["Tell Ann hi, and find flights to Oslo.", "Book the first."]
    assert [[(step.prompt_tokens, step.out_tokens, step.llm_s) for step in turn.steps] for turn in session.turns] == [
        [(300, 20, 1.25), (340, 48, 2.5), (400, 9, 0.75)],
        [(450, 18, 1.0), (500, 6, 0.5)],
    ]
    assert [(call.id, call.tool, call.result, call.result_chars, call.error) for call in session.calls()] == [
        ("1.1.1", "find_user", {"id": "USR-77"}, 16, False),
        ("1.2.1", "list_flights", {"flights": ["SK-404", "DY-12"]}, 32, False),
        ("1.2.2", "send", {"error": "no such receiver"}, 29, True),
        ("2.1.1", "book", "None", 4, False),
    ]


def test_values_flow_from_results_to_arguments():
    session = by_name(read(NESTED, "bfcl_result"))["multi_turn_base_0"]
    assert {call.id: (call.deps, call.reads) for call in session.calls()} == {
        "1.1.1": ((), ()),
        "1.2.1": ((), ()),
        "1.2.2": (("1.1.1",), ()),
        "2.1.1": ((), ()),  # the flight is from an earlier turn, the user has seen it
    }
    assert session.provenance["call.deps"] == "derived"


def test_without_a_log_nothing_is_known_of_results():
    first, second = by_name(read(NESTED, "bfcl_result"))["multi_turn_base_1"].calls()
    assert (first.result, first.result_chars, second.deps, second.reads) == (None, None, None, None)


def test_counts_that_fall_are_not_of_whole_prompts():
    sessions = by_name(read(NESTED, "bfcl_result"))
    assert [step.prompt_tokens for step in sessions["multi_turn_base_1"].steps()] == [None, None, None]
    assert "step.prompt_tokens" not in read_sessions(NESTED).sessions[1].provenance


def test_the_ends_of_calls_are_counted_back_from_the_end_of_the_message():
    first, second = by_name(read(FLAT, "bfcl_result"))["parallel_0"].calls()
    # ["primes", {"upto": 100}] has 25 characters, about 6 tokens of the 64.
    assert (first.emit_tok, second.emit_tok) == (58, 64)


def test_a_count_too_small_for_the_calls_is_shared_by_their_lengths(tmp_path):
    names = ["a" * 50, "b" * 150]
    path = written(tmp_path, record(result=[{names[0]: "{}"}, {names[1]: "{}"}], output_token_count=20))
    first, second = calls(read(path, "bfcl_result"))
    assert first.emit_tok is not None
    assert (4 <= first.emit_tok <= 6, second.emit_tok) == (True, 20)


def test_arguments_that_are_no_object_are_a_call_that_failed(tmp_path):
    path = written(tmp_path, record(result=[{"f": "{not json"}, {"g": "[1]"}, {"h": ""}, {"i": {"x": 1}}]))
    assert [(call.args, call.error) for call in calls(read(path, "bfcl_result"))] == [
        (None, True),
        (None, True),
        ({}, False),
        ({"x": 1}, False),
    ]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("f(x=-1, y=[1, 'a'], z=None)", {"x": -1, "y": [1, "a"], "z": None}),
        ("```python\n[f(x=g)]\n```", {"x": "g"}),  # not a literal: the text
        (["f(x=1)"], {"x": 1}),
        ("I would call f(x=1).", None),
        ("[f(x=1), 2]", None),
        ("f(x=1", None),
        ("", None),
    ],
)
def test_python_calls(tmp_path, result, expected):
    found = list(calls(read(written(tmp_path, record(result=result)), "bfcl_result")))
    assert [call.args for call in found] == ([] if expected is None else [expected])


def test_the_model_is_that_of_the_folder(tmp_path):
    folder = tmp_path / "result" / "model-x" / "multi_turn"
    folder.mkdir(parents=True)
    (step,) = steps(read(written(folder, record()), "bfcl_result"))
    assert step.model == "model-x"
    (step,) = steps(read(written(tmp_path, record()), "bfcl_result"))
    assert step.model is None


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("{", "broken JSON"),
        (record(latency=-1), "latency is -1; expected a number that is not negative"),
        (record(output_token_count="many"), "output_token_count is 'many'; expected a whole number"),
        (record(result=7), "a message is 7; expected calls or a text"),
        (record(result=[7]), "a call is 7"),
        (record(result="Error during inference: no answer"), "no message of a model"),
        ({"result": "x", "latency": 1}, "id is missing"),
        (nested([["a", "b"]], [[1.0]]), "latency has no number for message 2 of turn 1"),
        (nested([["a"], ["b"]], [[1.0]]), "latency has no number for message 1 of turn 2"),
        (record(result=[["a"]]), "has no number for message 1 of turn 1"),
    ],
)
def test_a_broken_line_is_named_or_skipped_and_counted(tmp_path, broken, words):
    path = written(tmp_path, record(), broken, record(id="d"))
    with pytest.raises(ImportFault, match=r"r\.json:2: ") as fault:
        read(path, "bfcl_result")
    assert words in str(fault.value)
    imported = read(path, "bfcl_result", "skip")
    assert [session.session for session in imported.sessions] == ["c", "d"]
    assert len(imported.faults) == 1
    assert words in imported.faults[0]


def test_numbers_may_be_missing(tmp_path):
    path = written(tmp_path, {"id": "c", "result": [{"f": "{}"}], "latency": None, "output_token_count": 5})
    (step,) = steps(read(path, "bfcl_result"))
    assert (step.prompt_tokens, step.out_tokens, step.llm_s) == (None, 5, None)


def test_compressed_files_are_the_same(tmp_path):
    path = tmp_path / "r.json.gz"
    with open(NESTED, "rb") as plain:
        path.write_bytes(gzip.compress(plain.read()))
    one, other = read_sessions(NESTED), read_sessions(str(path))
    assert [session.turns for session in one.sessions] == [session.turns for session in other.sessions]
