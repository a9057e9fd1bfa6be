"""The end of a JSON object in text that is still coming: json.loads is the judge, however the text is cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.live.braces import Braces

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
objects = st.dictionaries(st.text(), values, max_size=4)


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces, some of them perhaps empty."""
    at = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


def end_of(pieces: list[str]) -> int | None:
    """Where the value ends, if it does."""
    braces, taken = Braces(), 0
    for piece in pieces:
        taken += braces.feed(piece)
    return taken if braces.closed else None


@given(st.data(), objects, st.sampled_from([None, 2]), st.booleans(), st.sampled_from(["", " \n\t"]), st.text())
def test_an_object_ends_where_json_says_so(data, value, indent, ascii, space, rest):
    text = space + json.dumps(value, indent=indent, ensure_ascii=ascii)
    assert end_of(data.draw(cut(text + rest))) == len(text)


@given(st.data(), objects)
def test_no_part_of_an_object_is_taken_for_the_whole(data, value):
    text = json.dumps(value)
    assert end_of(data.draw(cut(text[: data.draw(st.integers(0, len(text) - 1))]))) is None


@given(st.data(), objects, st.text())
def test_a_string_around_an_object_ends_with_its_quote(data, value, rest):
    text = json.dumps(json.dumps(value))
    assert end_of(data.draw(cut(text + rest))) == len(text)


@pytest.mark.parametrize("text", ["[1, {}]", "null", "12", "true"])
def test_what_is_not_an_object_has_no_end(text: str):
    assert end_of([*text, "{}", '"']) is None


def test_what_lies_between_the_braces_need_not_be_json():
    assert end_of(["{'a': ", "[}", "}"]) == len("{'a': [}")


def test_each_character_is_looked_at_once():
    """Half a megabyte, character by character: quadratic work would take minutes."""
    braces = Braces()
    for character in '{"text": "' + 'a\\"{' * 125_000 + '"}':
        assert braces.feed(character) == 1
    assert braces.closed
