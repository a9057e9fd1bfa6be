"""Prompts from files, and answers held against what was expected."""

import pytest

from asyncfc_sim.studies.bench_expected import meets
from asyncfc_sim.studies.bench_prompts import Prompt, PromptsError, read_prompts


def written(tmp_path, text, name="prompts.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_text_is_one_prompt_a_line_named_by_its_line(tmp_path):
    path = written(tmp_path, "\ufefffirst one\n\n  {second} \n")
    assert read_prompts(path) == [Prompt("1", "first one"), Prompt("3", "{second}")]
    assert read_prompts(path, 1) == [Prompt("1", "first one")]


@pytest.mark.parametrize("name", ["prompts.jsonl", "prompts.txt"])
def test_json_lines_may_say_what_is_expected(tmp_path, name):
    path = written(
        tmp_path, '{"prompt": "a", "expected": {"x": [1]}}\n{"prompt": "b", "id": 7, "output_tokens": 9}\n', name
    )
    assert read_prompts(path) == [Prompt("1", "a", {"x": [1]}), Prompt("7", "b")]


def test_a_prompt_may_be_several_messages_of_the_user(tmp_path):
    (prompt,) = read_prompts(written(tmp_path, '{"prompt": ["a", "b", "c"], "id": 1}', "prompts.jsonl"))
    assert prompt.texts == ("a", "b", "c")
    assert Prompt("1", "a").texts == ("a",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no prompt in it"),
        ('{"prompt": "a"}\n[1]\n', ":2: expected a JSON object"),
        ('{"prompt": "a"}\n{"prompt": \n', ":2: broken JSON"),
        ('{"prompt": " "}', ":1: prompt: expected a text"),
        ('{"prompt": []}', ":1: prompt: expected a text"),
        ('{"prompt": ["a", 5]}', ":1: prompt: expected a text"),
        ('{"prompt": "a", "expect": 5}', ":1: expect: expected only prompt, id, expected"),
        ('{"prompt": "a", "id": 1}\n{"prompt": "b", "id": "1"}', ":2: two prompts have the id '1'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, complaint):
    with pytest.raises(PromptsError, match=complaint):
        read_prompts(written(tmp_path, text, "prompts.jsonl"))


def test_more_prompts_than_there_are_and_other_files(tmp_path):
    with pytest.raises(PromptsError, match="1 prompts, not 2; --repeats"):
        read_prompts(written(tmp_path, "one"), 2)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PromptsError, match="not UTF-8, byte 1"):
        read_prompts(tmp_path / "binary")
    with pytest.raises(FileNotFoundError):
        read_prompts(tmp_path / "missing")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The sum  is\nFIVE.", "sum is five"),
        ("It is 5.", 5),
        ("total: 3,664,088 people", 3664088),
        ("-2.50 degrees", -2.5),
        ('{"b": [1, true], "a": 2.0}', {"a": 2, "b": [1, True]}),
        ('Here it is:\n```json\n{"a": 2}\n```\n', {"a": 2}),
        ("[1, 2]", [1, 2]),
        ("true", True),
    ],
)
def test_right_answers(answer, expected):
    assert meets(answer, expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", "five"),
        ("It is 15, or 5.1, or v5, or 50.", 5),
        ("25 degrees", -25),
        ('{"a": 2, "b": 1}', {"a": 2}),
        ('{"a": true}', {"a": 1}),
        ("[2, 1]", [1, 2]),
        ("no JSON", {"a": 2}),
        ("", 0),
    ],
)
def test_wrong_answers(answer, expected):
    assert not meets(answer, expected)
