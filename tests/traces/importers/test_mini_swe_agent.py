"""mini-swe-agent: a cycle of model and tool is told apart only where the file says when each ended."""

import json
from collections import Counter

import pytest

from asyncfc_sim.traces.importers.source import ImportFault
from tests.trace_files import by_name, calls, hand_made, read, real, steps

KINDS = {"bash_inspect", "bash_python", "bash_test", "bash_git", "bash_install", "edit"}


def test_v1_knows_cycles_and_tells_the_model_only_where_the_tool_takes_no_time():
    (session,) = read(hand_made("mini_swe_agent_v1.traj.json"), "mini_swe_agent").sessions
    assert session.session == "task-3"
    assert [(step.llm_s, [call.kind for call in step.calls]) for step in session.steps()] == [
        (5.0, ["bash_inspect"]),
        (3.0, []),  # two commands in one message: refused, and nothing ran
        (4.0, ["edit"]),
        (None, ["bash_test"]),  # 68 s of model and test together
        (None, ["bash_git"]),  # nothing came after it
    ]
    assert {call.exec_s for call in session.calls()} == {None}
    assert session.provenance["step.llm_s"] == "derived"


def test_v1_has_tokens_contents_and_what_failed():
    imported = read(hand_made("mini_swe_agent_v1.traj.json"), "mini_swe_agent")
    (session,) = imported.sessions
    first = steps(imported)[0]
    assert (first.model, first.prompt_tokens, first.cached_tokens, first.out_tokens) == ("gemini-3", 100, 64, 30)
    assert session.turns[0].prompt == "Fix the bug."
    look, edit, test, submit = calls(imported)
    assert (look.args, look.effect) == ({"command": "cat a.py"}, "read")
    assert (look.result, look.result_chars) == ("<returncode>0</returncode>\n<output>\nx = 1\n</output>", 51)
    assert (edit.effect, edit.error) == ("write", False)
    assert test.error  # it was killed
    assert (submit.result, submit.error) == (None, False)


def test_v2_stamps_answers_and_results():
    imported = read(hand_made("mini_swe_agent_v2.traj.json"), "mini_swe_agent")
    look, test, submit = steps(imported)
    # When the first request was made is not known, the others follow the results before them.
    assert [step.llm_s for step in (look, test, submit)] == [None, 1.5, 1.5]
    assert [(call.id, call.exec_s, call.error) for call in look.calls] == [("c1", 0.25, False)]
    # 6 s for both, of which nobody knows the shares.
    assert [(call.id, call.exec_s, call.error) for call in test.calls] == [("c2", 3.0, True), ("c3", 3.0, False)]
    assert [(call.id, call.exec_s) for call in submit.calls] == [("c4", None)]
    assert imported.sessions[0].provenance["step.llm_s"] == "measured"
    assert imported.sessions[0].provenance["call.exec_s"] == "derived"


def test_v2_without_messages_of_several_commands_measures_tools(tmp_path):
    with open(hand_made("mini_swe_agent_v2.traj.json")) as file:
        document = json.load(file)
    del document["messages"][4:7]
    path = tmp_path / "a.traj.json"
    path.write_text(json.dumps(document))
    (session,) = read(str(path), "mini_swe_agent").sessions
    assert session.provenance["call.exec_s"] == "measured"


def test_the_shortened_form_has_kinds_and_arrivals():
    sessions = by_name(read(hand_made("mini_swe_agent_short.jsonl"), "mini_swe_agent"))
    assert {name: session.arrival_s for name, session in sessions.items()} == {"task-1": 10.0, "task-2": 0.0}
    task = sessions["task-1"]
    assert [(step.llm_s, step.prompt_tokens, step.out_tokens) for step in task.steps()] == [
        (4.0, 1000, 100),
        (None, 1300, 40),
        (3.0, 1600, 30),
        (None, 1700, 50),
    ]
    assert [(call.kind, call.effect, call.error, call.result_chars) for call in task.calls()] == [
        ("bash_inspect", "read", False, 300),
        ("bash_test", "write", True, 900),
        ("edit", "write", True, 459),
        ("bash_git", "write", False, 700),
    ]


def test_a_long_command_was_cut_and_is_not_shown_as_whole(tmp_path):
    step = {"created": 1700000000, "kind": "python", "command": "python -c '" + "x" * 389, "returncode": 0}
    path = tmp_path / "short.jsonl"
    path.write_text(json.dumps({"instance_id": "a", "steps": [step]}) + "\n")
    (call,) = calls(read(str(path), "mini_swe_agent"))
    assert (call.args, call.effect, call.kind) == (None, None, "bash_python")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"created": 1600000000}, "times run backwards"),
        ({"created": 1700000014000}, "mixed units: the time 1700000014000 is in milliseconds"),
        ({"created": None}, "a time is missing"),
        ({"kind": "dance"}, "step 2: kind is 'dance'; expected edit, inspect"),
        ({"completion_tokens": -1}, "completion_tokens is -1"),
    ],
)
def test_a_broken_task_is_told_with_its_line(tmp_path, change, message):
    with open(hand_made("mini_swe_agent_short.jsonl")) as lines:
        broken, good = json.loads(next(lines)), next(lines)
    broken["steps"][1] |= change
    path = tmp_path / "short.jsonl"
    path.write_text(json.dumps(broken) + "\n" + good)
    with pytest.raises(ImportFault) as fault:
        read(str(path), "mini_swe_agent")
    assert str(fault.value).startswith(f"{path}:1: {message}")
    assert list(by_name(read(str(path), "mini_swe_agent", broken="skip"))) == ["task-2"]


@pytest.fixture(name="recorded", scope="module")
def recorded_tasks():
    return read(real("mini-swe-agent-gemini3pro/steps_compact.jsonl.gz"), "mini_swe_agent")


def test_the_recorded_steps(recorded):
    assert (len(recorded.sessions), len(steps(recorded))) == (500, 20_163)
    kinds = Counter(call.kind for call in calls(recorded))
    assert kinds.keys() == KINDS
    assert (kinds["bash_test"], kinds["edit"]) == (1_515, 4_050)


def test_the_recorded_example_agrees_with_its_shortened_form(recorded):
    (whole,) = read(real("mini-swe-agent-gemini3pro/example.traj.json"), "mini_swe_agent").sessions
    short = by_name(recorded)[whole.session]
    both = list(zip(whole.steps(), short.steps(), strict=True))
    assert len(both) == 19
    for one, other in both:
        assert (one.prompt_tokens, one.out_tokens, one.llm_s) == (other.prompt_tokens, other.out_tokens, other.llm_s)
        (call,), (cut,) = one.calls, other.calls
        assert (call.result_chars, call.effect) == (cut.result_chars, cut.effect)
        assert cut.args in (call.args, None)
