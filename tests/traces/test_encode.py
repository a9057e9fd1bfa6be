"""Errors of a trace are the errors of the core, and what is none is refused."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.values import Effects, ErrorKind, ErrorValue
from asyncfc_sim.traces.encode import error_from_json, plain

errors = st.builds(
    ErrorValue,
    kind=st.sampled_from(get_args(ErrorKind)),
    message=st.text(),
    origin=st.none() | st.integers(1, 999),
    retryable=st.booleans(),
    effects=st.sampled_from(get_args(Effects)),
)


@given(errors)
def test_an_error_comes_back_from_its_json(error: ErrorValue) -> None:
    assert error_from_json(plain(error)) == error


def test_what_an_error_may_leave_out() -> None:
    assert error_from_json({"kind": "tool_error"}) == ErrorValue("tool_error", "")


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ({"kind": "odd"}, "no error of the kind 'odd'; there are tool_error, timeout"),
        ({"kind": "tool_error", "origin": "f1"}, "the origin is 'f1'; expected a future"),
        ({"kind": "tool_error", "origin": "$f1.x"}, "the origin is '$f1.x'"),
        ({"kind": "tool_error", "origin": 1}, "the origin is 1"),
        ({"kind": "tool_error", "effects": "some"}, "effects are 'some'; expected one of none, applied, unknown"),
    ],
)
def test_what_is_no_error(written: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault.replace("$", r"\$").replace(".", r"\.")):
        error_from_json(written)
