"""What is fed to a session can be written down and read back, and nothing changes on the way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.events import End, Fail, Finish
from asyncfc_sim.core.session_events import CallClosed, Decide, MessageEnd, TimerFired, UserMessage
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.live.inputs import Closing, Input, Resumed, from_row, to_row
from tests.strategies import json_values, names, templates

text = st.text()
future = st.integers(1, 99)
errors = st.builds(
    ErrorValue,
    st.sampled_from(["tool_error", "timeout", "cancelled", "dependency_failed", "not_executed", "invalid_argument"]),
    text,
    st.none() | future,
    st.booleans(),
    st.sampled_from(["none", "applied", "unknown"]),
)
inputs: st.SearchStrategy[Any] = st.one_of(
    st.builds(UserMessage, text),
    st.builds(CallClosed, text, text, st.dictionaries(names(), templates([1, 2, 3])) | errors, st.none() | text),
    st.builds(MessageEnd, st.none() | text),
    st.builds(TimerFired, st.tuples(st.sampled_from(["grace", "await", "timeout", "retry"]), future)),
    st.builds(Decide, future, st.booleans()),
    st.builds(Finish, future, json_values()),
    st.builds(Fail, future, errors),
    st.builds(End, future),
    st.sampled_from([Closing(), Resumed()]),
)


@given(inputs)
def test_what_is_written_is_what_is_read(given_: Input):
    kind, body = to_row(given_)
    assert from_row(kind, json.loads(json.dumps(body, allow_nan=False))) == given_


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        ("guess", {}, "no input of the kind 'guess'"),
        ("finish", {"future": 1}, "'finish' lacks the field 'value'"),
        ("fail", {"future": 1, "error": {"kind": "bad"}}, "no error of the kind 'bad'"),
    ],
)
def test_a_broken_row_is_named(kind: str, body: dict[str, Any], why: str):
    with pytest.raises(ValueError, match=why):
        from_row(kind, body)


def test_what_is_not_json_is_refused():
    with pytest.raises(ValueError, match="not JSON"):
        to_row(Finish(1, object()))
