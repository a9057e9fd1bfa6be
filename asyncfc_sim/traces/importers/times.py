"""Points in time as files write them: ISO 8601, or a number since 1970 whose unit its magnitude tells.

A file keeps to one unit. One that changes it (milliseconds after seconds, a number beside a date) was put together from
pieces that do not fit, and every difference taken across the seam would be wrong: a fault, not a guess.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Final

from .records import FieldFault

# A number of seconds since 1970 lies in [1e8, 1e11) from 1973 to 5138; the finer units follow at a factor of 1000.
_FIRST: Final = 1e8
_UNITS: Final = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
DIGITS: Final = 6  # a float of seconds since 1970 is good for a microsecond


class Clock:
    """Reads the times of one file, and holds the file to the unit that it began with."""

    def __init__(self) -> None:
        self._unit: str | None = None
        self._line: int | None = None

    def seconds(self, value: Any, line: int | None = None) -> float:
        """Seconds since 1970. Raises FieldFault for what is no time, or is in another unit than the times before."""
        seconds, unit = _read(value)
        if self._unit is None:
            self._unit, self._line = unit, line
        elif unit != self._unit:
            place = "" if self._line is None else f" (line {self._line})"
            raise FieldFault(f"mixed units: the time {value!r} is in {unit}, but the file began in {self._unit}{place}")
        return seconds


def elapsed(earlier: float, later: float, what: str) -> float:
    """Seconds from one time to a later one, to the microsecond. Raises FieldFault if time ran backwards."""
    if later < earlier:
        raise FieldFault(f"times run backwards: {what} takes {later - earlier:.6g} s; expected no less than 0")
    return round(later - earlier, DIGITS)


def _read(value: Any) -> tuple[float, str]:
    match value:
        case None:
            raise FieldFault("a time is missing; expected ISO 8601, or a number since 1970")
        case bool():
            pass
        case int() | float() if math.isfinite(value):
            return _number(value)
        case str() if value.isdecimal():
            return _number(int(value))
        case str():
            return _date(value)
    raise FieldFault(f"a time is {value!r:.60}; expected ISO 8601, or a number since 1970")


def _number(value: float) -> tuple[float, str]:
    for unit, per_second in _UNITS.items():
        if _FIRST * per_second <= value < _FIRST * per_second * 1000:
            return value / per_second, unit
    raise FieldFault(
        f"a time is {value}, which is no time since 1970 in seconds, milliseconds, microseconds or nanoseconds"
    )


def _date(text: str) -> tuple[float, str]:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise FieldFault(f"a time is {text!r:.60}; expected ISO 8601, or a number since 1970") from None
    if date.tzinfo is None:
        return date.replace(tzinfo=UTC).timestamp(), "ISO 8601 without a time zone, read as UTC"
    return date.timestamp(), "ISO 8601"
