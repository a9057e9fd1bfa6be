"""Times: whatever the notation, the same seconds; a file that changes its notation is faulty."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.traces.importers.records import FieldFault
from asyncfc_sim.traces.importers.times import Clock, elapsed

UNITS = {"seconds": 1, "milliseconds": 1000, "microseconds": 10**6, "nanoseconds": 10**9}
moments = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(moments)
def test_one_moment_is_the_same_in_every_notation(moment: datetime):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    seconds = moment.timestamp()
    whole_ms = round(seconds * 1000)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    notations = [
        moment.isoformat(),
        moment.isoformat().replace("+00:00", "Z"),
        moment.replace(tzinfo=None).isoformat(" "),  # Azure's: no zone, read as UTC
        elsewhere.isoformat(),
        seconds,
        whole_ms,
        whole_ms * 1000,
        whole_ms * 10**6,
        str(whole_ms * 10**6),  # OpenTelemetry's: JSON has no integers that large
    ]
    assert [Clock().seconds(notation) for notation in notations] == pytest.approx([seconds] * len(notations), abs=1e-5)


def test_seven_digits_of_a_second_are_read():
    assert Clock().seconds("2023-11-16 18:17:03.9799600") == pytest.approx(1700158623.97996, abs=1e-6)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), moments)
def test_a_number_whose_unit_changes_is_a_fault_and_any_other_is_none(first: str, then: str, moment: datetime):
    clock = Clock()
    seconds = int(moment.timestamp())
    clock.seconds(seconds * UNITS[first], 3)
    if first == then:
        assert clock.seconds((seconds + 1) * UNITS[then], 4) == seconds + 1
    else:
        with pytest.raises(FieldFault, match=rf"mixed units: .* in {then}, but the file began in {first} \(line 3\)"):
            clock.seconds(seconds * UNITS[then], 4)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("2026-03-01T10:00:00Z", 1772359200),
        (1772359200, "2026-03-01T10:00:00Z"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00"),  # of which nobody knows the zone
    ],
)
def test_dates_beside_numbers_are_mixed_units(first, then):
    clock = Clock()
    clock.seconds(first)
    with pytest.raises(FieldFault, match="mixed units"):
        clock.seconds(then)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "missing"),
        ("yesterday", "expected ISO 8601"),
        (True, "expected ISO 8601"),
        (float("nan"), "expected ISO 8601"),
        ([], "expected ISO 8601"),
        (12.5, "no time since 1970"),
        (-1772359200, "no time since 1970"),
        (10**21, "no time since 1970"),
    ],
)
def test_what_is_no_time_is_a_fault(value, words):
    with pytest.raises(FieldFault, match=words):
        Clock().seconds(value)


def test_time_runs_forward():
    assert elapsed(1772359200.1, 1772359200.85, "a call") == 0.75
    with pytest.raises(FieldFault, match=r"times run backwards: a call takes -0.5 s"):
        elapsed(1772359200.5, 1772359200.0, "a call")
