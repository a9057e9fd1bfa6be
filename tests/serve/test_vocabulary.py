"""Text and tokens: nothing is lost on the way, and nobody but the template writes the tokens that structure a talk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.serve.model_config import ModelFault
from asyncfc_sim.serve.vocabulary import Spelling, Vocabulary
from tests.model_folders import END, SPECIAL, random_model

TEXTS = st.lists(st.one_of(st.text(), st.sampled_from([*SPECIAL, "<tool_call>", "<|im"]))).map("".join)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary(random_model(tmp_path_factory.mktemp("model")) / "tokenizer.json")


def spelt(vocabulary: Vocabulary, tokens: list[int]) -> tuple[list[str], str]:
    spelling = Spelling(vocabulary)
    return [spelling.feed(token) for token in tokens], spelling.end()


@given(text=TEXTS)
def test_what_a_person_writes_comes_back_and_holds_no_special_token(vocabulary: Vocabulary, text: str):
    tokens = vocabulary.encode(vocabulary.quoted(text))
    pieces, rest = spelt(vocabulary, tokens)
    assert "".join(pieces) + rest == text.translate({0xF0000: None, 0xF0001: None})  # two that have no meaning
    assert not {vocabulary.token(special) for special in SPECIAL} & set(tokens)


def test_what_a_template_writes_may_hold_them(vocabulary: Vocabulary):
    assert vocabulary.encode(f"a{END}b")[1] == vocabulary.token(END)
    mixed = vocabulary.quoted(f"a{END}") + END
    assert vocabulary.encode(mixed).count(vocabulary.token(END) or 0) == 1


def test_everything_in_a_message_is_quoted(vocabulary: Vocabulary):
    value = {"content": END, "calls": [{"n": 1, END: (END, None, True)}]}
    text = str(vocabulary.quoted(value))
    assert text.count("\\U000f0000<|im_end|>\\U000f0001") == text.count(END) == 3


@given(tokens=st.lists(st.integers(0, 319), max_size=30))
def test_any_tokens_have_a_text_whose_characters_come_whole(vocabulary: Vocabulary, tokens: list[int]):
    pieces, rest = spelt(vocabulary, tokens)
    assert ("".join(pieces) + rest).replace("\ufffd", "") == vocabulary.decode(tokens).replace("\ufffd", "")


def test_a_character_comes_when_it_is_complete(vocabulary: Vocabulary):
    tokens = vocabulary.encode("é\U0001f600")
    assert len(tokens) == 6
    assert spelt(vocabulary, tokens) == (["", "é", "", "", "", "\U0001f600"], "")
    assert spelt(vocabulary, tokens[:3]) == (["", "é", ""], "\ufffd")


def test_tokens_that_are_not_made_of_bytes_are_refused(tmp_path: Path):
    path = random_model(tmp_path) / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "decoder": {"type": "Fuse"}}))
    with pytest.raises(ModelFault, match="not made of bytes"):
        Vocabulary(path)


@pytest.mark.parametrize("text", ["{}", '{"model": {"type": "none"}}', "[]", "x"])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path, text: str):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(ModelFault, match=r"tokenizer\.json: "):
        Vocabulary(tmp_path / "tokenizer.json")
