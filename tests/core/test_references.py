"""References inside strings: what is one, what is text, and that writing and reading are inverse."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asyncfc_sim.core.references import Path, Ref, Text, format_path, format_string, parse_reference, parse_string

# What decides between reference and text, and everything that JSON and RFC 9535 escape.
TROUBLE = "$f{}0123.[]'\"\\- \n\t\x00\x7fé日"
texts = st.text(st.sampled_from(TROUBLE), max_size=12) | st.text(max_size=6)
names = st.sampled_from(["id", "items", "_", "a b", "", "x'y", '"', "\\", "0", "é", "$f1", "${f1}"]) | texts
paths = st.lists(st.integers(-3, 12) | names, max_size=3).map(tuple)
refs = st.builds(Ref, st.integers(1, 40), paths)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("$f3", Ref(3)),
        ("$f12.items[0].id", Ref(12, ("items", 0, "id"))),
        ("$f1[-1]", Ref(1, (-1,))),
        ("$f1['a b']", Ref(1, ("a b",))),
        ("$f1[\"a 'b'\"]", Ref(1, ("a 'b'",))),
        (r"$f1['it\'s']", Ref(1, ("it's",))),
        (r"$f1['\u00e9\n']", Ref(1, ("é\n",))),
        ("$f1.é", Ref(1, ("é",))),
    ],
)
def test_a_string_that_is_all_reference_is_a_reference(text: str, ref: Ref) -> None:
    assert parse_string(text) == ref


PLAIN = [
    *("", "$", "$$", "$5.00", "$f", "$f0", "$f01", "$F1", "$ f1", "$f1 ", " $f1", "$f1\n", "f1", "$f1 and $f2"),
    *("$f1.", "$f1[", "$f1[01]", "$f1[-0]", "$f1[*]", "$f1..x", "$f1.0", "$f1234567890", "$f1[1234567890123456]"),
    *("${f0}", "${f1", "{f1}", "${f1 }", "${x}"),
]


@pytest.mark.parametrize("text", PLAIN)
def test_anything_else_is_text_and_stays_as_it_is(text: str) -> None:
    assert parse_string(text) == text


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("five: ${f3.total}", Text(("five: ", Ref(3, ("total",))))),
        ("${f1}", Text((Ref(1),))),  # text, unlike $f1: the value is turned into a string
        ("${f1}${f2}!", Text((Ref(1), Ref(2), "!"))),
        ("$$f3", "$f3"),
        ("$$$f3", "$$f3"),
        ("$${f3}", "${f3}"),
        ("$$${f3}", Text(("$", Ref(3)))),
        ("$$$${f3}", "$${f3}"),
        ("$$ $$5", "$$ $$5"),  # a doubled dollar is one only where it would start a reference
        ("a $f1 in the middle", "a $f1 in the middle"),
    ],
)
def test_dollars(text: str, template: object) -> None:
    assert parse_string(text) == template
    assert isinstance(template, str | Ref | Text)
    assert format_string(template) == text


@given(texts)
@example("${f3['${f1}']}")
def test_reading_what_was_written_gives_the_same_text(text: str) -> None:
    assert parse_string(format_string(text)) == text


@given(refs)
def test_reading_what_was_written_gives_the_same_reference(ref: Ref) -> None:
    assert parse_string(format_string(ref)) == ref
    assert parse_reference(str(ref)[1:]) == ref
    assert parse_string(format_string(Text((ref,)))) == Text((ref,))


@given(st.lists(texts | refs.map(lambda ref: "${" + str(ref)[1:] + "}"), max_size=5).map("".join))
def test_writing_what_was_read_and_reading_it_again_changes_nothing(text: str) -> None:
    template = parse_string(text)
    assert parse_string(format_string(template)) == template
    match template:
        case Text(parts):  # in normal form: no empty text, no two texts side by side, at least one reference
            assert "" not in parts
            assert any(isinstance(part, Ref) for part in parts)
            assert not any(isinstance(a, str) and isinstance(b, str) for a, b in itertools.pairwise(parts))


@given(st.lists(texts.map(lambda text: text.replace("{", "(")) | refs, min_size=1, max_size=5))
def test_texts_with_references_survive_the_round_trip(parts: list[str | Ref]) -> None:
    normal: list[str | Ref] = []
    for part in parts:
        if isinstance(part, str) and normal and isinstance(last := normal[-1], str):
            normal[-1] = last + part
        elif part != "":
            normal.append(part)
    if any(isinstance(part, Ref) for part in normal):
        assert parse_string(format_string(Text(tuple(normal)))) == Text(tuple(normal))


@given(paths)
def test_a_path_is_written_with_short_names_where_they_are_allowed(path: Path) -> None:
    text = format_path(path)
    for segment in path:
        if isinstance(segment, str) and segment.isascii() and segment.isidentifier():
            assert f".{segment}" in text


def test_a_quoted_reference_may_stand_inside_the_double_quotes_of_json() -> None:
    assert str(Ref(1, ("a b", 'say "hi"', "it's"))) == "$f1['a b']['say \"hi\"']['it\\'s']"
    assert str(Ref(1, ("items", -1, "id"))) == "$f1.items[-1].id"
