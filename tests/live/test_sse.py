"""The data of server-sent events, however the bytes are cut."""

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.live.sse import Events

STREAM = (
    ': a comment\r\nevent: x\r\ndata: {"a": "ü"}\r\n\r\ndata:two\n\ndata: three\ndata:\n\nid: 7\ndata: [DONE]'.encode()
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=10).map(sorted))
def test_any_cut_gives_the_same_events(at):
    events = Events()
    found = [data for a, b in zip([0, *at], [*at, len(STREAM)], strict=True) for data in events.feed(STREAM[a:b])]
    assert [*found, *events.end()] == ['{"a": "ü"}', "two", "three", "[DONE]"]


def test_an_event_is_there_with_the_end_of_its_line():
    assert Events().feed(b"data: now\n") == ["now"]


def test_bytes_that_are_no_text_do_no_harm():
    assert Events().feed(b"data: \xff\n") == ["\ufffd"]
