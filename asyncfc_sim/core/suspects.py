"""Numbers that a model may have made up instead of waiting for them: a heuristic, so they are called suspect.

A number is suspect if it stands nowhere in what the model has been shown or has itself written before, nor follows
from that in one step: it is no sum, difference, product or quotient of two such numbers, and none of them rounded.
Not looked at are numbers that prove little: those of fewer than three significant digits (12, 0.5, 4000), the years
from 1900 to 2099, what is glued to letters (identifiers), and numbers of more than fifteen digits.

It errs both ways. A model that knows a number by heart is suspected without cause; one that invents `42` is not. And
among very many numbers some two make almost any third: then nothing is suspect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .references import Template, Text

_DIGITS = 15  # more than that, and it is an identifier
_MANY = 1000

_number = re.compile(r"\d+(?:\.\d+)?")
_alone = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w|\.\d)")
_grouping = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")  # 3,645,000


class Suspects:
    """The numbers that the model has met so far."""

    def __init__(self) -> None:
        self._met: set[Decimal] = set()
        self._read: list[Mapping[str, Any]] = []

    def read(self, text: str) -> None:
        """The model is shown this text."""
        for shown in (text, _grouping.sub("", text)):
            self._met.update(map(Decimal, filter(_is_short, _number.findall(shown))))

    def among(self, written: Template, transcript: Sequence[Mapping[str, Any]]) -> int:
        """How many suspect numbers the model writes, in a call's arguments or in a text; each is suspect only once.

        `transcript` is what it has been shown: looked at only if it matters, and of that only what has changed.
        """
        unmet = {number for number in _telling(written) if number not in self._met}
        if unmet:
            self._catch_up(transcript)
            unmet = {number for number in unmet if not self._follows(number)}
        self._met |= unmet
        return len(unmet)

    def _catch_up(self, transcript: Sequence[Mapping[str, Any]]) -> None:
        for place, message in enumerate(transcript):
            if place < len(self._read) and self._read[place] is message:
                continue  # messages are replaced, never changed
            self.read(message.get("content") or "")
            for call in message.get("tool_calls", ()):
                self.read(call["function"]["arguments"])
        self._read = list(transcript)

    def _follows(self, number: Decimal) -> bool:
        met = self._met
        if number in met or len(met) > _MANY:
            return True
        places = _places(number)
        return any(
            number - one in met
            or one - number in met
            or number + one in met
            or number * one in met
            or (one and number / one in met)
            or (_places(one) > places and round(one, places) == number)
            for one in met
        )


def _is_short(digits: str) -> bool:
    return len(digits) <= _DIGITS + 1


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _telling(template: Template) -> Iterator[Decimal]:
    """The numbers in what was written, references left out, that prove something if they are nowhere else."""
    for number in _written(template):
        significant = len(number.normalize().as_tuple().digits)
        year = number == int(number) and 1900 <= number < 2100
        if 3 <= significant <= _DIGITS and not year:
            yield number


def _written(template: Template) -> Iterator[Decimal]:
    match template:
        case bool():
            return
        case int() | float() if abs(template) < 10**_DIGITS:
            yield abs(Decimal(repr(template)))
        case str():
            yield from map(Decimal, filter(_is_short, _alone.findall(_grouping.sub("", template))))
        case Text(parts):
            for part in parts:
                if isinstance(part, str):
                    yield from _written(part)
        case list():
            for item in template:
                yield from _written(item)
        case dict():
            for item in template.values():
                yield from _written(item)
