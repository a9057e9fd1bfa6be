"""What is read from a file of somebody else's making: its documents or lines, and fields that are what they must be.

A field that is missing, of another type, or negative ends the reading of its record with a FieldFault; `each` tells
the source of it, with the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from asyncfc_sim.traces.sessions import RecordedSession

from .source import Source

T = TypeVar("T")
Record = Mapping[str, Any]


class FieldFault(ValueError):
    """A record in which a field is missing, or is not what it must be."""


# ------------------------------------------------------------------------------------------------ records


def head(source: Source) -> dict[str, Any]:
    """What a format is recognised by: the whole document if the file is one, else its first line."""
    return source.document if isinstance(source.document, dict) else source.first


def documents(source: Source) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """The file as one document, or its lines as one document each, with their numbers."""
    if isinstance(source.document, dict):
        yield None if "\n" in source.text.strip() else 1, source.document
    else:
        yield from source.records()


def each(
    source: Source,
    records: Iterable[tuple[int | None, T]],
    read: Callable[[T], Iterable[RecordedSession]],
) -> Iterator[tuple[int | None, RecordedSession]]:
    """The sessions that `read` finds in each record; what is broken in a record is told with its line."""
    for line, record in records:
        try:
            sessions = list(read(record))
        except FieldFault as error:
            source.fault(str(error), line)
            continue
        for session in sessions:
            yield line, session


def origin(source: Source, name: str) -> str:
    """The `source` of sessions of the format `name`."""
    return f"{name} {source.name.rpartition('/')[2]}"


# ------------------------------------------------------------------------------------------------ fields


def count(record: Record, name: str) -> int:
    """A whole number that is not negative."""
    value = _given(record, name, "a whole number")
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise FieldFault(f"{name} is {value!r:.60}; expected a whole number")
    return int(_not_negative(value, name))


def number(record: Record, name: str) -> float:
    """A finite number that is not negative: seconds, or whatever unit its name says."""
    value = _given(record, name, "a number")
    try:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise FieldFault(f"{name} is {value!r:.60}; expected a number")
        return float(_not_negative(value, name))
    except OverflowError:
        raise FieldFault(f"{name} is {str(value)[:20]}...; expected a number of a size that occurs") from None


def text(record: Record, name: str) -> str:
    """A string."""
    value = _given(record, name, "a text")
    if not isinstance(value, str):
        raise FieldFault(f"{name} is {value!r:.60}; expected a text")
    return value


def texts(record: Record, name: str) -> list[str]:
    """A list of strings."""
    value = _given(record, name, "a list of texts")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FieldFault(f"{name} is {value!r:.60}; expected a list of texts")
    return value


def section(record: Record, *names: str) -> Record:
    """An object in an object in ...; empty if one is missing on the way."""
    for name in names:
        if (value := record.get(name)) is None:
            return {}
        if not isinstance(value, Mapping):
            raise FieldFault(f"{name} is {value!r:.60}; expected an object")
        record = value
    return record


def objects(record: Record, name: str) -> list[dict[str, Any]]:
    """A list of objects."""
    value = _given(record, name, "a list of objects")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise FieldFault(f"{name} is {value!r:.60}; expected a list of objects")
    return value


def maybe(field: Callable[[Record, str], T], record: Record, name: str) -> T | None:
    """A field that may be absent or null."""
    return None if record.get(name) is None else field(record, name)


def _given(record: Record, name: str, expected: str) -> Any:
    if (value := record.get(name)) is None:
        raise FieldFault(f"{name} is missing; expected {expected}")
    return value


def _not_negative(value: float, name: str) -> float:
    if value < 0:
        raise FieldFault(f"{name} is {value}; expected a number that is not negative")
    return value
