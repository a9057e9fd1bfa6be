"""Which numbers look made up: none that was shown, and nothing is proved by a small one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core import messages
from asyncfc_sim.core.references import Ref, Text, parse_string
from asyncfc_sim.core.suspects import Suspects
from tests.strategies import json_values


def suspects(written: Any, *shown: str) -> int:
    return Suspects().among(written, [{"role": "user", "content": text} for text in shown])


@pytest.mark.parametrize(
    "written", [3645, 36.45, "3645 people", "about 3,645,001.", ["x", {"y": "(36.45)"}], 0.00123, -365]
)
def test_a_number_that_stands_nowhere_is_suspect(written: Any) -> None:
    assert suspects(written, "how many people live in Berlin?") == 1


@pytest.mark.parametrize(
    "written",
    [
        0,
        7,
        12,
        -3,
        0.5,
        4000,
        2.50,
        1999,
        2026,
        True,
        None,
        "2026-11-27",
        "14:05",
        "A4821",
        "0x4821",
        "3e821",
        1.25e-07,
    ],
)
def test_these_prove_little(written: Any) -> None:
    assert suspects(written) == 0


def test_numbers_that_are_no_numbers_of_things_are_not_looked_at() -> None:
    assert suspects([float("inf"), float("nan"), 10**5000, 1234567890123456789, "1" * 5000]) == 0


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("it costs 3645", "3,645"),
        ("it costs 3,645 EUR", 3645),
        ("A4821", "order 4821"),
        ("[1234,567]", [1234, 567]),
        ("-36.450", 36.45),
        ("100 and 245", 345),  # their sum,
        ("999 and 345", 654),  # difference,
        ("123 and 3", 369),  # product
        ("369 and 3", 123),  # and quotient
        ("3644.7", 3645),
        ("12.3456", "12.35"),
    ],
)
def test_what_was_shown_or_follows_from_it_is_not(shown: str, written: Any) -> None:
    assert suspects(written, shown) == 0
    assert suspects(written, "nothing") > 0


def test_references_are_no_numbers_of_the_model() -> None:
    assert suspects([Ref(123, ("items", 456)), Text(("it is ", Ref(123)))]) == 0
    assert suspects(Text(("it is 789 or ", Ref(123)))) == 1


def test_what_the_model_wrote_itself_it_may_write_again() -> None:
    made = Suspects()
    calls = [("call_1", "pure", messages.arguments({"x": 4821}))]
    transcript = [messages.assistant_message("the limit is 365", calls)]
    assert made.among("4821 and 365", transcript) == 0
    assert made.among(777, transcript) == 1
    assert made.among([777, 777], transcript) == 0, "once is enough"


def test_a_message_that_was_replaced_is_read_again() -> None:
    made, transcript = Suspects(), [messages.tool_message("1", messages.placeholder(1))]
    assert made.among(4821, transcript) == 1
    transcript[0] = messages.tool_message("1", "5932")
    assert made.among(5932, transcript) == 0


def test_among_very_many_numbers_nothing_is_suspect() -> None:
    assert suspects(777777, " ".join(map(str, range(2000, 2400)))) == 0


def test_of_a_long_result_no_more_numbers_are_kept_than_make_a_difference() -> None:
    made = Suspects()
    made.read(",".join(map(str, range(100_000))))
    assert len(made._met) < 1000
    assert made.among(777777, []) == 0


@given(value=json_values())
def test_no_number_of_a_result_is_suspect_however_it_is_written_again(value: Any) -> None:
    shown = messages.result(value)
    assert suspects(value, shown) == 0
    assert suspects(shown, shown) == 0


@given(text=st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    made = Suspects()
    assert made.among(parse_string(text), [{"role": "user", "content": text}]) == 0
    assert made.among(json.dumps(text), []) == 0
