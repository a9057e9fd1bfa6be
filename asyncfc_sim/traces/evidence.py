"""Where a value in an argument can have come from: which earlier results hold it, and what was known without them.

A text of one character and a number of one digit say nothing about where they come from, and are no evidence; true,
false and null neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from asyncfc_sim.core.references import Path, Template
from asyncfc_sim.core.values import JSON, Value

SHORTEST_PART: Final = 3  # characters that a part of a text must have to be evidence

Name = TypeVar("Name")  # of a result: a future, the id of a call


class Seen:
    """What the decoder has been shown, or has written itself."""

    def __init__(self) -> None:
        self._text = ""
        self._numbers: set[float] = set()

    def add(self, text: str) -> None:
        self._text += "\n" + text.casefold()
        self._numbers.update(value for value, _ in _numbers(text))

    def add_leaves(self, value: Template) -> None:
        for _, leaf in leaves(value):
            if isinstance(leaf, str | int | float):
                self.add(str(leaf))

    def knows(self, literal: JSON) -> bool:
        if isinstance(literal, str):
            return literal.casefold() in self._text
        return abs(literal) in self._numbers


def leaves(value: Template, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All that is no array and no object, with the path to it."""
    match value:
        case dict():
            for name, item in value.items():
                yield from leaves(item, (*path, name))
        case list():
            for index, item in enumerate(value):
                yield from leaves(item, (*path, index))
        case _:
            yield path, value


def tells(value: Template) -> bool:
    """Whether a leaf is special enough that finding it twice means something."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and len(str(value)) > 1


def found_whole(literal: JSON, results: Mapping[Name, Value]) -> tuple[Name, Path] | None:
    """The earliest result with a leaf that is the literal itself, of the same type, and the path to it."""
    for name, result in results.items():
        for path, leaf in leaves(result):
            if type(leaf) is type(literal) and leaf == literal:
                return name, path
    return None


def found_in_part(literal: JSON, results: Mapping[Name, Value], seen: Seen) -> Name | None:
    """The earliest result with a leaf, not known without it, of which the literal is made, or which is made of it."""
    for name, result in results.items():
        if any(_related(literal, leaf) and not seen.knows(leaf) for _, leaf in leaves(result)):
            return name
    return None


def _related(literal: JSON, leaf: JSON) -> bool:
    """Whether one of two texts is part of the other, or a number in one of two values is that of the other, rounded."""
    if not tells(leaf):
        return False
    if isinstance(literal, str) and isinstance(leaf, str):
        short, long = sorted((literal.casefold(), leaf.casefold()), key=len)
        return len(short) >= SHORTEST_PART and short in long
    if isinstance(leaf, str):
        return any(value == abs(literal) for value, _ in _numbers(leaf))
    return any(value == round(abs(leaf), decimals) for value, decimals in _numbers(str(literal)))


def _numbers(text: str) -> Iterator[tuple[float, int]]:
    """The numbers in a text, without their signs, and how many decimals each is written with: `$1,500.50` -> 1500.5."""
    for match in re.finditer(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?", text):
        written = match.group().replace(",", "")
        yield float(written), len(written.partition(".")[2])
