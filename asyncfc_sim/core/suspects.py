"""Numbers that a model may have made up instead of waiting for them: a heuristic, so they are called suspect.

A number is suspect if it stands nowhere in what the model has been shown or has itself written before, nor follows
from that in one step: it is no sum, difference, product or quotient of two such numbers, and none of them rounded.
Not looked at are numbers that prove little: those of fewer than three significant digits (12, 0.5, 4000), the years
from 1900 to 2099, what is glued to letters (identifiers, 1e-07), and numbers of more than fifteen digits.

It errs both ways. A model that knows a number by heart is suspected without cause; one that invents `42` is not. And
among very many numbers some two make almost any third: then nothing is suspect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from .references import Template, Text

_DIGITS = 15
_MANY = 300

_number = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_alone = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?(?!\w|\.[0-9])")
_grouping = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")  # 3,645,000


class Suspects:
    """The numbers that the model has met so far."""

    def __init__(self) -> None:
        self._met: set[Fraction] = set()
        self._read: list[Mapping[str, Any]] = []

    def read(self, text: str) -> None:
        """The model is shown this text."""
        for shown in {text, _grouping.sub("", text)}:
            for match in _number.finditer(shown):
                if len(self._met) > _MANY:
                    return  # more make no difference, and a long result may hold a million
                if len(match[0]) <= _DIGITS + 1:
                    self._met.add(Fraction(match[0]))

    def among(self, written: Template, transcript: Sequence[Mapping[str, Any]]) -> int:
        """How many suspect numbers the model writes, in a call's arguments or in a text; each is suspect only once.

        `transcript` is what it has been shown: looked at only if it matters, and of that only what has changed.
        """
        if len(self._met) > _MANY:
            return 0
        unmet = {digits for digits in _written(written) if _tells(digits) and Fraction(digits) not in self._met}
        if unmet:
            self._catch_up(transcript)
            unmet = {digits for digits in unmet if not self._follows(digits)}
        self._met |= set(map(Fraction, unmet))
        return len(unmet)

    def _catch_up(self, transcript: Sequence[Mapping[str, Any]]) -> None:
        if len(transcript) == len(self._read) and (not self._read or transcript[-1] is self._read[-1]):
            return  # it changes at the end at least: nothing is shown while a message is written
        same = self._read == transcript[: len(self._read)]  # of the same messages, at no cost
        for place in range(len(self._read) if same else 0, len(transcript)):
            message = transcript[place]
            if place < len(self._read) and self._read[place] is message:
                continue  # messages are replaced, never changed
            self.read(message.get("content") or "")
            for call in message.get("tool_calls", ()):
                self.read(call["function"]["arguments"])
        self._read = list(transcript)

    def _follows(self, digits: str) -> bool:
        number, met = Fraction(digits), self._met
        if number in met or len(met) > _MANY:  # by what it was shown since
            return True
        places = len(digits.partition(".")[2])
        return any(
            number - one in met
            or one - number in met
            or number + one in met
            or number * one in met
            or (one and number / one in met)
            or round(one, places) == number
            for one in met
        )


def _tells(digits: str) -> bool:
    """Whether a number proves something if it is nowhere else."""
    if len(digits) > _DIGITS + 1 or (digits.isdecimal() and 1900 <= int(digits) < 2100):
        return False
    return digits.replace(".", "").isdecimal() and len(digits.replace(".", "").strip("0")) >= 3


def _written(template: Template) -> Iterator[str]:
    """The numbers in what was written, references left out, as their digits."""
    match template:
        case bool():
            return
        case int() | float() if abs(template) < 10**_DIGITS:
            yield repr(abs(template))
        case str():
            yield from _alone.findall(_grouping.sub("", template))
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
