"""A schedule is one line of text, and reads back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.events import Cancel, Deliver, End, Timeout
from asyncfc_sim.verify.schedules import ScheduleError, format_schedule, parse_schedule

futures = st.integers(1, 999)
moves = st.one_of(
    st.integers(0, 999),
    st.builds(Cancel, futures),
    st.builds(Timeout, futures),
    st.builds(End, futures),
    st.builds(Deliver, st.lists(futures, min_size=1, max_size=3).map(tuple)),
)


@given(st.lists(moves))
def test_what_is_written_reads_back(schedule):
    assert parse_schedule(format_schedule(schedule)) == tuple(schedule)


def test_it_is_short():
    assert format_schedule([0, 0, 2, Cancel(1), Deliver((2, 3))]) == "d d f2 cancel:f1 deliver:f2+deliver:f3"


@pytest.mark.parametrize("token", ["x", "f0", "f01", "F1", "cancel:1", "cancel:", "deliver:f1+f2", "f1,f2", "f"])
def test_anything_else_is_refused_with_its_place(token):
    with pytest.raises(ScheduleError, match=r"move 2: .* is none; expected d, f1"):
        parse_schedule(f"d {token}")
