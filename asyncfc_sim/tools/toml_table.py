"""The tables of a TOML file, read with suspicion: whatever is wrong is named by file, table and key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Self

from asyncfc_sim.core.footprint import BadFootprint, template_arguments
from asyncfc_sim.core.values import JSON


class ToolsFileError(ValueError):
    """A tools file that cannot be used: the file, the table and the key, and what was expected there."""


class Table:
    """A table that knows where it stands, so that every complaint can say so. Each kind of file has its own `fault`."""

    fault: ClassVar[type[ValueError]] = ToolsFileError

    def __init__(self, source: str, key: str, values: Mapping[str, Any]) -> None:
        self.source, self.key, self.values = source, key, values

    def error(self, key: str, why: str) -> ValueError:
        place = ".".join(part for part in (self.key, key) if part)
        return self.fault(f"{self.source}: {place}: {why}")

    def wrong(self, key: str, expected: str) -> ValueError:
        return self.error(key, f"expected {expected}, not {_kind(self.values[key])}")

    def only(self, *known: str) -> None:
        for key in self.values:
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
                raise self.error(key, f"unknown key; {hint}")

    def needs(self, *keys: str) -> None:
        for key in keys:
            if key not in self.values:
                raise self.error(key, "is missing")

    def table(self, key: str) -> Self:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return type(self)(self.source, f"{self.key}.{key}".lstrip("."), value)

    def tables(self, key: str) -> list[Self]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, "an array of tables")
        return [
            type(self)(self.source, f"{self.key}.{key}[{number}]".lstrip("."), item)
            for number, item in enumerate(value, 1)
        ]

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def text(self, key: str) -> str:
        value = self.values[key]
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a string that is not empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "an array of strings")
        return tuple(value)

    def number(self, key: str) -> float:
        value = self.values[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(key, "a finite number")
        return float(value)

    def seconds(self, key: str) -> float:
        if (seconds := self.number(key)) <= 0:
            raise self.wrong(key, "a number of seconds above zero")
        return seconds

    def count(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise self.wrong(key, "a whole number, 1 or more")
        return value

    def json(self, key: str) -> JSON:
        if (what := _not_json(self.values[key])) is not None:
            raise self.error(key, f"{what} is not JSON")
        return self.values[key]

    def patterns(self, key: str) -> tuple[str, ...]:
        """Templates of key patterns, tried with a plain value for each argument."""
        templates = self.texts(key)
        for template in templates:
            try:
                template_arguments(template)
            except BadFootprint as error:
                raise self.error(key, str(error)) from None
            except ValueError as error:
                raise self.error(key, f"{template!r}: {error}") from None
        return templates


def _not_json(value: Any) -> str | None:
    """What of a TOML value JSON cannot hold."""
    match value:
        case dict():
            return next(filter(None, map(_not_json, value.values())), None)
        case list():
            return next(filter(None, map(_not_json, value)), None)
        case bool() | str() | int():
            return None
        case float() if math.isfinite(value):
            return None
        case _:
            return f"{_kind(value)} ({value})"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "a boolean"
        case str():
            return f"the string {value!r}" if value else "an empty string"
        case int() | float():
            return f"the number {value}"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"
