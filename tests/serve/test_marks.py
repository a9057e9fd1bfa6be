"""Marks are found however the text is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.serve.marks import Stops, begun

LETTERS = st.text("ab<", max_size=12)
MARKS = st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3).map(tuple)


@given(LETTERS, st.text("ab<", min_size=1, max_size=4))
def test_begun_is_the_longest_end_that_begins_the_mark(text: str, mark: str):
    ends = [n for n in range(len(mark)) if text.endswith(mark[:n])]
    assert begun(text, mark) == max(ends)


@given(st.lists(LETTERS, max_size=8), MARKS)
def test_text_is_passed_on_up_to_the_first_mark(pieces: list[str], marks: tuple[str, ...]):
    stops, passed = Stops(marks), ""
    for piece in pieces:
        passed += stops.feed(piece)
        if stops.reached:
            break
    whole = "".join(pieces)
    if stops.reached:
        assert any(whole.startswith(passed + mark) for mark in marks)
        assert not any(mark in passed for mark in marks)
    else:
        assert passed + stops.end() == whole
        assert not any(mark in whole for mark in marks)


def test_what_cannot_be_a_mark_is_not_held_back():
    stops = Stops(("stop",))
    assert [stops.feed(piece) for piece in ("a st", "ay ", "s", "top now")] == ["a ", "stay ", "", ""]
    assert stops.reached
